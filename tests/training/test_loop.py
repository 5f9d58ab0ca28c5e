import signal

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from apus.data import ArrayBatches, Arrays, Augment, LoaderBatches
from apus.errors import DivergedError
from apus.training import Plugs, Stopped, TrainOptions, Validation, fit


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(36, 3)
    )


def images(count=60):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, count)
    x = rng.integers(0, 100, (count, 1, 8, 8)) + 50 * y[:, None, None, None]
    return Arrays(x.astype(np.uint8), y)


def batches():
    return ArrayBatches(images(), 10, seed=1, augment=Augment(shift=1, flip=True))


class Noisy(Dataset):
    """Draws from torch's global generator, as a user's augmentation does."""

    def __len__(self):
        return 60

    def __getitem__(self, index):
        return torch.rand(1, 8, 8) + index % 3, index % 3


OPTIONS = TrainOptions(epochs=2.5, learning_rate=0.05, ema=0.9, checkpoint_steps=1, bf16=True)


class Killed(Exception):
    pass


def weights(model):
    return {name: t.clone() for name, t in model.state_dict().items()}


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one)


def test_learns_and_tells_its_history():
    model, data = network(), images()
    valid = Validation(ArrayBatches(data, 20, shuffle=False))
    history = fit(model, ArrayBatches(data, 10), TrainOptions(epochs=8, learning_rate=0.05), valid=valid)
    assert [row["step"] for row in history] == [6 * (i + 1) for i in range(8)]
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["accuracy_pct"] > 80
    assert not model.training


@pytest.mark.parametrize("options", [OPTIONS, TrainOptions(epochs=2.5, optimizer="adamw", learning_rate=1e-3)])
@pytest.mark.parametrize("source", [batches, lambda: LoaderBatches(DataLoader(Noisy(), 10, shuffle=True), seed=1)])
def test_resuming_ends_with_the_same_bits(tmp_path, options, source):
    options = TrainOptions(**{**vars(options), "checkpoint_steps": 1})
    whole = network()
    history = fit(whole, source(), options, seed=3)
    stops = [1, 4, 6, 7, 12, 15]  # inside epochs, at their ends, and after the last step

    def stop(step, steps):
        if stops and step == stops[0] + 1:
            raise Killed

    for _ in range(len(stops) + 1):
        model = network()
        try:
            again = fit(model, source(), options, Plugs(after_step=stop), folder=tmp_path, fingerprint="a", seed=3)
        except Killed:
            stops.pop(0)
        else:
            break
    assert same(weights(model), weights(whole))
    assert [row["loss"] for row in again] == [row["loss"] for row in history]


def test_a_checkpoint_of_another_run_is_not_used(tmp_path):
    fit(network(), batches(), OPTIONS, folder=tmp_path, fingerprint="a")
    model, fresh = network(), network()
    other = TrainOptions(epochs=1)
    fit(model, batches(), other, folder=tmp_path, fingerprint="b")
    fit(fresh, batches(), other)
    assert same(weights(model), weights(fresh))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(tmp_path, number):
    def press(step, steps):
        if step == 5:
            signal.raise_signal(number)

    options = TrainOptions(epochs=2, checkpoint_seconds=1e9)
    with pytest.raises(Stopped, match=r"step 5 of 12, saved; run the same command") as caught:
        fit(network(), batches(), options, Plugs(after_step=press), folder=tmp_path)
    assert caught.value.signal == number
    model, whole = network(), network()
    fit(model, batches(), options, folder=tmp_path)
    fit(whole, batches(), options)
    assert same(weights(model), weights(whole))


def test_each_plug_is_called():
    seen = []

    def loss(z, y, x):
        seen.append(("loss", z.dtype, x.shape))
        return F.cross_entropy(z, y)

    def penalty(model):
        return 1000 * model[5].weight.square().sum()

    class Half:
        def __init__(self, inner):
            self.inner = inner

        def __len__(self):
            return len(self.inner) // 2

        def epoch(self, epoch, start=0):
            for position, batch in enumerate(self.inner.epoch(epoch)):
                if start <= position < len(self):
                    yield batch

    model = network()
    plugs = Plugs(Half, loss, penalty, lambda step, steps: seen.append((step, steps)))
    fit(model, batches(), TrainOptions(epochs=2, learning_rate=1e-4, bf16=True), plugs)
    assert seen[0] == ("loss", torch.float32, (10, 1, 8, 8))
    assert seen[-1] == (6, 6)
    assert len(seen) == 12
    assert model[5].weight.abs().max() < network()[5].weight.abs().max()


def test_a_loss_that_is_no_number_is_told():
    with pytest.raises(DivergedError, match="loss is nan at step 0"):
        fit(network(), batches(), TrainOptions(), Plugs(loss=lambda z, y, x: z.sum() * float("nan")))


def test_clip_bounds_the_gradient():
    model, before = network(), network()
    options = TrainOptions(epochs=0.2, clip=1e-6, learning_rate=1.0, momentum=0.0, weight_decay=0.0, warmup=0.0)
    fit(model, batches(), options)
    assert (model[5].weight - before[5].weight).norm() <= 1.01e-6
