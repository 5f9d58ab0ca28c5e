"""The chain: what may stand where, and its twin for validation."""

from typing import Any

import pytest
import torch

from apus.data.pipeline import Pipeline
from apus.errors import DataError


@pytest.mark.parametrize(
    "make",
    [
        lambda p: p.echo(0.5),
        lambda p: p.echo("much"),
        lambda p: p.echo(2, spread="far"),
        lambda p: p.echo(2).echo(2),
        lambda p: p.batch(0),
        lambda p: p.batch(2).read(),
    ],
)
def test_wrong_arguments_are_refused(make: Any) -> None:
    with pytest.raises(DataError):
        make(Pipeline(range(8)))


def test_evaluation_is_never_echoed_augmented_or_shuffled() -> None:
    pipe = (
        Pipeline(range(203))
        .read(lambda key: (torch.ones(2) * key, key))
        .echo(3)
        .augment(lambda s: (s[0] * 0, 0))
        .batch(16)
        .evaluation()
    )
    y = torch.cat([y for _, y in pipe])
    x = torch.cat([x for x, _ in pipe])
    assert y.tolist() == list(range(203)) and torch.equal(x[:, 0], y)
