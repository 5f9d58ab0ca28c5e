"""One line for any loader: same batches at e = 1, exact resume with random transforms, echo in the training loop."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from apus.data import ArrayBatches, Arrays, Augment, LoaderBatches
from apus.data.echo_loader import EchoedBatches, echo, measure_factor
from apus.errors import DataError
from apus.training import Plugs, TrainOptions, fit

X = torch.arange(50.0)[:, None]


class Noisy(Dataset[Any]):
    def __len__(self) -> int:
        return 50

    def __getitem__(self, index: int) -> Any:
        return index, torch.rand(2), random.random(), np.random.random()  # noqa: NPY002


def text(pipe: Any) -> list[str]:
    return [str(batch) for batch in pipe]


def test_factor_one_gives_the_loaders_own_batches() -> None:
    loader = DataLoader(TensorDataset(X), 8)
    assert text(echo(loader, 1)) == text(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_batch_comes_exactly_its_copies(workers: int) -> None:
    pipe = echo(DataLoader(TensorDataset(X), 8, shuffle=True, num_workers=workers), 2.5)
    firsts = [int(batch[0][0]) for batch in pipe]
    assert sorted(firsts.count(f) for f in set(firsts)) == [2, 2, 2, 2, 3, 3, 3] and len(pipe) == len(firsts) == 17


def test_the_order_does_not_disturb_the_programs_random_numbers() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    list(echo(DataLoader(TensorDataset(X), 8, shuffle=True), 2))
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_resume_is_exact_with_random_transforms_in_workers(workers: int) -> None:
    wanted = text(echo(DataLoader(Noisy(), 8, shuffle=True, num_workers=1), 2))
    pipe, got = echo(DataLoader(Noisy(), 8, shuffle=True, num_workers=workers), 2), []
    for batch in pipe:
        got.append(str(batch))
        if len(got) == 6:
            state = pipe.state_dict()
            break
    resumed = echo(DataLoader(Noisy(), 8, shuffle=True, num_workers=workers), 2)
    resumed.load_state_dict(state)
    assert got + text(resumed) == wanted


def test_iterable_data_sets_and_plain_iterables() -> None:
    class Count(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter(range(12))

    assert [b.tolist() for b in echo(DataLoader(Count(), 4), 2, spread="none")] == [
        [0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5, 6, 7], [8, 9, 10, 11], [8, 9, 10, 11],
    ]  # fmt: skip
    assert list(echo(["a", "b", "c"], 1.5, spread="none")) == ["a", "b", "b", "c"]


def test_the_copy_to_the_device_is_made_once_per_fresh_batch() -> None:
    pipe = echo(DataLoader(TensorDataset(X), 8), 3, device="cpu")
    assert len(text(pipe)) == 21
    copies = next(meter for meter in pipe.running.meters if meter.name == "copy")
    assert copies.items <= 7


def arrays() -> Arrays:
    x = np.random.Generator(np.random.Philox(0)).integers(0, 255, (64, 1, 8, 8)).astype(np.uint8)
    return Arrays(x, (x.mean((1, 2, 3)) > 127).astype(np.int64))


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Small networks on a busy machine: threads that wait for one another cost more than they bring."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(folder: Path | None, stop_at: int = 0) -> tuple[nn.Module, list[dict[str, Any]]]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    batches = ArrayBatches(arrays(), 8, augment=Augment(shift=1))
    seen = 0

    def after_step(step: int, steps: int) -> None:
        nonlocal seen
        seen = step
        if step == stop_at:
            raise KeyboardInterrupt

    plugs = Plugs(batches=lambda b: EchoedBatches(b, 2.5), after_step=after_step)
    options = TrainOptions(epochs=2, batch=8, checkpoint_steps=9)
    return net, fit(net, batches, options, plugs, folder=folder)


def test_the_training_loop_echoes_resumes_exactly_and_reports(tmp_path: Path) -> None:
    whole, history = train(None)
    assert [row["step"] for row in history] == [20, 40]
    assert history[-1]["echo"]["factor"] == 2.5 and history[-1]["echo"]["gap"] is not None
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop_at=27)
    resumed, _ = train(tmp_path)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_loader_is_echoed_in_the_loop_and_other_batches_are_refused() -> None:
    loader = DataLoader(TensorDataset(X, X), 8, shuffle=True)
    echoed = EchoedBatches(LoaderBatches(loader), 2)
    assert len(list(echoed.epoch(0))) == len(echoed) == 14
    assert len(list(echoed.epoch(1, start=10))) == 4
    with pytest.raises(DataError, match="cannot echo"):
        EchoedBatches([], 2)  # type: ignore[arg-type]


def test_the_factor_is_one_where_reading_is_quick() -> None:
    net = nn.Linear(64, 2)
    batches = ArrayBatches(arrays(), 8)

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        import time

        time.sleep(0.01)
        return nn.functional.cross_entropy(net(x.flatten(1)), y)

    assert measure_factor(batches, loss) == 1
