"""bfloat16 of every kind of float32, against torch's."""

import numpy as np
import torch

from apus.artifact.bfloat16 import from_bfloat16, to_bfloat16


def test_it_rounds_as_torch() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint32)
    edges = np.array([0, 1, 0x7FFF, 0x8000, 0x18000, 0x7F7FFFFF, 0x7F7F8000, 0x7F800000, 0x007FFFFF], np.uint32)
    values = np.concatenate([bits, edges, edges | np.uint32(2**31)]).view(np.float32)
    got, wanted = from_bfloat16(to_bfloat16(values)), torch.from_numpy(values).bfloat16().float().numpy()
    np.testing.assert_array_equal(got, wanted)  # a NaN equals a NaN, and zeros each other


def test_a_zero_has_no_sign() -> None:
    assert to_bfloat16(np.float32([-0.0, 0.0, -1e-45])).tolist() == [0, 0, 0]


def test_what_is_bfloat16_stays() -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    exact = from_bfloat16(bits)
    kept = ~np.isnan(exact) & (bits != 0x8000)
    np.testing.assert_array_equal(to_bfloat16(exact)[kept], bits[kept])
