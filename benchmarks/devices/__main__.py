"""`make bench-devices`: writes `benchmarks/results/devices.json`.

`APUS_TPU_PYTHON` names a Python with the extra `tpu-check`, for the emulated TPU; without it this one is tried.
"""

import difflib
import json
import os
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
Answer = dict[str, Any]


def contenders() -> dict[str, list[str]]:
    """Commands by case; the emulated TPU stays out where its packages are absent, CUDA where there is none."""
    script = str(Path(__file__).with_name("train.py"))
    tail = [str(STEPS), str(ROWS)]
    python = [sys.executable, script]
    found = {
        "cpu": [*python, "cpu", "none", "fp32", *tail],
        "cpu-bf16": [*python, "cpu", "none", "bf16", *tail],
        "cpu-compiled": [*python, "cpu", "auto", "fp32", *tail],
        "gloo-2": [*_torchrun(2), script, "cpu", "none", "fp32", *tail],
    }
    if torch.cuda.is_available():
        found |= {
            "cuda": [*python, "cuda", "none", "fp32", *tail],
            "cuda-bf16": [*python, "cuda", "auto", "bf16", *tail],
        }
    else:
        print("no CUDA device here: no cuda rows")
    emulated = os.environ.get("APUS_TPU_PYTHON", sys.executable)
    if subprocess.run([emulated, "-c", "import torch_tpu, xla_plugins.xla_cpu_pjrt"], capture_output=True).returncode:
        print("no torch-tpu here (pip install 'apus-ml[tpu-check]', APUS_TPU_PYTHON): no tpu-emulated rows")
    else:
        found["tpu-emulated"] = [emulated, "-m", "apus.cli", "tpu", "run", script, "tpu", "none", "fp32", *tail]
    return found


def _torchrun(ranks: int) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]


def _run(command: list[str]) -> Answer:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TPU_SKIP_MDS_QUERY": "1"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[-3000:]}")
    answer: Answer = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return answer


def changed_lines() -> int:
    """Lines that the plain script of the tests needs changed."""
    before, after = ((SCRIPTS / name).read_text().splitlines() for name in ("plain.py", "plain_anywhere.py"))
    return sum(line[0] == "+" and bool(line[1:].strip()) for line in difflib.ndiff(before, after))


def rows_of(case: str, answer: Answer, cpu: Answer) -> list[Row]:
    """The metrics of one case."""
    pairs = zip(answer["losses"], cpu["losses"], strict=True)
    worst = max(abs(a - b) for a, b in pairs)
    per_second = {key: 1 / answer[key] for key in ("low", "median", "high")}
    spread = {"low": per_second["high"], "high": per_second["low"], "runs": STEPS}
    return [
        row(case, "steps_per_s", per_second["median"], "steps/s", **spread, detail={"wait_seconds": answer["wait"]}),
        row(case, "compilations_after_warmup", answer["late"], "programs"),
        row(case, "loss_difference", worst, "nats", runs=STEPS, detail={"against": "cpu", "of": "largest over steps"}),
        row(case, "changed_lines", changed_lines(), "lines", detail={"script": "tests/training/scripts/plain.py"}),
    ]


def main() -> None:
    """Run all, write, say where."""
    answers = {case: _run(command) for case, command in contenders().items()}
    rows = [one for case, answer in answers.items() for one in rows_of(case, answer, answers["cpu"])]
    ratio = answers["cpu"]["median"] / answers["cpu-bf16"]["median"]
    amx = bool(torch.cpu.get_capabilities().get("amx_bf16"))
    rows.append(row("cpu-bf16", "speedup_vs_fp32", ratio, "x", runs=STEPS, detail={"amx": amx}))
    added, low, high = overhead.measure()
    rows.append(row("cpu", "overhead_pct", added, "%", low=low, high=high, runs=15))
    fed = starved.measure()
    rows.append(row(f"starved-{fed['device']}", "speedup", fed["speedup"], "x", detail=fed))
    path = ROOT / "benchmarks" / "results" / "devices.json"
    write_results(path, "devices", "make bench-devices", rows, threads=1, steps=STEPS, rows_per_batch=ROWS)
    print(path)


if __name__ == "__main__":
    main()
