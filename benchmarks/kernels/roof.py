"""The least time that a layer could take here: its multiply-adds at full rate, or its bytes from where they sit."""

from apus.runtime import isa
from benchmarks.kernels.cases import LAYERS, STRIP, Case, weights


def blocks(case: Case) -> int:
    """16x1 blocks of a layer, or its single weights."""
    return sum(int((w.reshape(-1, tall(case), case.columns) != 0).any(1).sum()) for w, _ in weights(case)) // LAYERS


def tall(case: Case) -> int:
    """Weights that an index stands for."""
    return 1 if case.single else STRIP


def layer_bytes(case: Case, int8: bool) -> int:
    """Weights, a uint16 of index per block or single weight, bias and scale, activations in and out."""
    size, count = (1 if int8 else 4), blocks(case)
    activations = 2 * case.channels * case.positions * size
    return count * (tall(case) * size + 2) + case.channels * (8 if int8 else 4) + activations


def roof_us(case: Case) -> dict[str, float]:
    """By label of ours: microseconds of a layer. All eight layers' bytes together say which cache they sit in."""
    from apus._native import kernels  # noqa: TID251  the kernels' own entry

    found = {}
    for label, int8 in (("apus-fp32", False), ("apus-int8", True)):
        count = layer_bytes(case, int8)
        macs_per_ns, bytes_per_ns = kernels.roofline(isa(), int8, LAYERS * count)
        if macs_per_ns:
            macs = blocks(case) * tall(case) * case.positions
            found[label] = max(macs / macs_per_ns, count / bytes_per_ns) / 1e3
    return found
