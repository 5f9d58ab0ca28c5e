"""What the vocoder's ladder stands on: its draws are the engine's, its steps are the network's, its bits are right."""

import numpy as np
import pytest
import torch
from benchmarks.speech.networks import LEVEL_OF, signal
from benchmarks.speech.rungs import bits, drawn
from benchmarks.speech.steps import Folded, Step, conditions, scripted

from apus.export import wavegru_arrays
from apus.models.wavegru import WaveGRU, bits_of
from apus.runtime import WaveGRU as Vocoder


@pytest.fixture(scope="module")
def net() -> WaveGRU:
    torch.manual_seed(0)
    return WaveGRU(hidden=64, channels=16, head=32).eval()


def test_draws_are_the_engines(net: WaveGRU) -> None:
    known = signal(2)
    ours, logits = Vocoder(wavegru_arrays(net)).force(known.features, known.codes)
    np.testing.assert_array_equal(ours, drawn(logits, known.draws))


def test_bits_are_torchs(net: WaveGRU) -> None:
    known = signal(2)
    _, logits = Vocoder(wavegru_arrays(net)).force(known.features, known.codes)
    want = bits_of(torch.from_numpy(logits), torch.from_numpy(known.codes).long()).mean()
    assert bits(logits, known.codes) == pytest.approx(float(want), abs=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("folded", [False, True])
def test_a_step_is_the_networks(net: WaveGRU, folded: bool) -> None:
    known = signal(1)
    codes, features = torch.from_numpy(known.codes).long(), torch.from_numpy(known.features)
    rows, state = conditions(net, features, folded), torch.zeros(1, 64)
    before = torch.cat([torch.tensor([128]), codes[:-1]])
    want = net.logits(before[None], net.condition(features[None]))[0][0]
    step = (Folded if folded else Step)(net)
    for s in range(100):
        found, state = step(before[s : s + 1], rows[s // 75 : s // 75 + 1], state)
        torch.testing.assert_close(found[0], want[s])


@torch.no_grad()
def test_torchscript_speaks_as_the_engine(net: WaveGRU) -> None:
    known = signal(2)
    rows = conditions(net, torch.from_numpy(known.features), True)
    codes = scripted(Folded(net))(rows, torch.from_numpy(known.draws[:, LEVEL_OF]), torch.zeros(1, 64)).numpy()
    forced = Vocoder(wavegru_arrays(net)).force(known.features, codes.astype(np.uint8))[0]
    assert (forced != codes).mean() < 0.005  # near a draw, rounding decides
