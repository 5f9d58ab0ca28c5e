"""From the report's data to the page."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from apus._files import write_atomically
from apus.compress.report.charts import NAMES, front_chart, size, stages_chart, training_chart

Report = dict[str, Any]

_pages = Environment(
    loader=PackageLoader("apus.compress.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.filters["size"] = size


def write_html(report: Report, path: str | Path) -> Path:
    """Render and write the page.

    Args:
        report: the content of `report.json`.
        path: where the page goes.

    Returns:
        `path`, as a Path.
    """
    return write_atomically(path, render(report))


def render(report: Report) -> str:
    """The page as text.

    Args:
        report: the content of `report.json`; parts that it lacks are left out of the page.

    Returns:
        HTML.
    """
    values = {(row["case"], row["metric"]): row for row in report["rows"]}
    history = report.get("history", {})
    return _pages.get_template("page.html.j2").render(
        report={"name": "", "reproduce": "", "mistakes": [], "verify": None} | report,
        tiles=_tiles(values),
        names=NAMES,
        stages=report.get("stages", []),
        stages_chart=stages_chart(report.get("stages", [])),
        accuracy_chart=training_chart(history, "accuracy_pct", " %"),
        loss_chart=training_chart(history, "loss", ""),
        echoes={stage: rows[-1]["echo"] for stage, rows in history.items() if rows and "echo" in rows[-1]},
        settings=[_setting(setting) for setting in report.get("measure", [])],
        layers=_layers(report.get("layers", [])),
        front=front_chart(report.get("search", {}).get("trials", [])),
        recipe=report.get("recipe_toml") or json.dumps(report.get("recipe", {}), indent=2),
        style=_pages.get_template("style.css.j2").render(),
    )


def _tiles(values: dict[tuple[str, str], Any]) -> list[dict[str, str]]:
    """Headline figures: a number, what it is, and what it is compared with."""
    tiles = []
    student, teacher = values.get(("student", "accuracy_pct")), values.get(("teacher", "accuracy_pct"))
    if student:
        drop = f"{student['value'] - teacher['value']:+.2f} points beside the teacher" if teacher else ""
        tiles.append(_tile(f"{student['value']:.2f} %", "accuracy of the student", drop.replace("-", "−")))
    if small := values.get(("student", "bytes")):
        ratio, large = values.get(("student", "size_ratio")), values.get(("teacher", "bytes"))
        than = f"{ratio['value']:.0f}x smaller than {size(large['value'])}" if ratio and large else ""
        tiles.append(_tile(size(small["value"]), "of file to ship", than))
    if fast := values.get(("student", "p50_us")):
        ratio = values.get(("student", "speedup_vs_teacher_onnxruntime"))
        than = f"{ratio['value']:.1f}x faster than the teacher in ONNX Runtime" if ratio else ""
        tiles.append(_tile(_micros(fast["value"]), "per image, median", than))
    if ratio := values.get(("student", "speedup_vs_dense_int8_peer")):
        peer = ratio["detail"].get("best_peer", "its best dense int8 peer")
        tiles.append(_tile(f"{ratio['value']:.2f}x", "as fast as the same student, dense int8", f"in {_engine(peer)}"))
    return tiles


def _tile(number: str, what: str, than: str) -> dict[str, str]:
    return {"number": number, "what": what, "than": than}


def _micros(value: float) -> str:
    return f"{value:,.1f} µs" if value < 1000 else f"{value / 1000:,.2f} ms"


def _engine(contender: str) -> str:
    for name, proper in (
        ("onnxruntime", "ONNX Runtime"),
        ("openvino", "OpenVINO"),
        ("apus", "Apus"),
        ("torch", "PyTorch"),
    ):
        contender = contender.replace(name, proper)
    return contender.rpartition(" in ")[2]


def _who(each: Report) -> str:
    """`student in ONNX Runtime`, or for a stage on the way `pruned in Apus`."""
    who = each["contender"].split(" in ")[0].removesuffix(" stage")
    return f"{who if each['network'] == 'student' else NAMES.get(who, who)} in {_engine(each['contender'])}"


def _setting(setting: Report) -> Report:
    """Contenders of one batch size and thread count, fastest first, with the length of their bars in per cent."""
    rows = sorted(setting["rows"], key=lambda each: each["p50_us"])
    slowest = max(each["p50_us"] for each in rows)
    bars = [
        {
            "name": _who(each),
            "p50": _micros(each["p50_us"]),
            "p99": _micros(each["p99_us"]),
            "width": 100 * each["p50_us"] / slowest,
            "ours": each["contender"].endswith("in apus"),
            "best": each["contender"] == "student in apus",
        }
        for each in rows
    ]
    return {"batch": setting["batch"], "threads": setting["threads"], "bars": bars}


def _layers(layers: list[Report]) -> list[Report]:
    """Layers with the length of their time bars in per cent of the slowest."""
    slowest = max((layer.get("microseconds", 0.0) for layer in layers), default=0.0) or 1.0
    return [
        layer
        | {
            "width": 100 * layer.get("microseconds", 0.0) / slowest,
            "shown_shape": " × ".join(map(str, layer.get("shape") or [])),
            "isa": "" if layer.get("kernel", "").endswith(layer.get("isa", "")) else layer["isa"],
            "kept": None if layer.get("density") is None else 100 * layer["density"],
        }
        for layer in layers
    ]
