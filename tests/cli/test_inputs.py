"""Inputs of a command: read, or made up."""

import argparse
from typing import Any

import numpy as np
import pytest

from apus.cli.inputs import make_feed, parse_shapes, random_feed
from apus.errors import RunError
from apus.runtime import NodeArg

INPUTS = [NodeArg("x", "tensor(float)", ["n", 3]), NodeArg("mask", "tensor(int64)", ["n", 3])]


def options(**more: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"data": None, "batch": None, "shape": []} | more)


def test_made_up_inputs_are_the_same_each_time() -> None:
    one, two = (make_feed(INPUTS, options(batch=4)) for _ in range(2))
    assert one["x"].dtype == np.float32 and one["x"].shape == (4, 3) and one["mask"].dtype == np.int64
    np.testing.assert_array_equal(one["x"], two["x"])
    assert make_feed(INPUTS, options(shape=["x=2,3"]))["x"].shape == (2, 3)


def test_an_open_dimension_needs_a_size() -> None:
    inputs = [NodeArg("x", "tensor(float)", ["n", "t"])]
    with pytest.raises(RunError, match="--shape x="):
        random_feed(inputs, batch=1, shapes={})


def test_a_file_gives_what_the_model_takes(tmp_path: Any) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((5, 3)), mask=np.ones((5, 3)), label=np.zeros(5))
    feed = make_feed(INPUTS, options(data=str(tmp_path / "d.npz"), batch=2))
    assert {name: array.shape for name, array in feed.items()} == {"x": (2, 3), "mask": (2, 3)}
    np.savez(tmp_path / "e.npz", y=np.zeros((5, 3)))
    with pytest.raises(RunError, match="no input 'y'"):
        make_feed(INPUTS, options(data=str(tmp_path / "e.npz")))


@pytest.mark.parametrize("text", ["image", "image=", "=1,2", "image=1,a", "image=0,3"])
def test_a_shape_has_one_form(text: str) -> None:
    with pytest.raises(RunError, match="write it as"):
        parse_shapes([text])


def test_shapes_are_read() -> None:
    assert parse_shapes(["image=1x3x224x224", "a=2"]) == {"image": [1, 3, 224, 224], "a": [2]}
