"""The voice in int8, against float32 and against hibari's own int8."""

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from apus.errors import NothingMatchedError
from apus.speech.calibrate import in_int8
from apus.speech.hibari import FrontEnd, Network, load
from apus.speech.parts import parts
from apus.speech.synthesis import BINS
from apus.speech.voices import locate

SPECTRA = ("lh", "theta", "ln", "lr", "phi", "f0")
SENTENCES = ("Hello there.", "On the third, it cost twelve dollars.", "The quick brown fox jumps over the lazy dog!")


def test_int8_is_as_near_to_fp32_as_hibaris_own() -> None:
    path = locate("hibari")
    peer = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    front = FrontEnd()
    exact, fast = load(locate("hibari"), 1, "fp32"), load(locate("hibari"), 1, "int8")
    for text in SENTENCES:
        ids = front.numbers(front.sentences(text)[0])
        spectra, frames = exact(ids, 1.0, 0.0)
        assert abs(fast(ids, 1.0, 0.0)[1] - frames).max() <= 2  # of 25 ms; theirs moves some phonemes by one, too
        same = Network(exact.text, fast.melody, fast.spectra)(ids, 1.0, 0.0)[0]
        theirs = peer.run(None, {"ids": np.array([ids]), "speed": np.ones(1, np.float32)})
        for name, a, b, wanted in zip(SPECTRA, apart(*same), theirs, apart(*spectra), strict=True):
            assert error(a, wanted) < 0.15, name
            if b[0].shape == wanted.shape:
                assert error(a, wanted) < 4 * error(b[0], wanted), name


def apart(heads: NDArray[np.float32], f0: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """As hibari's own network gives them: five spectra, bins first, and the pitch."""
    return [*heads.T.reshape(5, BINS, -1), f0]


def error(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """Root mean square, of the wanted's."""
    return float(np.sqrt(np.square(found - wanted).mean() / np.square(wanted).mean()))


def test_another_network_is_refused() -> None:
    part = parts(onnx.load(locate("hibari")))["melody"]
    for node in part.graph.node:
        node.name = node.name.replace("pro", "other")
    with pytest.raises(NothingMatchedError, match="/pro"):
        in_int8({"melody": part}, {"melody": [{"/Gather_33_output_0": np.zeros((1, 192, 31), np.float32)}]})
