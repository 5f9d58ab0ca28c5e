"""Providers: the CPU's, and a warning for any other, as in ONNX Runtime."""

from pathlib import Path

import pytest

import apus


def test_the_cpu_is_all_there_is() -> None:
    assert apus.get_available_providers() == apus.get_all_providers() == ["CPUExecutionProvider"]
    assert apus.get_device() == "CPU"
    apus.set_default_logger_severity(3)


def test_another_provider_is_a_warning(convnet_apus: Path) -> None:
    with pytest.warns(UserWarning, match="'CUDAExecutionProvider' is not in available provider names"):
        apus.Session(convnet_apus, providers=[("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"])
