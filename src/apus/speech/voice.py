"""A voice: text in, sound out, a sentence at a time."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from apus.errors import RunError
from apus.speech.features import RATE
from apus.speech.hibari import FrontEnd, Precision, load
from apus.speech.lexicon import Lexicon, Words
from apus.speech.ssml import Span, is_ssml, spans
from apus.speech.text import readable
from apus.speech.trained import TrainedVoice
from apus.speech.voices import DEFAULT, PACKAGES, locate

SLOWEST, FASTEST = 0.25, 4.0
LOWEST, HIGHEST = -12.0, 12.0
LONGEST_TEXT = 100_000
HALF_SAMPLE = 0.5 / RATE


class _Speaker(Protocol):
    """Says one sentence: see `TrainedVoice.speak`."""

    def speak(
        self, numbers: list[int], rate: float, pitch: float, seed: list[int]
    ) -> tuple[NDArray[np.float64], Iterator[NDArray[np.float32]]]: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a sentence, or a pause.

    Attributes:
        samples: (T,) float32 at 24 kHz, within [-1, 1].
        phonemes: that end within it; none in a pause.
        ends: (P,) seconds from the chunk's begin at which each phoneme ends.
    """

    samples: NDArray[np.float32]
    phonemes: str = ""
    ends: tuple[float, ...] = ()


class Voice:
    """Says English texts. Both voices that have a name are synthetic: an American woman who is no person.

    Args:
        model: `hibari`, the default; `apus`, which was trained here; an ONNX file of hibari's architecture; or the
            folder of a voice that `apus.export.export_voice` wrote.
        threads: per layer, 1 or more.
        precision: of hibari's network: `int8`, as hibari itself, or `fp32`. A folder says it for itself.
        lexicon: phonemes by word, or a TOML file of them: how words are said that are yours.

    Raises:
        MissingExtraError: hibari-tts, whose front-end reads for all voices, or apus-ml-voice is not installed.
        CompileError: the model has another architecture.
        DataError: the lexicon has no such file, or a line that is no word with phonemes of this voice; a file of the
            folder is not what it should be.
        FileNotFoundError: there is no such voice, or the folder lacks a file of one.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT,
        *,
        threads: int = 1,
        precision: Precision = "int8",
        lexicon: Words | str | os.PathLike[str] | None = None,
    ) -> None:
        self._front = FrontEnd()
        self._lexicon = Lexicon(lexicon or {}, self._front.alphabet)
        where = locate(model)
        self._network: _Speaker = TrainedVoice(where, threads) if where.is_dir() else load(where, threads, precision)
        self.name = os.fspath(model) if model in PACKAGES else where.stem
        """Of the voice, or of its file."""
        self.rate = RATE
        """Samples a second."""

    def stream(self, text: str, *, rate: float = 1.0, pitch: float = 0.0, seed: int = 0) -> Iterator[Chunk]:
        """Say a text, each sentence as soon as it is made; a voice trained here makes pieces of half a second.

        Args:
            text: English, or SSML if it begins with `<speak`; at most 100,000 characters.
            rate: factor of the speed, 0.25 to 4.
            pitch: semitones up, -12 to 12.
            seed: of the breath in the voice, 0 or more; the same seed gives the same samples.

        Returns:
            Chunks, each made when it is asked for; one after another they are what `say` gives, bit for bit.

        Raises:
            RunError: there is nothing to say, the SSML is wrong, or a number is out of range.
        """
        plan = self.plan(text, rate, pitch, seed)
        return chain.from_iterable(
            self._chunks(phonemes, span, [seed, place]) for place, (span, phonemes) in enumerate(plan)
        )

    def say(self, text: str, *, rate: float = 1.0, pitch: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
        """Say a text whole.

        Args:
            text: as for `stream`.
            rate: as for `stream`.
            pitch: as for `stream`.
            seed: as for `stream`.

        Returns:
            (T,) samples at 24 kHz.
        """
        return np.concatenate([c.samples for c in self.stream(text, rate=rate, pitch=pitch, seed=seed)])

    def phonemes(self, text: str) -> list[str]:
        """Phonemes of each sentence, in the alphabet of misaki; `[word](/phonemes/)` in a text sets those of a word.

        Args:
            text: as for `stream`.

        Returns:
            One string a sentence.
        """
        return [phonemes for _, phonemes in self.plan(text, 1.0, 0.0, 0) if phonemes]

    def plan(self, text: str, rate: float, pitch: float, seed: int) -> list[tuple[Span, str]]:
        """What will be said: sentences with their style, and pauses with none.

        Args:
            text: as for `stream`.
            rate: as for `stream`.
            pitch: as for `stream`.
            seed: as for `stream`.

        Returns:
            Spans and phonemes, at least one with some.

        Raises:
            RunError: as for `stream`.
        """
        _check("rate", rate, SLOWEST, FASTEST)
        _check("pitch", pitch, LOWEST, HIGHEST)
        if len(text) > LONGEST_TEXT or seed < 0:
            raise RunError(f"{len(text)} characters and seed {seed}; at most {LONGEST_TEXT:,} and 0 or more are taken")
        plan: list[tuple[Span, str]] = []
        unsaid: dict[str, None] = {}
        for span in spans(text) if is_ssml(text) else [Span(text)]:
            said, missing = readable(self._lexicon.mark(span.text))
            unsaid |= dict.fromkeys(missing)
            style = Span("", _held(span.rate * rate), max(LOWEST, min(HIGHEST, span.pitch + pitch)), span.pause)
            plan += [(style, "")] if span.pause else [(style, phonemes) for phonemes in self._front.sentences(said)]
        letters = "".join(unsaid)
        if not any(phonemes for _, phonemes in plan):
            raise RunError(
                f"there is nothing to say in {text[:40]!r}" + (f": no voice for {letters!r}" if letters else "")
            )
        if letters:
            warnings.warn(f"left out, for want of a voice: {letters}", stacklevel=3)
        return plan

    def _chunks(self, phonemes: str, span: Span, seed: list[int]) -> Iterator[Chunk]:
        if not phonemes:
            yield Chunk(np.zeros(round(span.pause * RATE), np.float32))
            return
        ends, pieces = self._network.speak(self._front.numbers(phonemes), span.rate, span.pitch, seed)
        begin, done, said = 0.0, 0, ends[1:-1]
        for samples in pieces:
            end = begin + len(samples) / RATE
            upto = int(np.searchsorted(said, end + HALF_SAMPLE))
            yield Chunk(np.clip(samples, -1, 1), phonemes[done:upto], tuple(map(float, said[done:upto] - begin)))
            begin, done = end, upto


def _held(rate: float) -> float:
    return max(SLOWEST, min(FASTEST, rate))


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RunError(f"{name}={value} must be {low:g} to {high:g}")
