"""What benchmarks call the roof must not lie below what kernels reach."""

import numpy as np
import pytest
from kernel_reference import ISAS, kernels, options, pack, sparse

from apus.runtime import usable_cores


@pytest.mark.parametrize(("int8", "isa"), [(False, "avx512"), (True, "vnni"), (False, "neon"), (True, "dotprod")])
def test_no_kernel_is_above_the_roof(int8: bool, isa: str) -> None:
    if isa not in ISAS:
        pytest.skip(f"no {isa} here")
    rng, rows, size = np.random.default_rng(0), 64, 128
    packed = pack(sparse(rng, (size, size), np.int8 if int8 else np.float32, 1.0))
    x = np.ones((rows, size), np.uint8 if int8 else np.float32)
    y, multiplier = np.zeros((rows, size), x.dtype), np.full(size, 1e-4, np.float32) if int8 else None
    said = kernels.linear_block16(
        x, y, "planes", rows, packed.shape, packed.strips, packed.columns, packed.values, None, multiplier,
        options(isa, 0, 255, repeat=200),
    )  # fmt: skip
    macs, near = kernels.roofline(isa, int8, 16 * 1024)
    _, far = kernels.roofline(isa, int8, 64 * 1024 * 1024)
    assert 0.1 * macs < said["nonzero_macs"] / said["compute_ns"] < 1.3 * macs  # 1.3: clocks rise and fall meanwhile
    assert near > far > 0


def test_an_isa_without_a_row_has_no_roof() -> None:
    assert kernels.roofline("scalar", True, 4096) == (0, 0)


def test_a_barrier_takes_time_and_an_empty_run_more() -> None:
    if usable_cores() < 2:
        pytest.skip("one core")
    barrier, run = kernels.barrier(2)
    assert 0 < barrier < 1e8 and run > 0
