"""Options by ONNX Runtime's names: honoured, harmless, or refused with the way to get the same."""

from pathlib import Path

import numpy as np
import pytest

import apus
from apus.errors import RunError


def test_defaults_are_onnxruntimes() -> None:
    theirs = pytest.importorskip("onnxruntime").SessionOptions()
    ours = apus.SessionOptions()
    for name in ("intra_op_num_threads", "inter_op_num_threads", "log_severity_level", "enable_profiling"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.graph_optimization_level.name == theirs.graph_optimization_level.name
    assert ours.execution_mode.name == theirs.execution_mode.name


def test_threads_are_honoured(convnet_apus: Path) -> None:
    options = apus.SessionOptions()
    options.intra_op_num_threads = 1
    assert apus.Session(convnet_apus, options).threads == 1


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(AttributeError):
        apus.SessionOptions().intra_op_num_thread = 1  # type: ignore[attr-defined]


def test_onnxruntimes_own_options_are_refused_by_name(convnet_apus: Path) -> None:
    theirs = pytest.importorskip("onnxruntime").SessionOptions()
    with pytest.raises(RunError, match=r"onnxruntime.*SessionOptions; make it with apus\.SessionOptions\(\)"):
        apus.Session(convnet_apus, theirs)


def test_options_that_would_change_behaviour_are_refused(convnet_apus: Path) -> None:
    for name, value, message in (
        ("enable_profiling", True, r"session\.profile"),
        ("optimized_model_filepath", "x.onnx", r"end the name in \.apus"),
        ("intra_op_num_threads", -1, "0 .* or more"),
    ):
        options = apus.SessionOptions()
        setattr(options, name, value)
        with pytest.raises(RunError, match=message):
            apus.Session(convnet_apus, options)
    with pytest.raises(RunError, match="custom operators"):
        options.register_custom_ops_library("lib.so")
    with pytest.raises(RunError, match="put the constant into"):
        options.add_initializer("w", None)
    with pytest.raises(RunError, match="changes results"):
        options.add_session_config_entry("session.set_denormal_as_zero", "1")


def test_config_entries_are_kept() -> None:
    options = apus.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "1"
    with pytest.raises(RunError, match="was not set"):
        options.get_session_config_entry("other")


def test_the_optimised_model_is_an_apus_file(convnet: Path, tmp_path: Path, images: np.ndarray) -> None:
    options = apus.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "kept.apus")
    first = apus.Session(convnet, options, threads=1).run(None, {"image": images})[0]
    again = apus.Session(tmp_path / "kept.apus", threads=1).run(None, {"image": images})[0]
    np.testing.assert_array_equal(first, again)


def test_a_fixed_dimension_is_fixed(convnet_apus: Path, images: np.ndarray) -> None:
    options = apus.SessionOptions()
    options.add_free_dimension_override_by_name("batch", 2)
    session = apus.Session(convnet_apus, options, threads=1)
    assert session.get_inputs()[0].shape == [2, 1, 12, 12]
    with pytest.raises(RunError, match=r"the model takes \[2, 1, 12, 12\]"):
        session.run(None, {"image": images[:3]})


def test_run_options_are_accepted(convnet_apus: Path, images: np.ndarray) -> None:
    options = apus.RunOptions()
    options.logid = "mine"
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    assert apus.Session(convnet_apus, threads=1).run(None, {"image": images}, options)[0].shape == (32, 10)
