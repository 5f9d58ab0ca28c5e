"""Every stage of a recipe by accuracy and time: the teacher in the best peer, in float32 and int8, then ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from apus.bench import compare, contender
from apus.bench.results import Row, row
from apus.compress.deliver import models
from apus.export import INPUT
from benchmarks.variants import Facts, Study

PEERS, SECONDS = ("onnxruntime", "openvino"), 2.0
Array = np.ndarray[Any, Any]


def rows(study: Study, task: str, found: Mapping[str, Facts], int8: Path, test: tuple[Array, Array]) -> list[Row]:
    """Microseconds of one example on one thread; `detail` has the accuracy on the test split and who it was.

    Args:
        study: whose recipe was delivered.
        task: begins the rows' names.
        found: stage → what it scored.
        int8: the teacher, quantised after training.
        test: inputs as a network takes them, and classes.
    """
    own, x = study.folder(0), test[0]
    ours = {stage: file for stage, file in models(study.recipe, own.path, ".apus").items() if stage in found}
    times = timed({"teacher": own / "teacher.onnx", "teacher-int8": int8}, ours, x[:1])
    right = {stage: facts["accuracy_pct"] for stage, facts in found.items()}
    right["teacher-int8"] = accuracy(int8, *test)
    fastest = {}
    for label in sorted(times, key=times.__getitem__, reverse=True):
        peer, _, stage = label.partition(" ")
        fastest[f"{'apus' if peer == 'apus' else 'peer'}-{stage}"] = label
    return [
        row(f"{task}-stage-{name}", "p50_us", times[label], "us", detail=_told(label, right, times))
        for name, label in fastest.items()
    ]


def timed(theirs: Mapping[str, Path], ours: Mapping[str, Path], x: Array) -> dict[str, float]:
    """Median microseconds in turns: "PEER NAME" for each of theirs in each peer, "apus NAME" for ours."""
    made = [contender(peer, file, label=f"{peer} {n}", network=n) for n, file in theirs.items() for peer in PEERS]
    made += [contender("apus", file, label=f"apus {n}", network=f"apus {n}") for n, file in ours.items()]
    return {one.contender: one.p50_us for one in compare(made, {INPUT: x}, threads=1, seconds=SECONDS)}


def _told(label: str, right: Mapping[str, float], times: Mapping[str, float]) -> Facts:
    peer, _, stage = label.partition(" ")
    others = {each: us for each, us in times.items() if each.endswith(f" {stage}")}
    return {"accuracy_pct": right[stage], "contender": peer, "stage": stage, "us": others}


def accuracy(file: Path, x: Array, y: Array) -> float:
    """Percent of classes that ONNX Runtime finds, one example at a time."""
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    hits = [session.run(None, {INPUT: x[i : i + 1]})[0].argmax() == y[i] for i in range(len(x))]
    return 100 * float(np.mean(hits))
