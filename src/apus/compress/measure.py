"""How fast is it, here? Teacher, dense int8 peers and `.apus`, in turns, at each batch size and thread count."""

from pathlib import Path
from typing import Any

import numpy as np

from apus.bench import Contender, Measurement, compare, contender
from apus.bench.layers import layers
from apus.bench.protocol import Inputs
from apus.compress.deliver import models
from apus.compress.folder import Done
from apus.compress.job import Job, last_trained
from apus.compress.sources import examples
from apus.errors import MissingExtraError, RunError
from apus.export import INPUT
from apus.runtime import cpu

TEACHER, OURS = "teacher in onnxruntime", "student in apus"
PEERS = {"student in onnxruntime": "onnxruntime", "student in openvino": "openvino"}


def measure(job: Job, mark: str) -> Done:
    """Time everything and keep the rows in `measure.json`.

    Args:
        job: with verified files.
        mark: fingerprint of the stage.

    Returns:
        `settings`: one entry per batch size and thread count; `layers`: the student's, timed one by one.
    """
    x, part = examples(job.splits.test)[0].numpy(), job.recipe.measure
    cores = int(cpu()["cores"])
    missing: set[str] = set()
    settings: list[dict[str, Any]] = []
    for threads in [t for t in part.threads if t <= cores] or [1]:
        for batch in part.batches:
            feed = {INPUT: np.ascontiguousarray(np.resize(x, (batch, *x.shape[1:])))}
            everything = not settings
            made = contenders(job, missing, feed, stages=everything)
            timed = compare(made, feed, threads=threads, seconds=part.seconds)
            settings.append({"batch": batch, "threads": threads, "rows": [_row(m) for m in timed]})
    first = {INPUT: np.ascontiguousarray(x[: part.batches[0]])}
    facts = {"settings": settings, "left_out": sorted(missing), "layers": layers(_student(job, ".apus"), first)}
    job.folder.write_json("measure.json", facts)
    return {"settings": len(settings)}


def contenders(job: Job, missing: set[str], feed: Inputs, *, stages: bool) -> list[Contender]:
    """Who is timed: the teacher, the student in each engine, and on request each stage's network in ours.

    Args:
        job: with compiled files.
        missing: gets the engines that are not installed, or refuse the student's file.
        feed: one array per input.
        stages: also every stage.

    Returns:
        The student's dense peers run the same QDQ file: they multiply by its zeros, as they would by other weights.
    """
    made = [contender("onnxruntime", _onnx(job, "teacher"), label=TEACHER, network="teacher")]
    for label, engine in PEERS.items():
        try:
            peer = contender(engine, _student(job, ".onnx"), label=label, network="student")
            peer.load(feed, 1)
            made.append(peer)
        except (MissingExtraError, RunError) as error:
            missing.add(str(error))
    made.append(contender("apus", _student(job, ".apus"), label=OURS, network="student"))
    if stages:
        others = {
            s: p for s, p in models(job.recipe, job.folder.path, ".apus").items() if s != last_trained(job.recipe)
        }
        networks = {stage: stage if stage == "teacher" else f"{stage} stage" for stage in others}
        made += [contender("apus", p, label=f"{s} stage in apus", network=networks[s]) for s, p in others.items()]
    return made


def _row(m: Measurement) -> dict[str, Any]:
    kept = ("contender", "network", "p50_us", "p99_us", "low_us", "high_us", "runs", "settings")
    return {name: getattr(m, name) for name in kept}


def _onnx(job: Job, stage: str) -> Path:
    return models(job.recipe, job.folder.path, ".onnx")[stage]


def _student(job: Job, suffix: str) -> Path:
    return models(job.recipe, job.folder.path, suffix)[last_trained(job.recipe)]
