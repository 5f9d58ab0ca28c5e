"""From the checkpoints of two trainings to a folder that speaks."""

import json
import sys
from pathlib import Path

import pytest
import torch
from recipes.speech import export
from recipes.speech.voice import Voice as Networks

from apus.models.wavegru import WaveGRU
from apus.speech import Voice


def test_checkpoints_become_a_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    vocoder = WaveGRU(hidden=32, channels=16, head=16, embedding=8, bands=4, recent=25, around=7)
    for name, net in (("voice", Networks()), ("vocoder", vocoder)):
        (tmp_path / name).mkdir()
        torch.save({"net": net.state_dict()}, tmp_path / name / "checkpoint.pt")
    out = tmp_path / "apus"
    given = ["--voice", tmp_path / "voice", "--vocoder", tmp_path / "vocoder", "--out", out]
    monkeypatch.setattr(sys, "argv", ["export", *map(str, given)])
    export.main()
    facts = json.loads((out / "voice.json").read_text())
    assert facts["kind"] == "block16-int8" and "no person" in facts["voice"]
    assert len(Voice(out).say("Hello.")) > 0
    given[1] = tmp_path / "vioce"
    monkeypatch.setattr(sys, "argv", ["export", *map(str, given)])
    with pytest.raises(FileNotFoundError, match=r"did you mean.*voice"):
        export.main()
