"""WaveGRU on the engine: frames of features in, samples out, the whole loop in C++."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apus import _native
from apus.errors import RunError
from apus.runtime.options import check_threads
from apus.runtime.processor import check_isa

KINDS = ("dense", "csr", "block16", "block16-bf16", "block16-int8")
"""How the recurrent matrix and the head are stored; the sparse kinds leave out the zeros they find."""


class WaveGRU:
    """A vocoder of `apus.models.wavegru`, ready to speak.

    Args:
        arrays: float32, by the names that `apus.export.wavegru_arrays` gives them.
        kind: one of `KINDS`. `block16-int8` rounds weights to 8 bits by row and the state to 8 bits, and takes up to
            1,024 units; `block16-bf16` rounds weights to bfloat16.
        activations: `fast` (tanh within 8e-5, sigmoid within 4e-5) or `accurate` (within 3e-7).
        isa: the most that may be used, such as `avx2`; what the machine has by default.

    Raises:
        RunError: an array is missing or has the wrong size, or a name is unknown.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[np.float32]],
        *,
        kind: str = "block16",
        activations: str = "fast",
        isa: str | None = None,
    ) -> None:
        if activations not in ("fast", "accurate"):
            raise RunError(f"activations={activations!r}; take 'fast' or 'accurate'")
        plain = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
        for name, array in plain.items():
            if not np.isfinite(array).all():
                raise RunError(f"WaveGRU's {name!r} holds numbers that are not finite")
        self._native = _native.WaveGRU(plain, kind, activations == "fast", check_isa(isa))
        self.features: int = self._native.features
        self.bands: int = self._native.bands
        """Codes of a step; each makes one sample, or one of its band (`apus.speech.bands`)."""
        self.nonzeros: int = self._native.nonzeros
        """Weights kept in the recurrent matrix and the head."""
        self.bytes: int = self._native.bytes
        """Of those, with their indices."""

    def stream(self, seed: int = 0, threads: int = 1) -> "WaveGRUStream":
        """A voice that begins to speak; streams of one network may run side by side.

        Args:
            seed: of the draws, 0 to 2^64 - 1. The same seed and features give the same samples, however they are cut
                into calls and on however many threads.
            threads: that share each step, 1 or more.

        Returns:
            The stream.

        Raises:
            RunError: a number is out of range.
        """
        if not 0 <= seed < 2**64:
            raise RunError(f"seed={seed} must be 0 to 2**64 - 1")
        if check_threads("threads", threads) < 1:
            raise RunError(f"threads={threads}; give 1 or more")
        return WaveGRUStream(self, seed, threads)

    def speak(self, features: NDArray[np.float32], seed: int = 0, threads: int = 1) -> NDArray[np.float32]:
        """Samples of whole features at once.

        Args:
            features: (T, F), finite.
            seed: as for `stream`.
            threads: as for `stream`.

        Returns:
            (T * 300,) samples at 24 kHz.
        """
        return self.stream(seed, threads).push(features, last=True)

    def force(
        self, features: NDArray[np.float32], codes: NDArray[np.uint8], seed: int = 0
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """What would be drawn at each sample if those before it were `codes`: teacher forcing.

        Args:
            features: (T, F), finite.
            codes: (T * 300,), those of a step side by side.
            seed: of the draws.

        Returns:
            (T * 300,) codes drawn and (T * 300, 255) logits of the tree, node n above 2n + 1 (bit 0) and 2n + 2.

        Raises:
            RunError: the lengths do not fit.
        """
        stream = _native.WaveGRUStream(self._native, seed, 1)
        found: tuple[Any, Any] = stream.force(self.frames(features), np.ascontiguousarray(codes, np.uint8))
        return found

    def frames(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features as the engine takes them, or an error that says what is wrong."""
        found = np.ascontiguousarray(features, np.float32)
        if found.ndim != 2 or found.shape[1] != self.features:
            raise RunError(f"features have shape {found.shape}; (frames, {self.features}) is needed")
        return found


class WaveGRUStream:
    """One utterance in the making; see `WaveGRU.stream`."""

    def __init__(self, net: WaveGRU, seed: int, threads: int) -> None:
        self._net, self._native = net, _native.WaveGRUStream(net._native, seed, threads)

    def push(self, features: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
        """The samples that can now be spoken: all but those of the two latest frames, which need what follows.

        Args:
            features: (T, F) further frames, T from 0; finite.
            last: nothing follows; all samples come.

        Returns:
            Samples at 24 kHz, a multiple of 300 of them.

        Raises:
            RunError: features have a wrong shape or are not finite, or the stream has ended.
        """
        samples: NDArray[np.float32] = self._native.push(self._net.frames(features), last)
        return samples
