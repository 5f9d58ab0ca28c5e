"""`apus serve` says what is wrong before it listens. That it serves is tested in tests/serve/test_app.py."""

import socket
from pathlib import Path

import pytest

from apus import cli
from apus.cli import serve
from apus.cli.extras import command_for


def error(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["serve", *map(str, words)]) == 2
    return capsys.readouterr().err


def test_what_is_wrong_is_said_in_one_line(
    convnet_apus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "none.apus" in error(capsys, tmp_path / "none.apus")
    assert "max_waiting is 0" in error(capsys, convnet_apus, "--max-waiting", 0)
    assert command_for("uvicorn") == command_for("fastapi") == "pip install 'apus-ml[serve]'"


def test_a_port_in_use_is_an_error(convnet_apus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "in use" in error(capsys, convnet_apus, "--port", taken.getsockname()[1])


def test_any_free_port_can_be_had() -> None:
    with serve._listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
