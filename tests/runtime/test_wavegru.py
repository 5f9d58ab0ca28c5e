"""The vocoder on the engine: every format on every instruction set against torch, and streams against the whole."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from apus.errors import RunError
from apus.export import wavegru_arrays
from apus.models.wavegru import HOP
from apus.models.wavegru import WaveGRU as Network
from apus.runtime import WaveGRU, isas
from apus.runtime.wavegru import KINDS
from apus.speech.bands import decode
from apus.speech.mulaw import EMPHASIS, levels
from apus.techniques.sparsity.blocks import block_scores, keep_largest, spread

T = 4
BOUNDS = {"dense": 1e-6, "csr": 1e-6, "block16": 1e-6, "block16-bf16": 2e-3, "block16-int8": 1e-2}


RECALLS = {"recent": 9, "around": 7}


def network(hidden: int = 256, bands: int = 1, **more: int) -> Network:
    """A WaveGRU that has lost nine tenths of its 16x1 blocks, one strip all of them."""
    torch.manual_seed(0)
    net = Network(hidden=hidden, channels=24, head=48, bands=bands, **more).eval()
    with torch.no_grad():
        for weight in (net.gru.weight_hh_l0, net.head.weight):
            weight.mul_(spread(keep_largest(block_scores(weight), 0.9), weight))
        net.gru.weight_hh_l0[16:32] = 0
    return net


def inputs(frames: int = T) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((frames, 26)).astype(np.float32), rng.integers(0, 256, frames * HOP).astype(np.uint8)


@torch.no_grad()
def reference(net: Network, features: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits by torch."""
    frames = torch.from_numpy(features)[None]
    before = F.pad(torch.from_numpy(codes).long()[None, : -net.bands], (net.reach * net.bands, 0), value=128)
    found, _ = net.logits(before, net.condition(frames), periods=net.periods(frames))
    logits: NDArray[np.float32] = found[0].numpy()
    return logits


def thresholds(seed: int, count: int) -> NDArray[np.float64]:
    """(count, 8) logits of the uniform draws: Philox 4x32-10 in NumPy's integers."""
    sample, half = np.repeat(np.arange(count, dtype=np.uint64), 2), np.tile(np.arange(2, dtype=np.uint64), count)
    low = np.uint64(0xFFFFFFFF)
    a, b, c, d = sample & low, sample >> np.uint64(32), half, np.zeros_like(half)
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        left, right = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (
            right >> np.uint64(32) ^ b ^ np.uint64(key[0]),
            right & low,
            left >> np.uint64(32) ^ d ^ np.uint64(key[1]),
            left & low,
        )
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    u = ((np.stack([a, b, c, d], 1) >> np.uint64(9)) + 0.5) * 2.0**-23
    return np.log(u / (1 - u)).reshape(count, 8)


def drawn(logits: NDArray[np.float32], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Codes that the draws pick from the trees."""
    node, code = np.zeros(len(logits), int), np.zeros(len(logits), int)
    for level in range(8):
        bit = logits[np.arange(len(logits)), node] > draws[:, level]
        node, code = 2 * node + 1 + bit, 2 * code + bit
    return code


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bands", [1, 4])
@pytest.mark.parametrize("recalls", [{}, RECALLS])
def test_logits_are_torchs(kind: str, isa: str, bands: int, recalls: dict[str, int]) -> None:
    net, (features, codes) = network(bands=bands, **recalls), inputs()
    want, arrays = reference(net, features, codes), wavegru_arrays(net)
    _, accurate = WaveGRU(arrays, kind=kind, activations="accurate", isa=isa).force(features, codes)
    assert abs(accurate - want).max() <= BOUNDS[kind]
    _, fast = WaveGRU(arrays, kind=kind, isa=isa).force(features, codes)
    slack = 1e-4 if kind != "block16-int8" else BOUNDS[kind]  # a state near a half is rounded the other way
    assert abs(fast - accurate).max() <= slack


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("bands", [1, 4])
def test_the_same_draws_give_the_same_codes(isa: str, bands: int) -> None:
    net, (features, codes) = network(bands=bands), inputs()
    ours, logits = WaveGRU(wavegru_arrays(net), isa=isa).force(features, codes, seed=2**40 + 7)
    np.testing.assert_array_equal(ours, drawn(logits, thresholds(2**40 + 7, len(codes))))


@pytest.mark.parametrize("hidden", [16, 48, 128, 144, 384, 640, 1024])
def test_int8_sums_are_exact_on_every_isa(hidden: int) -> None:
    features, codes = inputs(1)
    net = network(hidden)
    found = [WaveGRU(wavegru_arrays(net), kind="block16-int8", isa=isa).force(features, codes)[1] for isa in isas()]
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, atol=2e-4)  # the conditions are float32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("bands, recalls", [(1, {}), (4, {}), (4, RECALLS)])
def test_streams_and_threads_change_no_bit(kind: str, threads: int, bands: int, recalls: dict[str, int]) -> None:
    features, _ = inputs(12)
    net = WaveGRU(wavegru_arrays(network(128, bands, **recalls)), kind=kind)
    whole = net.speak(features, seed=5)
    stream = net.stream(5, threads)
    cuts = [stream.push(features[a:b]) for a, b in ((0, 0), (0, 1), (1, 2), (2, 11), (11, 12))]
    assert [len(piece) // HOP for piece in cuts] == [0, 0, 0, 9, 1]
    cuts.append(stream.push(features[:0], last=True))
    np.testing.assert_array_equal(np.concatenate(cuts), whole)
    assert len(whole) == 12 * HOP and np.isfinite(whole).all()
    assert not np.array_equal(whole, net.speak(features, seed=6))


def test_samples_are_the_levels_without_emphasis() -> None:
    audio = WaveGRU(wavegru_arrays(network(64))).speak(inputs(2)[0])
    steps = audio - np.float32(EMPHASIS) * np.concatenate([np.zeros(1, np.float32), audio[:-1]])
    assert abs(steps[:, None] - levels()).min(1).max() < 1e-6


def test_the_samples_of_four_bands_are_those_of_their_codes() -> None:
    net, (features, _) = WaveGRU(wavegru_arrays(network(64, 4))), inputs()
    codes = np.full(T * HOP, 128, np.uint8)
    for step in range(0, 400, 4):  # what is drawn depends on what was drawn: one step more is right each time
        codes[step : step + 4] = net.force(features, codes)[0][step : step + 4]
    np.testing.assert_allclose(net.speak(features)[:400], decode(codes)[:400], atol=1e-6)


@pytest.mark.parametrize("bands", [1, 4])
def test_extreme_features_stay_finite(bands: int) -> None:
    features = np.full((3, 26), 3e4, np.float32)
    for sign in (1, -1):  # periods are held within what is recalled
        assert np.isfinite(WaveGRU(wavegru_arrays(network(64, bands, **RECALLS))).speak(sign * features)).all()


def test_sparse_kinds_leave_out_zeros() -> None:
    arrays = wavegru_arrays(network())
    dense, block, csr = (WaveGRU(arrays, kind=kind) for kind in ("dense", "block16", "csr"))
    assert csr.nonzeros == sum(np.count_nonzero(arrays[name]) for name in ("recurrent", "head"))
    assert block.nonzeros == csr.nonzeros < dense.nonzeros / 8 and block.bytes < dense.bytes / 8


def test_wrong_calls_say_what_is_wrong() -> None:
    arrays = wavegru_arrays(network(64))
    for change, message in (
        ({"kind": "sparse"}, "no kind of weights 'sparse'"),
        ({"activations": "exact"}, "take 'fast' or 'accurate'"),
        ({"isa": "neon9"}, "this machine has scalar"),
    ):
        with pytest.raises(RunError, match=message):
            WaveGRU(arrays, **change)
    with pytest.raises(RunError, match="lacks the array 'deep'"):
        WaveGRU({name: array for name, array in arrays.items() if name != "deep"})
    with pytest.raises(RunError, match="'table' has 9 numbers"):
        WaveGRU(arrays | {"table": np.zeros(9, np.float32)})
    with pytest.raises(RunError, match="'nodes' holds numbers that are not finite"):
        WaveGRU(arrays | {"nodes": np.full((255, 48), np.nan, np.float32)})
    four = wavegru_arrays(network(64, 4))
    with pytest.raises(RunError, match="4 bands and a bank of"):
        WaveGRU({name: array for name, array in four.items() if name != "bank"})
    with pytest.raises(RunError, match="'bank' has 60 numbers; 80"):
        WaveGRU(four | {"bank": np.zeros((3, 20), np.float32)})
    recalling = wavegru_arrays(network(64, 4, **RECALLS))
    with pytest.raises(RunError, match="within 128 steps"):
        WaveGRU(recalling | {"recalled": np.array([0, 144, 24, 30]), "recall": np.zeros((192, 144))})
    with pytest.raises(RunError, match="within 128 steps"):
        WaveGRU(recalling | {"recalled": np.array([9, 7, 24, 0])})
    with pytest.raises(RunError, match="'recall' has 3072 numbers; 6144"):
        WaveGRU(recalling | {"recalled": np.array([25, 7, 24, 30])})
    with pytest.raises(RunError, match="7 conditions do not divide"):
        WaveGRU(four | {"upsample": np.zeros((24, 7 * 24)), "upsample_bias": np.zeros(7 * 24)})
    with pytest.raises(RunError, match="multiples of 16"):
        WaveGRU(wavegru_arrays(network(64)) | {"head": np.zeros((40, 64)), "head_bias": np.zeros(40)} | {
            "nodes": np.zeros((255, 40))})  # fmt: skip


def test_wrong_streams_say_what_is_wrong() -> None:
    net, (features, codes) = WaveGRU(wavegru_arrays(network(64))), inputs(2)
    with pytest.raises(RunError, match=r"\(frames, 26\) is needed"):
        net.speak(features[:, :20])
    with pytest.raises(RunError, match="must be finite"):
        net.speak(features * np.float32(np.inf))
    with pytest.raises(RunError, match="5 codes; these features make 600"):
        net.force(features, codes[:5])
    with pytest.raises(RunError, match="seed=-1"):
        net.stream(-1)
    with pytest.raises(RunError, match="threads=0"):
        net.stream(threads=0)
    stream = net.stream()
    stream.push(features, last=True)
    with pytest.raises(RunError, match="this stream has ended"):
        stream.push(features)
