"""A voice as files: what lies in the folder, and that its networks take sentences of any length."""

import json
from pathlib import Path

import numpy as np
import torch

import apus
from apus.export import export_voice, wavegru_arrays
from apus.models.acoustic import Acoustic
from apus.models.prosody import Prosody
from apus.models.wavegru import WaveGRU


def test_a_folder_holds_a_voice(tmp_path: Path) -> None:
    torch.manual_seed(0)
    prosody, vocoder = Prosody(channels=16, depth=1).eval(), WaveGRU(hidden=16, channels=8, head=16, bands=4)
    export_voice(tmp_path / "voice", prosody, Acoustic(channels=16), vocoder, {"name": "é", "kind": "dense"})
    found = sorted(file.name for file in (tmp_path / "voice").iterdir())
    assert found == ["decoder.apus", "encoder.apus", "prosody.apus", "vocoder.npz", "voice.json"]
    assert json.loads((tmp_path / "voice" / "voice.json").read_text("utf-8")) == {"kind": "dense", "name": "é"}
    with np.load(tmp_path / "voice" / "vocoder.npz") as arrays:
        for name, array in wavegru_arrays(vocoder).items():
            np.testing.assert_array_equal(arrays[name], array.astype(np.float16))
    session = apus.Session(tmp_path / "voice" / "prosody.apus")
    for length in (1, 3, 50):
        ids = np.arange(length)[None] % 178
        want = prosody(torch.from_numpy(ids)).detach().numpy()
        np.testing.assert_allclose(session.run(None, {"phonemes": ids})[0], want, atol=0.03)  # bfloat16
