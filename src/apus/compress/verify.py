"""Is the delivered file the network that was trained? Engine, ONNX Runtime and torch on the whole test split."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from apus._files import write_atomically
from apus.compress.deliver import models
from apus.compress.folder import Done
from apus.compress.job import Job, last_trained
from apus.compress.sources import examples
from apus.errors import VerificationError
from apus.export import INPUT
from apus.runtime import Session
from apus.training import score

Array = NDArray[Any]
BATCH = 100


def verify(job: Job, mark: str) -> Done:
    """Run everything on the test split and hold the differences against the recipe's bounds.

    Args:
        job: with exported and compiled networks.
        mark: fingerprint of the stage.

    Returns:
        Accuracies, agreements and differences, also written to `verify.json`.

    Raises:
        VerificationError: a bound is broken; says which and by how much.
    """
    x, y = examples(job.splits.test)
    onnx, apus = (models(job.recipe, job.folder.path, suffix) for suffix in (".onnx", ".apus"))
    last, judge, bounds = last_trained(job.recipe), job.sources.judge(), job.recipe.verify
    simulated = job.trained(last)
    with torch.no_grad():
        in_torch = _all(lambda part: simulated(torch.from_numpy(part)).numpy(), x)
    in_runtime = {stage: _all(onnx_runner(onnx[stage]), x) for stage in ("teacher", last)}
    session = Session(apus[last], threads=1)
    engine = _all(lambda part: session.run(None, {INPUT: part})[0], x)
    pairs = {
        "onnxruntime": compare(engine, in_runtime[last], bounds.steps, bounds.agreement),
        "torch": compare(engine, in_torch, bounds.torch_steps, bounds.agreement),
    }
    scores = {"student": score(torch.from_numpy(engine), y, judge)}
    scores["teacher"] = score(torch.from_numpy(in_runtime["teacher"]), y, judge)
    facts: Done = {"examples": len(y), "against": pairs}
    facts |= {f"{who}_accuracy_pct": each.accuracy_pct for who, each in scores.items()}
    facts |= {f"{who}_loss": each.loss for who, each in scores.items()}
    job.folder.write_json("verify.json", facts)
    _keep_answers(job.folder / "verify.npz", teacher=in_runtime["teacher"], student=engine, labels=y.numpy())
    _refuse(pairs, apus[last])
    return facts


def compare(ours: Array, reference: Array, steps: float, agreement: float) -> dict[str, Any]:
    """How far two runs are apart.

    Args:
        ours: outputs (N, ...).
        reference: outputs (N, ...), whose range makes 255 steps.
        steps: largest difference allowed, in steps.
        agreement: least share of equal classes allowed, in percent.

    Returns:
        The differences, the bounds, and whether they hold.
    """
    step = float(reference.max() - reference.min()) / 255 or 1.0
    apart = float(np.abs(ours - reference).max())
    equal = 100 * float((ours.argmax(-1) == reference.argmax(-1)).mean()) if ours.shape[-1] > 1 else 100.0
    facts = {"agreement_pct": equal, "max_difference": apart, "max_steps": apart / step, "step": step}
    passed = equal >= agreement and apart / step <= steps
    return facts | {"allowed_steps": steps, "least_agreement_pct": agreement, "passed": passed}


def onnx_runner(path: Path) -> Callable[[Array], Array]:
    """A function that runs an ONNX file in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda part: session.run(None, {INPUT: part})[0]


def _all(run: Callable[[Array], Array], x: Tensor) -> Array:
    parts = [x[start : start + BATCH].contiguous().numpy() for start in range(0, len(x), BATCH)]
    return np.concatenate([run(part) for part in parts]).astype(np.float32)


def _keep_answers(path: Path, **arrays: Array) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def _refuse(pairs: dict[str, dict[str, Any]], artifact: Path) -> None:
    for who, facts in pairs.items():
        if not facts["passed"]:
            raise VerificationError(
                f"{artifact} and {who} differ: {facts['agreement_pct']:.2f} % of classes agree "
                f"(bound {facts['least_agreement_pct']:g} %), outputs by {facts['max_steps']:.2f} steps "
                f"(bound {facts['allowed_steps']:g}); see [verify] in the recipe"
            )
