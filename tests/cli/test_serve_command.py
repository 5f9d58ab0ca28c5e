"""`apus serve` says what is wrong before it listens. That it serves is tested in tests/serve/test_app.py."""

import signal
import socket
import subprocess
import sys
import urllib.request
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


def test_ctrl_c_ends_it_without_an_error(convnet_apus: Path) -> None:
    words = [sys.executable, "-m", "apus.cli", "serve", str(convnet_apus), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().split()[1]
        with urllib.request.urlopen(url) as answer:  # waits until the loop runs, which takes signals
            assert answer.status == 200
        serving.send_signal(signal.SIGINT)
        assert serving.communicate(timeout=60) == ("", "")
    assert serving.returncode == 0


def test_any_free_port_can_be_had() -> None:
    with serve._listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
