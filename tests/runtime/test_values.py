"""Wrapped arrays and bound inputs."""

from pathlib import Path

import numpy as np
import pytest

import apus
from apus.errors import RunError


def test_bound_inputs_give_the_same(convnet_apus: Path, images: np.ndarray) -> None:
    session = apus.Session(convnet_apus, threads=1)
    want = session.run(None, {"image": images})[0]
    value = apus.OrtValue.ortvalue_from_numpy(images)
    assert (value.shape(), value.device_name()) == ([32, 1, 12, 12], "cpu")
    (wrapped,) = session.run_with_ort_values(["logits"], {"image": value})
    np.testing.assert_array_equal(wrapped.numpy(), want)
    for bind, given in (("bind_cpu_input", images), ("bind_ortvalue_input", value)):
        binding = session.io_binding()
        getattr(binding, bind)("image", given)
        binding.bind_output("logits")
        session.run_with_iobinding(binding)
        np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], want)
        np.testing.assert_array_equal(binding.get_outputs()[0].numpy(), want)


def test_another_device_is_refused() -> None:
    with pytest.raises(RunError, match="device 'cuda' is not offered"):
        apus.OrtValue.ortvalue_from_numpy(np.zeros(1), "cuda", 0)
