"""`make bench-devices`: writes `benchmarks/results/devices.json`.

`APUS_TPU_PYTHON` names a Python with the extra `tpu-check`, for the emulated TPU; without it this one is tried.
"""

import difflib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from apus.bench.results import Row, row, write_results
from benchmarks.devices import overhead, starved

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "training" / "scripts"
STEPS, ROWS = 40, 64
TRAIN = str(Path(__file__).with_name("train.py"))
Answer = dict[str, Any]


def starts() -> dict[str, list[str]]:
    """How a script is started, by case; the emulated TPU stays out where it is absent, CUDA where there is none."""
    found = {"cpu": [sys.executable], "gloo-2": _torchrun(2)}
    if torch.cuda.is_available():
        found["cuda"] = [sys.executable]
    else:
        print("no CUDA device here: no cuda rows")
    emulated = os.environ.get("APUS_TPU_PYTHON", sys.executable)
    if subprocess.run([emulated, "-c", "import torch_tpu, xla_plugins.xla_cpu_pjrt"], capture_output=True).returncode:
        print("no torch-tpu here (pip install 'apus-ml[tpu-check]', APUS_TPU_PYTHON): no tpu-emulated rows")
    else:
        found["tpu-emulated"] = [emulated, "-m", "apus.cli", "tpu", "run"]
    return found


def contenders() -> dict[str, list[str]]:
    """Commands that train the teacher, by case."""
    found: dict[str, list[str]] = {}
    for case, start in starts().items():
        device = {"gloo-2": "cpu", "tpu-emulated": "tpu"}.get(case, case)
        found[case] = [*start, TRAIN, device, "none", "fp32", str(STEPS), str(ROWS)]
        if device in ("cpu", "cuda") and case != "gloo-2":
            found[f"{case}-bf16"] = [*start, TRAIN, device, "none", "bf16", str(STEPS), str(ROWS)]
            found[f"{case}-compiled"] = [*start, TRAIN, device, "auto", "fp32", str(STEPS), str(ROWS)]
    return found


def _torchrun(ranks: int) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]


def plain_rows() -> list[Row]:
    """The plain script with its changed lines on each device, against the plain script itself."""
    expected = _test_loss([sys.executable, str(SCRIPTS / "plain.py")], "cpu")
    rows = []
    for case, start in starts().items():
        device = {"gloo-2": "cpu", "tpu-emulated": "tpu"}.get(case, case)
        difference = abs(_test_loss([*start, str(SCRIPTS / "plain_anywhere.py")], device) - expected)
        detail = {"of": "test loss after two epochs", "plain": expected}
        rows.append(row(case, "loss_difference", difference, "nats", detail=detail))
        rows.append(row(case, "changed_lines", changed_lines(), "lines", detail={"script": "plain.py"}))
    return rows


def _test_loss(command: list[str], device: str) -> float:
    return float(re.findall(r"epoch 1: test loss ([\d.]+)", _output([*command, "2"], device))[0])


def _run(command: list[str]) -> Answer:
    lines = _output(command).splitlines()
    answer: Answer = json.loads(next(line for line in lines if line.startswith("{")))
    return answer


def _output(command: list[str], device: str = "") -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TPU_SKIP_MDS_QUERY": "1"}
    environment |= {"APUS_DEVICE": device} if device else {}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[-3000:]}")
    return done.stdout


def changed_lines() -> int:
    """Lines that the plain script of the tests needs changed."""
    before, after = ((SCRIPTS / name).read_text().splitlines() for name in ("plain.py", "plain_anywhere.py"))
    return sum(line[0] == "+" and bool(line[1:].strip()) for line in difflib.ndiff(before, after))


def rows_of(case: str, answer: Answer) -> list[Row]:
    """Speed and compilations of one case."""
    per_second = {key: 1 / answer[key] for key in ("low", "median", "high")}
    spread = {"low": per_second["high"], "high": per_second["low"], "runs": STEPS}
    return [
        row(case, "steps_per_s", per_second["median"], "steps/s", **spread, detail={"wait_seconds": answer["wait"]}),
        row(case, "compilations_after_warmup", answer["late"], "programs"),
    ]


def main() -> None:
    """Run all, write, say where."""
    answers = {case: _run(command) for case, command in contenders().items()}
    rows = [one for case, answer in answers.items() for one in rows_of(case, answer)] + plain_rows()
    ratio = answers["cpu"]["median"] / answers["cpu-bf16"]["median"]
    amx = bool(torch.cpu.get_capabilities().get("amx_bf16"))
    rows.append(row("cpu-bf16", "speedup_vs_fp32", ratio, "x", runs=STEPS, detail={"amx": amx}))
    cost = overhead.measure()
    spread = {"low": cost["low"], "high": cost["high"], "runs": int(cost["steps"])}
    rows.append(row("cpu", "overhead_pct", cost["added"], "%", **spread, detail={"noise_pct": cost["noise"]}))
    fed = starved.measure()
    rows.append(row(f"starved-{fed['device']}", "speedup", fed["speedup"], "x", detail=fed))
    path = ROOT / "benchmarks" / "results" / "devices.json"
    write_results(path, "devices", "make bench-devices", rows, threads=1, steps=STEPS, rows_per_batch=ROWS)
    print(path)


if __name__ == "__main__":
    main()
