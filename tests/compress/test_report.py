"""The report: one self-contained page that shows every figure and survives missing ones and hostile text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report_sample import row, sample_report

from apus.compress.report import render, write_html
from apus.compress.report.charts import front_chart, size, stages_chart, training_chart
from apus.compress.report.svg import Axis


class Tags(HTMLParser):
    """Collects attributes, and checks that what opens closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "img", "br", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(tmp_path: Path) -> None:
    path = write_html(sample_report(), tmp_path / "report.html")
    page = path.read_text()
    attributes = Tags(page).attributes
    links = [value for name, value in attributes if name in {"src", "href", "srcset"}]
    assert links and all(value.startswith("data:image/png;base64,") for value in links)
    assert "<script" not in page and "url(" not in page and "@import" not in page
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize(
    "shown",
    [
        "91.93 %", "61.0 kB", "41.0 µs", "1.83x", "68x smaller than 4.12 MB", "−0.67 points", "distilled",
        "in ONNX Runtime", "batch 16, 2 threads", "conv_block16_int8", "What the student lost", "T-shirt",
        "99.97 %", "apus compress recipes/images.toml", "sparsity = 0.8", "A processor", "numpy 2.4.6", "The search",
        "812/s", "2,030/s", "+0.031",
    ],
)  # fmt: skip
def test_every_figure_is_shown(shown: str) -> None:
    assert shown in render(sample_report())


def test_text_is_escaped() -> None:
    report = sample_report() | {"name": "<script>alert(1)</script>", "reproduce": "a && b <c>"}
    report["layers"][0]["name"] = "<img src=x>"
    report["stages"][0]["stage"] = "<b>"
    page = render(report)
    assert "<script" not in page and "<img src=x" not in page and "a &amp;&amp; b &lt;c&gt;" in page
    Tags(page)


@pytest.mark.parametrize("missing", ["stages", "history", "measure", "layers", "mistakes", "verify", "search"])
def test_a_part_that_is_missing_is_left_out(missing: str) -> None:
    report = sample_report()
    del report[missing]
    Tags(render(report))


def test_a_network_without_classes_has_no_accuracy() -> None:
    report = sample_report()
    report["rows"] = [r for r in report["rows"] if r["metric"] != "accuracy_pct"]
    report["stages"] = [stage | {"accuracy_pct": None} for stage in report["stages"]]
    report["history"] = {s: [{"epoch": e["epoch"], "loss": e["loss"]} for e in h] for s, h in report["history"].items()}
    page = render(report)
    Tags(page)
    assert "accuracy on the validation" not in page and "61.0 kB" in page


def test_the_sample_is_plain_json() -> None:
    assert json.loads(json.dumps(sample_report())) == sample_report()
    assert row("a", "b", 1.0, "c")["detail"] == {}


def test_labels_cover_no_disc() -> None:
    drawing = str(stages_chart(sample_report()["stages"]))
    assert len(re.findall('class="name"', drawing)) == 4
    assert len(re.findall("<circle", drawing)) == 8


@pytest.mark.parametrize("chart", [stages_chart, front_chart])
def test_one_point_and_none_are_drawn(chart: Any) -> None:
    point = {"stage": "teacher", "accuracy_pct": 90.0, "p50_us": 5.0, "bytes": 10, "front": True, "number": 0}
    assert chart([]) is None
    assert "<circle" in chart([point])
    assert "nan" not in chart([point]) and "inf" not in chart([point])


def test_one_epoch_is_drawn() -> None:
    assert training_chart({}, "loss", "") is None
    assert "<circle" in str(training_chart({"teacher": [{"epoch": 1.0, "loss": 0.5}]}, "loss", ""))


def test_axes_have_round_numbers() -> None:
    assert Axis(91.7, 92.9, 0, 1).ticks(5) == [91.75, 92.0, 92.25, 92.5, 92.75]
    assert Axis(30, 2000, 0, 1, logarithmic=True).ticks() == [50, 100, 200, 500, 1000, 2000]
    assert Axis(1, 100, 0, 10, logarithmic=True)(10) == pytest.approx(5)
    assert [size(n) for n in (12, 1500, 2_500_000)] == ["12 B", "1.5 kB", "2.50 MB"]
