"""spectrum.py: DFT and STFT against NumPy's FFT."""

from typing import Any

import numpy as np
import pytest
from agreement import engine_outputs
from reference import floats, node_model

from apus.artifact import Array
from apus.compile import compile_model
from apus.compile.lower.spectrum import matrix
from apus.errors import CompileError


def run(operator: str, feed: dict[str, Array], known: dict[str, Array], **attributes: Any) -> Array:
    model = node_model(operator, feed | known, known=tuple(known), **attributes)
    return engine_outputs(compile_model(model), feed)[0]


@pytest.mark.parametrize("size", [5, 8, 12])
@pytest.mark.parametrize("axis", [1, 2])
def test_dft_is_numpys_fft(axis: int, size: int) -> None:
    x = floats(2, 8, 6, 2)
    want = np.fft.fft(x[..., 0] + 1j * x[..., 1], size, axis)
    got = run("DFT", {"x": x}, {"n": np.asarray(size), "axis": np.asarray(axis)})
    np.testing.assert_allclose(got[..., 0] + 1j * got[..., 1], want, atol=1e-5)


def test_one_side_there_and_back_is_the_signal() -> None:
    x = floats(3, 10, 1)
    axis = {"n": np.asarray(10), "axis": np.asarray(1)}
    there = run("DFT", {"x": x}, axis, onesided=1)
    assert there.shape == (3, 6, 2)
    np.testing.assert_allclose(run("DFT", {"x": there}, axis, onesided=1, inverse=1), x, atol=1e-6)


@pytest.mark.parametrize("onesided", [0, 1])
def test_stft_is_the_fft_of_each_windowed_frame(onesided: int) -> None:
    x, window = floats(2, 50, 1), floats(16)
    frames = np.stack([x[:, i : i + 16, 0] * window for i in range(0, 50 - 15, 8)], 1)
    want = np.fft.rfft(frames) if onesided else np.fft.fft(frames)
    known = {"step": np.asarray(8), "window": window, "length": np.asarray(16)}
    got = run("STFT", {"x": x}, known, onesided=onesided)
    np.testing.assert_allclose(got[..., 0] + 1j * got[..., 1], want, atol=1e-5)


def test_what_cancels_is_zero() -> None:
    x = np.arange(100, dtype=np.float32).reshape(1, 10, 10, 1)
    got = run("DFT", {"x": x}, {"n": np.asarray(10), "axis": np.asarray(1)})
    assert np.abs(got[0, 1:, :, 1].sum(0)).max() < 1e-4
    assert matrix(4, 1, 4, inverse=False, onesided=False)[:, 2].sum() == pytest.approx(0, abs=1e-15)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CompileError, match="whose result is complex is not supported"):
        run("DFT", {"x": floats(1, 4, 2)}, {}, inverse=1)
    with pytest.raises(CompileError, match="frames of 9 every 1 do not fit a signal of 4"):
        run("STFT", {"x": floats(1, 4, 1)}, {"step": np.asarray(1), "window": floats(9)})
