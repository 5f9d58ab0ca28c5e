import importlib
import json
from pathlib import Path

import pytest

from apus import cli
from apus.errors import MissingExtraError

SCRIPTS = Path(__file__).parents[1] / "training" / "scripts"


def test_findings_are_printed(monkeypatch, capfd):
    monkeypatch.setattr("apus.training.tpu_check.emulation.environment", absent)
    script = str(SCRIPTS / "plain.py")
    words = ["tpu", "check", "--only", "lint", "--only", "emulated", "--steps", "3", script]
    assert cli.main(words) == 1
    out = capfd.readouterr().out
    assert "plain.py:51: the last batch is smaller" in out
    assert "apus-ml[tpu-check]" in out


def absent():
    raise MissingExtraError("pip install 'apus-ml[tpu-check]'")


def test_json(monkeypatch, capfd):
    monkeypatch.setattr("apus.training.tpu_check.emulation.environment", absent)
    assert (
        cli.main(["tpu", "check", "--json", "--only", "emulated", str(SCRIPTS / "plain.py")]) == 1
    )  # nothing was checked
    assert "emulated" in json.loads(capfd.readouterr().out)["absent"]


def test_a_script_that_is_not_there_is_named(capfd):
    assert cli.main(["tpu", "check", "nowhere.py"]) == 2
    assert "nowhere.py" in capfd.readouterr().err


@pytest.mark.parametrize("words", [["tpu", "fly", "x.py"], ["tpu", "check"]])
def test_wrong_words_are_refused(words):
    with pytest.raises(SystemExit):
        cli.main(words)


def test_a_script_that_does_not_train_was_not_checked(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    monkeypatch.setattr("apus.training.quirks.installed", lambda: None)
    script = tmp_path / "idle.py"
    script.write_text("print('hello')\n")
    assert cli.main(["tpu", "check", str(script)]) == 1
    said = capfd.readouterr().out.splitlines()[-1]
    assert said.startswith(f"{script}: nothing was checked: no optimizer step was taken under lint; emulated was not")
    assert said.count("pip install 'apus-ml[tpu-check]'") == 2
    assert "nothing to change" not in said


def test_a_look_that_is_absent_is_no_pass(capsys, monkeypatch):
    monkeypatch.setattr("apus.training.quirks.installed", lambda: None)
    script = str(SCRIPTS / "clean.py")
    assert cli.main(["tpu", "check", "--only", "emulated", script]) == 1
    assert "nothing was checked: emulated was not made, as emulating a TPU needs" in capsys.readouterr().out
    module = importlib.import_module("apus.training.tpu_check.check")  # its package has a function of that name
    monkeypatch.setattr(module, "_ask", lambda *_: {"steps": 3, "findings": []})
    assert cli.main(["tpu", "check", "--only", "lint", "--only", "emulated", script]) == 0
    assert "without a TPU; not checked: emulated (see above)" in capsys.readouterr().out
