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


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda p: p.decode(len, workers=-1), "'decode': workers=-1"),
        (lambda p: p.augment(3), "needs a function"),
        (lambda p: p.echo(None), "the factor is a number"),
        (lambda p: p.echo(2, size=1.5), "size=1.5"),
        (lambda p: p.echo("auto", max=0.5), "at least 1"),
        (lambda p: p.batch("8"), r"batch\('8'\)"),
        (lambda p: p.to("cuad"), "to\\('cuad'\\)"),
        (lambda p: Pipeline([1], seed=-1), "seed=-1"),
        (lambda p: Pipeline("no/such/folder"), "no such folder"),
    ],
)
def test_a_slip_is_named_where_the_chain_is_built(build: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        build(Pipeline(range(8)))


def test_what_can_be_read_once_is_not_silently_empty_the_second_time() -> None:
    pipe = Pipeline(iter(range(4)))
    assert list(pipe) == [0, 1, 2, 3]
    with pytest.raises(DataError, match="can be read once"):
        list(pipe)


def test_examples_that_do_not_fit_into_one_batch_are_named() -> None:
    with pytest.raises(RuntimeError) as caught:
        list(Pipeline([torch.zeros(2), torch.zeros(3)], shuffle=False).batch(2))
    assert caught.value.__notes__ == ["in stage 'batch', batch 0 of items [0, 1]"]
