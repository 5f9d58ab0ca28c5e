"""One WaveGRU of 1,024 units and its pruned descendants, and the signal that all of them are given.

The weights are random, of one seed, and pruned without training: time per sample depends on shapes and zeros alone.
What they would sound like is no subject here. They are spread until logits reach 6, as a trained network's do, so that
errors of arithmetic show in samples.
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from apus.models.wavegru import BITS, HOP, WaveGRU
from apus.speech.features import RATE, features
from apus.speech.mulaw import encode
from apus.techniques.sparsity.balance import keep_balanced
from apus.techniques.sparsity.blocks import block_scores, keep_largest, spread

SPARSITY, HEAD_SPARSITY = 0.95, 0.9
LEVEL_OF = np.floor(np.log2(np.arange(1, 256))).astype(int)
"""(255,) level of each node of the tree."""


@dataclass(frozen=True)
class Signal:
    """Features (T, 26), codes (300 T,), and the logits of the uniform draws (300 T, 8)."""

    features: NDArray[np.float32]
    codes: NDArray[np.uint8]
    draws: NDArray[np.float32]


@torch.no_grad()
def dense() -> WaveGRU:
    """The network that every rung descends from."""
    torch.manual_seed(0)
    net = WaveGRU(hidden=1024).eval()
    spread_by = ((net.gru.weight_hh_l0, 3), (net.gru.weight_ih_l0, 2), (net.head.weight, 3), (net.nodes.weight, 8))
    for weight, factor in spread_by:
        weight.mul_(factor)
    return net


@torch.no_grad()
def pruned(structure: str) -> WaveGRU:
    """Its descendant: 95 % of each gate and 90 % of the head are zero.

    Args:
        structure: `unstructured`, `16x1` or `16x4`, the last two balanced.
    """
    net = deepcopy(dense())
    for weight, sparsity in [(w, SPARSITY) for w in net.gru.weight_hh_l0.chunk(3)] + [(net.head.weight, HEAD_SPARSITY)]:
        if structure == "unstructured":
            weight.mul_(keep_largest(weight.abs(), sparsity))
        else:
            width = int(structure.partition("x")[2])
            weight.mul_(spread(keep_balanced(block_scores(weight, width=width), sparsity), weight, width))
    return net


def signal(frames: int) -> Signal:
    """A seeded gliding tone with overtones and noise, its features, and draws."""
    rng, t = np.random.default_rng(0), np.arange(frames * HOP) / RATE
    f0 = 180 + 60 * np.sin(2 * np.pi * 1.5 * np.arange(frames) * HOP / RATE)
    phase = 2 * np.pi * np.cumsum(np.repeat(f0, HOP)) / RATE
    tone = sum((np.sin(k * phase) / k for k in range(1, 12)), np.zeros_like(t))
    audio = (0.1 * tone * (1 + np.sin(2 * np.pi * 4 * t)) + 0.01 * rng.standard_normal(len(t))).astype(np.float32)
    return Signal(features(audio, f0.astype(np.float32)), encode(audio), thresholds(0, len(t)))


def thresholds(seed: int, count: int) -> NDArray[np.float32]:
    """(count, 8) logits of the engine's uniform draws: Philox 4x32-10 (Salmon et al. 2011) of {sample, half}."""
    sample, half = np.repeat(np.arange(count, dtype=np.uint64), 2), np.tile(np.arange(2, dtype=np.uint64), count)
    low, far = np.uint64(0xFFFFFFFF), np.uint64(32)
    a, b, c, d = sample & low, sample >> far, half, np.zeros_like(half)
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        left, right = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b = right >> far ^ b ^ np.uint64(key[0]), right & low
        c, d = left >> far ^ d ^ np.uint64(key[1]), left & low
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    u = ((np.stack([a, b, c, d], 1) >> np.uint64(9)) + 0.5) * 2.0**-23
    return np.log(u / (1 - u)).reshape(count, BITS).astype(np.float32)
