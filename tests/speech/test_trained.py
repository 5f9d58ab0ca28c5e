"""A voice trained here, with random weights: what it says is what torch says, in pieces or whole."""

from pathlib import Path

import numpy as np
import pytest
import torch
from recipes.speech.voice import Voice as Networks

from apus.errors import DataError
from apus.export.voice import export_voice
from apus.models.acoustic import Acoustic
from apus.models.prosody import Prosody
from apus.models.wavegru import WaveGRU
from apus.speech import Voice
from apus.speech.features import BANDS, HOP, RATE
from apus.speech.trained import FIRST, TrainedVoice, whole

NUMBERS = [0, 50, 83, 54, 156, 57, 16, 65, 102, 62, 4, 0]
TEXT = "Hello there, my friend; it is a fine day to speak at length. Is it not?"


@pytest.fixture(scope="module")
def networks() -> Networks:
    torch.manual_seed(0)
    made = Networks()
    made.prosody, made.acoustic = Prosody(channels=32, depth=2), Acoustic(channels=32)
    with torch.no_grad():
        made.prosody.out.bias[0] = 2.0  # phonemes of 6 frames
    return made.eval()


@pytest.fixture(scope="module", params=[1, 4])
def folder(request: pytest.FixtureRequest, networks: Networks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voice") / "random"
    vocoder = WaveGRU(hidden=64, channels=16, head=32, bands=request.param)
    export_voice(path, networks.prosody, networks.acoustic, vocoder, {"name": "random", "licence": "none"})
    return path


def test_the_features_are_torchs(folder: Path, networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    voice, seen = TrainedVoice(folder), []
    monkeypatch.setattr(voice, "_pieces", lambda features, seed: iter(seen.append(features) or ()))
    ends, _ = voice.speak(NUMBERS, 1.0, 0.0, [0])
    counts = np.diff(np.round(ends * RATE / HOP).astype(int), prepend=0)
    with torch.no_grad():
        prosody = networks.prosody(torch.tensor([NUMBERS]))
        want = networks.acoustic(torch.tensor([NUMBERS]), torch.from_numpy(counts)[None], prosody)[0].numpy()
    assert abs(counts - whole(np.expm1(prosody[0, :, 0].double().numpy()))).max() <= 1
    off = (seen[0] - want)[:, : BANDS + 1]
    assert (off**2).mean() < 0.01 * (want[:, : BANDS + 1] ** 2).mean()  # weights in bfloat16, eight layers deep
    sure = abs(want[:, BANDS + 1]) > 0.2
    assert sure.any()
    np.testing.assert_array_equal(seen[0][sure, BANDS + 1], want[sure, BANDS + 1] > 0)


def test_pieces_are_the_whole(folder: Path) -> None:
    voice = Voice(folder)
    chunks = list(voice.stream(TEXT, seed=3))
    assert len(chunks) > 4 and len(chunks[0].samples) < FIRST * HOP
    np.testing.assert_array_equal(np.concatenate([c.samples for c in chunks]), voice.say(TEXT, seed=3))
    np.testing.assert_array_equal(Voice(folder, threads=2).say(TEXT, seed=3), voice.say(TEXT, seed=3))
    assert not np.array_equal(voice.say(TEXT, seed=4), voice.say(TEXT, seed=3))


def test_every_phoneme_ends_in_one_piece(folder: Path) -> None:
    voice = Voice(folder)
    chunks = list(voice.stream(TEXT))
    assert "".join(c.phonemes for c in chunks) == "".join(voice.phonemes(TEXT))
    assert all(0 <= end <= len(c.samples) / RATE + 1e-3 for c in chunks for end in c.ends)
    assert all(len(c.ends) == len(c.phonemes) for c in chunks)


def test_rate_and_pitch(folder: Path) -> None:
    voice = TrainedVoice(folder)
    (slow, _), (fast, _) = (voice.speak(NUMBERS, rate, 0.0, [0]) for rate in (0.5, 2.0))
    assert slow[-1] == pytest.approx(4 * fast[-1], rel=0.1)
    assert len(Voice(folder).say(TEXT, pitch=5)) == len(Voice(folder).say(TEXT))


def test_lengths_keep_their_sum() -> None:
    lengths = np.random.default_rng(0).random(300) * 9 + 1
    assert abs(whole(lengths).sum() - lengths.sum()) <= 1 and (whole(lengths) >= 1).all()
    assert whole(np.array([np.nan_to_num(-3.0), 0.0])).tolist() == [1, 1]


def test_what_is_missing_or_broken_is_named(folder: Path, tmp_path: Path) -> None:
    def copy(name: str, content: bytes | None) -> Path:
        made = tmp_path / f"{name}-{content is None}"
        made.mkdir()
        for file in folder.iterdir():
            (made / file.name).write_bytes(file.read_bytes())
        (made / name).unlink() if content is None else (made / name).write_bytes(content)
        return made

    for name in ("voice.json", "prosody.apus", "vocoder.npz"):
        with pytest.raises(FileNotFoundError, match=name):
            Voice(copy(name, None))
    for name in ("voice.json", "vocoder.npz"):
        with pytest.raises(DataError, match=f"{name}.*export_voice"):
            Voice(copy(name, b"nonsense"))
