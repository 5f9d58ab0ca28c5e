"""`apus say`: into a file, to a player, and what is wrong in one line."""

import io
import json
import wave
from pathlib import Path

import pytest

from apus.cli import WRONG, main


def test_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.wav"
    assert main(["say", "Hello there.", "-o", str(out), "--json"]) == 0
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)
        seconds = file.getnframes() / 24000
    assert json.loads(capsys.readouterr().out)["seconds"] == pytest.approx(seconds, abs=1e-3)


def test_a_player(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "a.wav"
    assert main(["say", "Hello there. Да.", "-o", str(out), "--seed", "3"]) == 0
    capfdbinary.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello there. Да."))
    assert main(["say", "-o", "-", "--seed", "3", "--phonemes"]) == 0
    found = capfdbinary.readouterr()
    assert found.out == out.read_bytes()[44:]
    assert "warning: left out" in found.err.decode() and "həlˈO" in found.err.decode()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([""], "there is nothing to say"),
        (["Hi", "--rate", "9"], "rate=9.0 must be 0.25 to 4"),
        (["Hi", "--threads", "0"], "--threads 0"),
        (["Hi", "--model", "no.onnx"], "no file"),
        (["Hi", "--model", "habiri"], "by name there are apus and hibari"),
        (["<speak>a"], "SSML"),
    ],
)
def test_what_is_wrong(words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.wav"
    assert main(["say", *words, "-o", str(out)]) == WRONG
    assert message in capsys.readouterr().err and not out.exists()


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "Yes.", "-o", str(tmp_path / "nowhere" / "x.wav")]) == WRONG
    assert "there is no folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
