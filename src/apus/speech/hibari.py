"""The voice of hibari-tts on the engine: phonemes in, samples at 24 kHz out.

hibari (Maureese Williams, Apache-2.0) is a synthetic voice of 6 million weights, a student of Kokoro-82M. Its front-end
(a port of misaki) runs as it comes; its network runs here, in three parts, and `synthesis` makes sound of what it says.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from apus._files import write_atomically
from apus.errors import RunError
from apus.runtime import Session
from apus.speech.synthesis import synthesize
from apus.speech.voices import locate

FRAME_SECONDS = 0.025
LONGEST = 400
"""Phonemes of one sentence; what is longer is said in pieces."""
_EDITION = 3  # of the parts; another one is compiled anew
Precision = Literal["int8", "fp32"]


@dataclass(frozen=True, slots=True)
class Network:
    """The three sessions of `apus.speech.parts`."""

    text: Session
    melody: Session
    spectra: Session

    def __call__(self, ids: list[int], rate: float, pitch: float) -> tuple[list[NDArray[np.float32]], NDArray[Any]]:
        """Spectra of a sentence, as `synthesize` takes them, and the frames of 25 ms of each phoneme."""
        feed = {"ids": np.array([ids], np.int64), "speed": np.array([rate], np.float32)}
        frames, text, melody = self.text.run(None, feed)
        counts = np.round(frames.reshape(-1)).astype(np.int64)
        owner = np.repeat(np.arange(len(counts)), counts)
        (tone,) = self.melody.run(None, {_only(self.melody): np.ascontiguousarray(melody[:, :, owner])})
        both = tone.reshape(1, 2, 2, len(owner)).transpose(0, 1, 3, 2).reshape(1, 2, -1)
        both = both * np.array([2 ** (pitch / 12), 1], np.float32)[:, None]
        doubled = np.ascontiguousarray(text[:, :, np.repeat(owner, 2)])
        names = [arg.name for arg in self.spectra.get_inputs()]
        first_is_text = self.spectra.get_inputs()[0].shape[1] == text.shape[1]
        pair = (doubled, both) if first_is_text else (both, doubled)
        found = self.spectra.run(None, dict(zip(names, map(np.ascontiguousarray, pair), strict=True)))
        return [part[0] for part in found], counts

    def speak(
        self, numbers: list[int], rate: float, pitch: float, seed: list[int]
    ) -> tuple[NDArray[np.float64], Iterator[NDArray[np.float32]]]:
        """As `apus.speech.trained.TrainedVoice.speak`; the samples come in one piece."""
        (heads, f0), frames = self(numbers, rate, pitch)
        return frames.cumsum() * FRAME_SECONDS, iter([synthesize(heads, f0, np.random.default_rng(seed))])


def _only(session: Session) -> str:
    (arg,) = session.get_inputs()
    return arg.name


def load(model: Path, threads: int, precision: Precision = "int8") -> Network:
    """Open a voice; its parts are compiled once and kept under `$XDG_CACHE_HOME/apus/voices`.

    Args:
        model: an ONNX file of hibari's architecture.
        threads: per layer.
        precision: `int8`, as hibari's own weights are, or `fp32`, the same weights without rounding between layers.

    Returns:
        Its network.

    Raises:
        MissingExtraError: hibari-tts is not installed, whose front-end calibrates int8.
        CompileError: the model has another architecture.
        ValueError: there is no such precision.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision={precision!r}; there are {', '.join(get_args(Precision))}")
    data = model.read_bytes()
    folder = _cache() / f"{hashlib.sha256(data).hexdigest()[:16]}-{precision}-{_EDITION}"
    files = {name: folder / f"{name}.apus" for name in ("text", "melody", "spectra")}
    if not all(file.exists() for file in files.values()):
        for name, part in _compiled(data, precision).items():
            write_atomically(files[name], part)
    return Network(**{n: Session(str(f), threads=threads, deterministic_plan=True) for n, f in files.items()})


def _compiled(data: bytes, precision: Precision) -> dict[str, bytes]:
    import onnx

    from apus.compile.model import to_bytes
    from apus.speech.calibrate import SENTENCES, Listener, in_int8
    from apus.speech.parts import parts

    plain = parts(onnx.load_model_from_string(data))
    made = {name: to_bytes(part) for name, part in plain.items()}
    if precision == "fp32":
        return made
    heard = {name: Listener(Session(part, threads=1, deterministic_plan=True)) for name, part in made.items()}
    network, front = Network(**heard), FrontEnd()  # type: ignore[arg-type]
    for sentence in SENTENCES:
        for phonemes in front.sentences(sentence):
            network(front.numbers(phonemes), 1.0, 0.0)
    quantised = in_int8(plain, {name: listener.feeds for name, listener in heard.items()})
    return {name: to_bytes(part) for name, part in quantised.items()}


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "apus" / "voices"


@contextmanager
def _without_scipy() -> Iterator[None]:
    """Import hibari without its transforms, which are not used here; SciPy takes 0.2 s."""
    absent = "scipy.fft" not in sys.modules
    if absent:
        sys.modules["scipy.fft"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            sys.modules.pop("scipy.fft", None)


class FrontEnd:
    """Text to phonemes, and those to numbers; its lexicon takes a third of a second to read."""

    def __init__(self) -> None:
        table = json.loads(locate("hibari").with_name("vocab.json").read_text("utf-8"))
        with _without_scipy():
            from hibari import Hibari
            from hibari.g2p import G2P

        self._numbers: dict[str, int] = table
        self.alphabet = frozenset(table)
        """Every phoneme, mark and pause."""
        self._sentences: Callable[[str], list[str]] = Hibari.split_sentences
        self._phonemes: Callable[[str], str] = G2P()

    def sentences(self, text: str) -> list[str]:
        """Phonemes of each sentence, at most 400; those that say nothing are left out."""
        found = (self._phonemes(sentence) for sentence in self._sentences(text))
        return [piece for phonemes in found for piece in pieces(phonemes) if self._speaks(piece)]

    def numbers(self, phonemes: str) -> list[int]:
        """The network's alphabet, with a pause at both ends.

        Args:
            phonemes: of one sentence.

        Returns:
            Their places in it.

        Raises:
            RunError: a phoneme is not in it.
        """
        if unknown := sorted(set(phonemes) - self._numbers.keys()):
            raise RunError(f"no phoneme {''.join(unknown)!r}; there are {''.join(self._numbers)}")
        return [0, *(self._numbers[p] for p in phonemes), 0]

    def _speaks(self, phonemes: str) -> bool:
        return any(p.isalpha() for p in phonemes)


def pieces(phonemes: str) -> list[str]:
    """Cut what is too long for one breath: behind a comma if there is one, else between words, else anywhere.

    >>> [len(piece) for piece in pieces("a" * 900)]
    [400, 400, 100]
    """
    found = []
    while len(phonemes) > LONGEST:
        head = phonemes[:LONGEST]
        cut = max((head.rfind(sign) + 1 for sign in (", ", "; ", ": ", "— ")), default=0) or head.rfind(" ")
        cut = cut if cut > LONGEST // 4 else LONGEST
        found.append(phonemes[:cut].strip())
        phonemes = phonemes[cut:].lstrip()
    return [*found, phonemes] if phonemes else found
