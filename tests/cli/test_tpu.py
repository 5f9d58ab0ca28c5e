import json
from pathlib import Path

import pytest

from apus import cli

SCRIPTS = Path(__file__).parents[1] / "training" / "scripts"


def test_the_command_prints_findings_and_json(capfd):
    script = str(SCRIPTS / "plain.py")
    assert cli.main(["tpu", "check", "--only", "lint", "--steps", "3", script]) == 1
    assert "plain.py:51: the last batch is smaller" in capfd.readouterr().out
    assert cli.main(["tpu", "--json", "check", "--only", "lint", "--steps", "3", script]) == 1
    assert json.loads(capfd.readouterr().out)["problems"][0].startswith(script)


def test_a_script_that_is_not_there_is_named(capfd):
    assert cli.main(["tpu", "check", "nowhere.py"]) == 2
    assert "nowhere.py" in capfd.readouterr().err


@pytest.mark.parametrize("words", [["tpu", "fly", "x.py"], ["tpu", "check"]])
def test_wrong_words_are_refused(words):
    with pytest.raises(SystemExit):
        cli.main(words)
