"""Ask each look in its own process, and judge the answers."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from apus.errors import ApusError, MissingExtraError
from apus.training.tpu_check import emulation

LOOKS = ("lint", "emulated", "ahead")
TOPOLOGIES = ("v5e:2x2", "v6e:2x2")
AGREES = 1e-3  # |emulated - CPU| loss, relative to 1 or to the CPU's where that is larger
_AHEAD_NEEDS = {"jax": "jax", "torchax": "torchax", "optax": "optax", "libtpu": "libtpu"}


@dataclass
class Report:
    """What was found.

    Attributes:
        script: the file.
        looks: answers, by look.
        absent: looks that could not be made, and the command that would let them.
        problems: one line each; none means: ready for a TPU, as far as can be told without one.
    """

    script: str
    looks: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def check(
    script: str | Path,
    arguments: Sequence[str] = (),
    *,
    looks: Sequence[str] = LOOKS,
    steps: int = 24,
    rows: int = 0,
    topologies: Sequence[str] = TOPOLOGIES,
) -> Report:
    """Run a training script's first steps, and say what a TPU would make of them.

    Args:
        script: a Python file that trains with PyTorch.
        arguments: its command line.
        looks: which of `LOOKS` to make.
        steps: optimizer steps to watch, ≥ 2.
        rows: global batch to compile for; 0 for the script's own.
        topologies: chips to compile for.

    Returns:
        The report; looks whose packages are absent are named in it. That no look saw a training step is a problem.

    Raises:
        ApusError: steps or rows are out of range, or the script fails.
    """
    if steps < 2 or rows < 0:
        raise ApusError(f"{steps} steps and {rows} rows: it takes 2 steps to see a change, and 0 rows or more")
    report = Report(str(script))
    words = [str(script), *arguments]
    makers: dict[str, Callable[[], tuple[Any, list[str]]]] = {
        "lint": lambda: _lint(words, steps),
        "emulated": lambda: _emulated(words, steps),
        "ahead": lambda: _ahead(words, rows, topologies),
    }
    for look in looks:
        try:
            report.looks[look], problems = makers[look]()
        except MissingExtraError as error:
            report.absent[look] = str(error)
        else:
            report.problems += problems
    if not any(_watched(look, answer) for look, answer in report.looks.items()):
        report.problems.append(_unchecked(report))
    return report


def _watched(look: str, answer: Any) -> bool:
    """Whether a look saw a training step; one that compiles ahead fails without."""
    return bool(answer if look == "ahead" else answer["steps"])


def _unchecked(report: Report) -> str:
    idle = [] if not report.looks else [f"no optimizer step was taken under {' and '.join(report.looks)}"]
    absent = [f"{look} was not made, as {why}" for look, why in report.absent.items()]
    return f"{report.script}: nothing was checked: {'; '.join(idle + absent)}"


def _lint(words: list[str], steps: int) -> tuple[Any, list[str]]:
    answer = _ask("probe", ["lint", str(steps), *words], _on_cpu())
    return answer, [f"{finding['place']}: {finding['what']}" for finding in answer["findings"]]


def _emulated(words: list[str], steps: int) -> tuple[Any, list[str]]:
    environment = emulation.environment()
    emulated = _ask("probe", ["losses", str(steps), *words], environment)
    reference = _ask("probe", ["losses", str(steps), *words], _on_cpu())
    pairs = list(zip(emulated["losses"], reference["losses"], strict=False))
    worst = max((abs(a - b) / max(1.0, abs(b)) for a, b in pairs), default=0.0)
    answer = {"steps": len(pairs), "worst": worst, **{k: emulated[k] for k in ("devices", "recompiling_steps")}}
    problems = []
    if emulated["devices"] != ["tpu"]:
        problems.append("the losses are not computed on the TPU: let Runtime().setup(...) place the model and loaders")
    if not worst <= AGREES:
        problems.append(f"emulated losses differ from the CPU's by {worst:.2g} (allowed {AGREES})")
    if emulated["recompiling_steps"] > 1:  # one may be the first evaluation's
        problems.append(f"{emulated['recompiling_steps']} of the last {len(pairs) // 2} steps compile something anew")
    return answer, problems


def _ahead(words: list[str], rows: int, topologies: Sequence[str]) -> tuple[Any, list[str]]:
    absent = [name for module, name in _AHEAD_NEEDS.items() if importlib.util.find_spec(module) is None]
    if absent:
        raise MissingExtraError(f"compiling ahead needs {', '.join(absent)}: pip install 'apus-ml[tpu-check]'")
    # libtpu takes a lock though it only compiles here.
    environment = _on_cpu() | {"JAX_PLATFORMS": "cpu", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    answers = [_ask("ahead", [topology, str(rows), *words], environment) for topology in topologies]
    return answers, [f"{one['topology']}, {one['rows']} rows: {one['error']}" for one in answers if "error" in one]


def _on_cpu() -> dict[str, str]:
    return {**os.environ, "APUS_DEVICE": "cpu", "TORCH_DEVICE_BACKEND_AUTOLOAD": "0", "TPU_SKIP_MDS_QUERY": "1"}


def _ask(module: str, words: list[str], environment: dict[str, str]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "answer.json"
        command = [sys.executable, "-m", f"apus.training.tpu_check.{module}", str(output), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
        if not output.exists():
            raise ApusError(f"the script failed under {module} ({' '.join(words)}):\n{done.stderr[-2000:]}")
        return json.loads(output.read_text())
