"""Sound from spectra on the engine: what a network says of each frame shapes a source, frames are added up."""

import numpy as np
from numpy.typing import NDArray

from apus import _native
from apus.errors import RunError
from apus.runtime.processor import check_isa

Floats = NDArray[np.float32]


class SpectralSynthesis:
    """The inverse transform at the end of a vocoder, with the shaping before it.

    A source is cut into frames under a window of Hann. Each bin of a frame's spectrum P becomes
    S = e^h e^{iπ tanh θ} P + e^n Z + e^r e^{iφ}, where Z is noise of variance 1; then a window, and a sum.

    Args:
        hop: samples between the beginnings of two frames.
        overlap: frames that share a sample, 1..16. A frame's overlap · hop samples are four times a number without
            prime factors above 5.
        isa: the most that may be used, such as `avx2`; what the machine has by default. All give the same bits.

    Raises:
        RunError: no frame can be so long, or there is no such ISA.

    >>> synthesis = SpectralSynthesis(hop=300, overlap=4)
    >>> heads = np.full((2, 5 * 601), -100, np.float32)  # silence
    >>> synthesis(np.ones(6 * 300, np.float32), heads).shape
    (1500,)
    """

    def __init__(self, hop: int, overlap: int, isa: str | None = None) -> None:
        self._native = _native.SpectralSynthesis(hop, overlap, check_isa(isa))
        self.kernel: str = self._native.kernel

    def __call__(self, source: Floats, heads: Floats, seed: int = 0) -> Floats:
        """Samples of some frames.

        Args:
            source: ((T + overlap) · hop,); frame t begins at sample t · hop.
            heads: (T, 5 · bins) of each frame: h, θ, n, r and φ, of overlap · hop / 2 + 1 bins each. h, n and r count
                as 7 at most, φ within ±10,000.
            seed: of the noise, 0 to 2^32 - 1.

        Returns:
            ((T + overlap - 1) · hop,): the sum of all frames under their windows, by which it is not divided.

        Raises:
            RunError: a shape does not fit, or the seed.
        """
        if not 0 <= seed < 2**32:
            raise RunError(f"seed={seed} must be 0 to 2**32 - 1")
        plain = np.ascontiguousarray(source, np.float32), np.ascontiguousarray(heads, np.float32)
        if plain[0].ndim != 1 or plain[1].ndim != 2:
            raise RunError(
                f"source has the shape {plain[0].shape}, heads {plain[1].shape}; give (samples,), (T, 5 bins)"
            )
        made: Floats = self._native(*plain, seed)
        return made
