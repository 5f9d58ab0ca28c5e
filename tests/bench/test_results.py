"""Results have one shape, and are written whole."""

import json
from pathlib import Path

import pytest

from apus.bench import environment, row, write_results


def test_a_row_has_its_spread() -> None:
    assert row("student", "bytes", 5, "bytes") == {
        "case": "student", "metric": "bytes", "value": 5, "unit": "bytes", "low": 5, "high": 5, "runs": 1, "detail": {},
    }  # fmt: skip
    with pytest.raises(ValueError, match="must be finite"):
        row("student", "p50_us", float("nan"), "us")


def test_the_file_holds_what_is_returned(tmp_path: Path) -> None:
    rows = [row("a", "p50_us", 1.5, "us", low=1.0, high=2.0, runs=10)]
    result = write_results(tmp_path / "deep" / "demo.json", "demo", "make demo", rows, threads=1, layers=[])
    assert json.loads((tmp_path / "deep" / "demo.json").read_text()) == result
    assert set(result) == {"benchmark", "date", "command", "env", "rows", "layers"}


def test_the_environment_says_what_a_reader_needs() -> None:
    env = environment(2)
    assert {"cpu", "isa", "cores", "threads", "versions", "load", "governor", "system"} == set(env)
    assert env["threads"] == 2 and {"python", "numpy"} <= set(env["versions"])
