"""The three looks together; those whose packages are absent say which command adds them."""

import importlib.util
from pathlib import Path

import pytest

from apus.errors import ApusError, MissingExtraError
from apus.training.tpu_check import check, environment
from apus.training.tpu_check.check import LOOKS

SCRIPTS = Path(__file__).parents[1] / "scripts"
HAS_AHEAD = all(importlib.util.find_spec(name) for name in ("jax", "torchax", "optax", "libtpu"))


def emulated():
    try:
        return environment()
    except MissingExtraError as error:
        pytest.skip(str(error))


def test_absent_packages_are_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    monkeypatch.setattr("apus.training.quirks.installed", lambda: None)
    report = check(SCRIPTS / "plain.py", looks=LOOKS[1:])
    assert set(report.absent) == {"emulated", "ahead"}
    assert all("apus-ml[tpu-check]" in text for text in report.absent.values())


def test_a_script_that_fails_says_why(tmp_path):
    script = tmp_path / "broken.py"
    script.write_text("raise KeyError('no such layer')")
    with pytest.raises(ApusError, match="no such layer"):
        check(script, looks=["lint"])


def test_too_few_steps_to_see_anything_are_refused():
    with pytest.raises(ApusError, match="it takes 2 steps"):
        check(SCRIPTS / "plain.py", looks=["lint"], steps=0)


def test_emulated_losses_agree():
    emulated()
    report = check(SCRIPTS / "plain_anywhere.py", looks=["emulated"], steps=12)
    assert report.problems == []
    assert report.looks["emulated"]["worst"] < 1e-3


def test_a_script_that_stays_on_the_cpu_is_told():
    emulated()
    (problem,) = check(SCRIPTS / "plain.py", looks=["emulated"], steps=3).problems
    assert "Runtime().setup" in problem


@pytest.mark.skipif(not HAS_AHEAD, reason="needs the extra tpu-check")
@pytest.mark.parametrize("topology", ["v5e:2x2", "v6e:2x2"])
def test_a_step_compiles_for_real_chips(topology):
    (answer,) = check(SCRIPTS / "minilm.py", looks=["ahead"], topologies=[topology]).looks["ahead"]
    assert answer["chips"] == 4
    assert answer["collectives"]["all-reduce"] > 0
    assert answer["flops"] > 1e10


@pytest.mark.skipif(not HAS_AHEAD, reason="needs the extra tpu-check")
def test_a_batch_that_does_not_fit_is_refused():
    report = check(SCRIPTS / "minilm.py", looks=["ahead"], topologies=["v5e:2x2"], rows=65536)
    (problem,) = report.problems
    assert "exceeds available HBM (15.75G)" in problem
