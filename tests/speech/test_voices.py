"""Voices by name: where they lie, what is said when one is missing, and that the one trained here speaks."""

from importlib import util
from pathlib import Path

import numpy as np
import pytest

from apus.errors import MissingExtraError
from apus.speech import Voice
from apus.speech.features import RATE
from apus.speech.voices import locate, package

TEXT = "The swifts are back."
MOST_BYTES = 12_000_000


def test_names_and_paths(tmp_path: Path) -> None:
    assert locate("hibari").name == "hibari.onnx" and (locate("apus") / "voice.json").is_file()
    assert locate(tmp_path) == tmp_path
    with pytest.raises(FileNotFoundError, match=r"no file .*apsu; by name there are apus and hibari"):
        locate(tmp_path / "apsu")


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"apus-ml-voice is not installed: pip install 'apus-ml\[speech\]'"):
        locate("apus")


def test_the_package_is_small() -> None:
    assert sum(file.stat().st_size for file in package("apus").glob("*.*")) <= MOST_BYTES


def test_it_speaks() -> None:
    voice = Voice("apus")
    said = voice.say(TEXT)
    assert voice.name == "apus" and 0.8 < len(said) / RATE < 3  # four words
    loud = 10 * np.log10(np.mean(said**2))
    assert -35 < loud < -10  # dB of full scale, as the corpus is
    np.testing.assert_array_equal(Voice("apus", threads=2).say(TEXT), said)
