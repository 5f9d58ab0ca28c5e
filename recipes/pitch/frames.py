"""Frames of recordings and the pitch that CREPE's full network hears in each: the data of recipes/audio.toml."""

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from apus._files import write_atomically
from apus.data.fetch import cache_folder
from apus.models.crepe import FRAME, RATE, pretrained
from recipes.pitch.recordings import clips

Floats = NDArray[np.float32]
HOP, HELD = RATE // 100, 8  # 10 ms; every 8th clip is of the validation, the one after it of the test
MOST = {"train": 30_000, "valid": 2_000, "test": 8_000}
UNLABELLED = -100
QUIET = 1e-3  # root mean square below which a frame is silence
MOVED = 0.5  # octaves up or down at most, of a training clip's second reading
FIRST_BIN, BIN = 1997.3794084376191, 20.0
"""Cents above 10 Hz of the lowest bin, and between two."""
Split = tuple[Floats, NDArray[np.int64]]


def load() -> tuple[Split, Split, Split]:
    """Train, valid and test frames (N, 1024), each with the bin (N,) that CREPE hears; kept once they are made.

    Training frames are unlabelled: the student learns from its teacher's scores, which the recipe asks for.
    Training clips are read twice, the second time faster or slower by up to half an octave. No clip is in two splits.
    """
    found = _kept()
    valid, test = ((found[f"{name}_x"], found[f"{name}_z"].argmax(1)) for name in ("valid", "test"))
    return (found["train_x"], np.full(len(found["train_x"]), UNLABELLED)), valid, test


def heard() -> tuple[Floats, Floats]:
    """The test frames (N, 1024) and the scores (N, 360) that CREPE gives them."""
    found = _kept()
    return found["test_x"], found["test_z"]


def frames(sound: Floats) -> Floats:
    """Frames of 64 ms that are no silence, every 10 ms, each of mean 0 and deviation 1.

    >>> frames(np.sin(np.arange(3200) / 9).astype(np.float32)).shape
    (14, 1024)
    """
    windows = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::HOP]
    loud = windows[np.sqrt((windows**2).mean(1)) > QUIET]
    centred = loud - loud.mean(1, keepdims=True)
    return np.ascontiguousarray(centred / centred.std(1, keepdims=True), np.float32)


def cents(scores: Floats) -> Floats:
    """The pitch (N,) in cents above 10 Hz of scores (N, 360): the mean of the nine bins about the best, by weight."""
    best = scores.argmax(1)
    near = np.clip(best[:, None] + np.arange(-4, 5), 0, scores.shape[1] - 1)
    weights = 1 / (1 + np.exp(-np.take_along_axis(scores, near, 1)))
    found: Floats = (weights * (FIRST_BIN + BIN * near)).sum(1) / weights.sum(1)
    return found


def _moved(sound: Floats, generator: np.random.Generator) -> Floats:
    speed = 2 ** generator.uniform(-MOVED, MOVED)
    return np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound).astype(np.float32)


def _splits() -> dict[str, Floats]:
    generator, found = np.random.Generator(np.random.Philox(0)), {"train": [], "valid": [], "test": []}
    for place, sound in enumerate(clips()):
        split = {0: "valid", 1: "test"}.get(place % HELD, "train")
        found[split].append(frames(sound))
        if split == "train":
            found[split].append(frames(_moved(sound, generator)))
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    return {name: x[generator.permutation(len(x))[: MOST[name]]] for name, x in whole.items()}


@torch.no_grad()
def _scores(x: Floats) -> Floats:
    teacher = pretrained("full").eval()
    found: Floats = torch.cat([teacher(part) for part in torch.from_numpy(x).split(256)]).numpy()
    return found


def _kept() -> dict[str, Floats]:
    mark = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    file = cache_folder() / f"pitch-{mark}.npz"
    if not file.exists():
        made = {}
        for name, x in _splits().items():
            made |= {f"{name}_x": x} | ({} if name == "train" else {f"{name}_z": _scores(x)})
        buffer = io.BytesIO()
        np.savez(buffer, **made)  # type: ignore[arg-type]
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, buffer.getvalue())
    with np.load(file) as found:
        return {name: found[name] for name in found.files}
