"""A trained voice as the files that `apus.speech` speaks with: three networks, a vocoder's arrays, a page of facts."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from apus._files import write_atomically
from apus.compile.model import to_bytes
from apus.export.onnx_file import to_onnx
from apus.export.wavegru import wavegru_arrays
from apus.models.acoustic import Acoustic
from apus.models.prosody import OUTPUTS, Prosody
from apus.models.wavegru import WaveGRU

FACTS, VOCODER = "voice.json", "vocoder.npz"
LONGEST = 100_000
"""Phonemes or frames at once."""


def export_voice(
    folder: Path,
    prosody: Prosody,
    acoustic: Acoustic,
    vocoder: WaveGRU,
    facts: Mapping[str, Any],
    sharpen: Sequence[float] = (),
) -> None:
    """Write `prosody.apus`, `encoder.apus` and `decoder.apus` (weights in bfloat16), the vocoder's arrays in float16,
    and `voice.json`.

    Args:
        folder: is made if need be.
        prosody: (1, P) phonemes -> (1, P, 4).
        acoustic: is cut between phonemes and frames, as the frames of each phoneme are known only then.
        vocoder: pruned or not.
        facts: for people: whose voice it is, its licence, how it was trained. `kind` is how the vocoder's weights are
            to be stored (`apus.runtime.wavegru.KINDS`); `block16-int8` by default.
        sharpen: as `wavegru_arrays` takes it.
    """
    phonemes, said = torch.zeros(1, 7, dtype=torch.long), torch.zeros(1, 7, OUTPUTS)
    frames = torch.zeros(1, 9, acoustic.place.out_features)
    parts: dict[str, tuple[nn.Module, dict[str, Tensor]]] = {
        "prosody": (prosody, {"phonemes": phonemes}),
        "encoder": (_Encoder(acoustic), {"phonemes": phonemes, "prosody": said}),
        "decoder": (_Decoder(acoustic), {"frames": frames, "places": torch.zeros(1, 9, 3)}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (network, inputs) in parts.items():
        model = to_onnx(network.eval(), inputs, {1: torch.export.Dim("length", min=1, max=LONGEST)})
        write_atomically(folder / f"{name}.apus", to_bytes(model, precision="bf16"))
    arrays, packed = wavegru_arrays(vocoder, sharpen), io.BytesIO()
    np.savez_compressed(packed, **{name: array.astype(np.float16) for name, array in arrays.items()})  # type: ignore[arg-type]
    write_atomically(folder / VOCODER, packed.getvalue())
    page = {"kind": "block16-int8"} | dict(facts)
    write_atomically(folder / FACTS, json.dumps(page, indent=1, ensure_ascii=False) + "\n")


class _Encoder(nn.Module):
    def __init__(self, acoustic: Acoustic) -> None:
        super().__init__()
        self.acoustic = acoustic

    def forward(self, phonemes: Tensor, prosody: Tensor) -> Tensor:
        return self.acoustic.encode(phonemes, prosody)


class _Decoder(nn.Module):
    def __init__(self, acoustic: Acoustic) -> None:
        super().__init__()
        self.acoustic = acoustic

    def forward(self, frames: Tensor, places: Tensor) -> Tensor:
        return self.acoustic.decode(frames, places)
