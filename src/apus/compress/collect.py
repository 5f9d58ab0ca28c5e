"""Everything the report shows, in one JSON of the shape that all benchmarks share."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apus.bench import row, write_results
from apus.compress import report as page
from apus.compress.deliver import models
from apus.compress.folder import Done
from apus.compress.job import Job, last_trained
from apus.compress.measure import OURS, PEERS, TEACHER
from apus.compress.recipe_file import to_table, to_toml
from apus.compress.sources import examples

Row = dict[str, Any]
MOST_MISTAKES = 24


def collect(job: Job, mark: str) -> Done:
    """Write `report.json` and `report.html`.

    Args:
        job: with all stages before this done.
        mark: fingerprint of the stage.

    Returns:
        The headline figures.
    """
    rows, stages = _rows(job), _stages(job)
    command = f"apus compress {job.folder / 'recipe.toml'}"
    result = write_results(
        job.folder / "report.json",
        "demo",
        command,
        rows,
        threads=job.folder.read_json("measure.json")["settings"][0]["threads"],
        name=job.recipe.name,
        stages=stages,
        history={s["stage"]: job.folder.read_json(f"{s['stage']}/history.json") for s in stages},
        layers=job.folder.read_json("measure.json")["layers"],
        mistakes=_mistakes(job),
        verify=job.folder.read_json("verify.json"),
        measure=job.folder.read_json("measure.json")["settings"],
        recipe=to_table(job.recipe),
        recipe_toml=to_toml(job.recipe),
        reproduce=command,
    )
    page.write_html(result, job.folder / "report.html")
    return {r["metric"]: r["value"] for r in rows if r["case"] == "student"}


def _rows(job: Job) -> list[Row]:
    verified, settings = job.folder.read_json("verify.json"), job.folder.read_json("measure.json")["settings"]
    size = {"teacher": models(job.recipe, job.folder.path, ".onnx")["teacher"].stat().st_size}
    size["student"] = models(job.recipe, job.folder.path, ".apus")[last_trained(job.recipe)].stat().st_size
    rows = []
    for who in ("teacher", "student"):
        if verified[f"{who}_accuracy_pct"] is not None:
            detail = {"examples": verified["examples"]}
            rows.append(row(who, "accuracy_pct", verified[f"{who}_accuracy_pct"], "%", detail=detail))
        rows.append(row(who, "bytes", size[who], "bytes"))
    rows.append(row("student", "size_ratio", size["teacher"] / size["student"], "x"))
    for place, setting in enumerate(settings):
        suffix = "" if place == 0 else f"-b{setting['batch']}-t{setting['threads']}"
        rows += _speed(setting, suffix)
    return rows


def _speed(setting: dict[str, Any], suffix: str) -> list[Row]:
    timed = {each["contender"]: each for each in setting["rows"]}
    ours, teacher = timed[OURS], timed[TEACHER]
    where = {"batch": setting["batch"], "threads": setting["threads"]}
    rows = [_latency("teacher" + suffix, teacher, where), _latency("student" + suffix, ours, where)]
    rows.append(_ratio("student" + suffix, "speedup_vs_teacher_onnxruntime", teacher, ours, where))
    peers = [timed[label] for label in PEERS if label in timed]
    if peers:
        best = min(peers, key=lambda each: each["p50_us"])
        detail = where | {"best_peer": best["contender"], "peers_us": {p["contender"]: p["p50_us"] for p in peers}}
        rows.append(_ratio("student" + suffix, "speedup_vs_dense_int8_peer", best, ours, detail))
    return rows


def _latency(case: str, each: Row, where: Row) -> Row:
    detail = where | {"contender": each["contender"], "p99_us": each["p99_us"], "settings": each["settings"]}
    spread = {"low": each["low_us"], "high": each["high_us"]}
    return row(case, "p50_us", each["p50_us"], "us", runs=each["runs"], detail=detail, **spread)


def _ratio(case: str, metric: str, slow: Row, fast: Row, detail: Row) -> Row:
    spread = {"low": slow["low_us"] / fast["high_us"], "high": slow["high_us"] / fast["low_us"]}
    return row(case, metric, slow["p50_us"] / fast["p50_us"], "x", runs=fast["runs"], detail=detail, **spread)


def _stages(job: Job) -> list[Row]:
    """One entry per trained stage: how good, how large, how fast in our engine."""
    timed = {each["contender"]: each for each in job.folder.read_json("measure.json")["settings"][0]["rows"]}
    onnx, apus = (models(job.recipe, job.folder.path, suffix) for suffix in (".onnx", ".apus"))
    entries = []
    for stage in onnx:
        done = job.folder.record(stage) or {}
        latency = timed[OURS if stage == last_trained(job.recipe) else f"{stage} stage in apus"]
        entry = {"stage": stage, "bytes": apus[stage].stat().st_size, "onnx_bytes": onnx[stage].stat().st_size}
        facts = ("accuracy_pct", "valid_accuracy_pct", "parameters", "nonzero_parameters", "seconds", "steps")
        entries.append(entry | {key: done.get(key) for key in facts} | {"p50_us": latency["p50_us"]})
    return entries


def _mistakes(job: Job) -> list[Row]:
    """Test images that the student gets wrong and the teacher right."""
    answers = np.load(job.folder / "verify.npz")
    x, labels = examples(job.splits.test)[0].numpy(), answers["labels"]
    if x.ndim != 4 or x.shape[1] not in (1, 3) or labels.ndim != 1:
        return []
    teacher, student = (answers[who].argmax(-1) for who in ("teacher", "student"))
    chosen = np.flatnonzero((teacher == labels) & (student != labels))[:MOST_MISTAKES]
    names = dict(enumerate(job.splits.classes))
    told = {"label": labels, "teacher": teacher, "student": student}
    return [
        {"index": int(i), "image_png_base64": _png(x[i])}
        | {who: names.get(int(classes[i]), str(classes[i])) for who, classes in told.items()}
        for i in chosen
    ]


def _png(image: NDArray[Any]) -> str:
    low, high = float(image.min()), float(image.max())
    pixels = ((image - low) / ((high - low) or 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
