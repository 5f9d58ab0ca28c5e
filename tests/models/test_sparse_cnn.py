"""The demo's student: its shapes, blocks without tails, and what it refuses."""

import pytest
import torch
from torch import nn

from apus.models.sparse_cnn import BLOCK, SparseCNN


@pytest.mark.parametrize(("channels", "classes", "side"), [(1, 10, 28), (3, 5, 32)])
def test_one_row_of_logits_for_each_image(channels: int, classes: int, side: int) -> None:
    model = SparseCNN(in_channels=channels, classes=classes).eval()
    assert model(torch.zeros(2, channels, side, side)).shape == (2, classes)


def test_every_convolution_is_whole_blocks() -> None:
    convolutions = [m for m in SparseCNN().modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 5
    assert all(conv.out_channels % BLOCK == 0 for conv in convolutions)


@pytest.mark.parametrize(("widths", "strides"), [((20,), (1,)), ((16, 32), (1,)), ((), ())])
def test_a_width_that_breaks_a_block_is_refused(widths: tuple[int, ...], strides: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        SparseCNN(widths=widths, strides=strides)
