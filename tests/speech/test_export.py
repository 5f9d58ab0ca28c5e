"""From the checkpoints of two trainings to a folder that speaks."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recipes.speech import export
from recipes.speech.voice import Voice as Networks

from apus.errors import DataError
from apus.models.wavegru import WaveGRU
from apus.speech import Voice


def sentence(pitch: float = 0.25, voicing: float = 1.0) -> dict[str, Any]:
    """Seven phonemes of three frames each, all of one pitch, ln(f0 / 200)."""
    features = np.zeros((21, 26), np.float32)
    features[:, 24], features[:, 25] = pitch, voicing
    return {"phonemes": np.arange(7), "durations": np.full(7, 3), "features": features}


def test_melody_is_raised_to_the_recorded_median() -> None:
    voice = Networks()

    def predict(phonemes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        frames = torch.ones(21, 26)
        frames[:, 24] = voice.prosody.out.bias[1]
        return torch.full((7,), 3), frames

    voice.predict = predict  # type: ignore[method-assign]
    start = float(voice.prosody.out.bias[1].detach())
    assert export.centre(voice, [sentence(0.1), sentence(0.25), sentence(0.9)]) == pytest.approx(np.exp(0.25 - start))
    assert float(voice.prosody.out.bias[1].detach()) == pytest.approx(0.25)
    for nothing in ([], [sentence(voicing=0.0)]):
        with pytest.raises(DataError, match="nothing voiced"):
            export.centre(voice, nothing)


def test_checkpoints_become_a_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    vocoder = WaveGRU(hidden=32, channels=16, head=16, embedding=8, bands=4, recent=25, around=7)
    for name, net in (("voice", Networks()), ("vocoder", vocoder)):
        (tmp_path / name).mkdir()
        torch.save({"net": net.state_dict()}, tmp_path / name / "checkpoint.pt")
    monkeypatch.setattr(export, "read", lambda folder, held_out: [sentence()])
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
