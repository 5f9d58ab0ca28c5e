"""A change of code or data is seen; the same code and data in another process are the same."""

import functools
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from apus.compress.digests import callable_digest, files_digest, network_digest, split_digest
from apus.data import Arrays

CODE = """
import numpy, torch
from torch import nn
from torch.utils.data import Dataset

class Base(nn.Module):
    def forward(self, x):
        return self.layer(x) * 2

class Net(Base):
    def __init__(self, slope=1):
        super().__init__()
        self.layer, self.slope = nn.Linear(2, 2), slope
        with torch.no_grad():
            self.layer.weight.fill_(1), self.layer.bias.fill_(0)

class Noisy(Dataset):
    def __len__(self):
        return 9
    def __getitem__(self, place):
        return torch.rand(3) + place, numpy.int64(place)

def loss(z, y):
    return ((z - y) ** 2).mean()

quick = lambda z, y: (z - y).abs().sum()

def scaled(scale):
    return lambda z, y: scale * (z - y).mean()
"""
CHANGES = {
    "network": ("(x) * 2", "(x) * 3"),
    "loss": ("** 2", "** 4"),
    "lambda": (".sum()", ".mean()"),
    "scaled": ("scale * (z - y)", "scale * (y - z)"),
    "data": ("+ place", "- place"),
}


def digests(module):
    return {
        "network": network_digest(module.Net()),
        "loss": callable_digest(module.loss),
        "lambda": callable_digest(module.quick),
        "scaled": callable_digest(module.scaled(2)),
        "data": split_digest(DataLoader(module.Noisy(), 3)),
    }


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a user's module of text."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(text):
        (tmp_path / "theirs.py").write_text(text)
        sys.modules.pop("theirs", None)
        importlib.invalidate_caches()
        return importlib.import_module("theirs")

    yield make
    sys.modules.pop("theirs", None)


@pytest.mark.parametrize("part", CHANGES)
def test_an_edit_is_seen_in_its_part_alone(module, part):
    before, after = digests(module(CODE)), digests(module(CODE.replace(*CHANGES[part])))
    assert {name for name in before if before[name] != after[name]} == {part}


def test_code_that_moves_is_the_same_also_in_another_process(module, tmp_path):
    here = digests(module("\n# moved\n" + CODE))
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import theirs, test_digests; print(test_digests.digests(theirs))"
    )
    (tmp_path / "test_digests.py").write_text(Path(__file__).read_text())
    words = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == str(here)


def test_settings_that_no_repr_shows_are_seen(module):
    made = module(CODE)
    assert network_digest(made.Net(1)) != network_digest(made.Net(2))
    assert network_digest(made.Net().eval()) == network_digest(made.Net().train())
    assert callable_digest(made.scaled(1)) != callable_digest(made.scaled(2))
    smooth = [functools.partial(F.cross_entropy, label_smoothing=share) for share in (0.0, 0.1)]
    assert callable_digest(smooth[0]) != callable_digest(smooth[1])
    losses = [nn.CrossEntropyLoss(label_smoothing=share) for share in (0.0, 0.1, 0.1)]
    first, second, third = map(callable_digest, losses)
    assert first != second == third
    assert len({callable_digest(each) for each in (None, F.cross_entropy, F.mse_loss)}) == 3


def test_typed_in_code_has_a_digest_too():
    made = []
    for text in ("z - y", "z + y", "z - y"):
        space = {}
        exec(f"def loss(z, y): return {text}", space)
        made.append(callable_digest(space["loss"]))
    assert made[0] == made[2] != made[1]


def test_two_lambdas_of_one_line_differ():
    one, other = (lambda z, y: z - y), (lambda z, y: z + y)
    assert callable_digest(one) != callable_digest(other)


def test_digest_follows_weights_and_structure():
    torch.manual_seed(0)
    one = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    before = network_digest(one)
    assert network_digest(one) == before
    with torch.no_grad():
        one[0].weight[0, 0] += 1
    assert network_digest(one) != before
    assert network_digest(nn.Sequential(one[0], nn.Tanh())) != network_digest(one)


@pytest.mark.parametrize("wrap", [Arrays, lambda x, y: DataLoader(TensorDataset(x, y), 7)])
def test_other_examples_are_other_data(wrap):
    x, y = torch.zeros(8, 3), torch.arange(8)
    x, y = (x.numpy(), y.numpy()) if isinstance(wrap(x, y), Arrays) else (x, y)
    assert split_digest(wrap(x, y)) == split_digest(wrap(x.copy() if isinstance(x, np.ndarray) else x.clone(), y))
    assert split_digest(wrap(x, y)) != split_digest(wrap(x, 7 - y))
    assert split_digest(wrap(x, y)) != split_digest(wrap(x + 1, y))


def test_tensors_that_numpy_lacks_have_a_digest():
    x = torch.zeros(8, 3, dtype=torch.bfloat16)
    assert split_digest(TensorDataset(x)) != split_digest(TensorDataset(x + 1))


class Listed(Dataset):
    def __init__(self, values, samples=()):
        self.values, self.samples = values, list(samples)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, place):
        return self.values[place]


def test_another_data_set_is_known_by_number_and_ends(tmp_path):
    known = split_digest(Listed([1, 2, 3]))
    assert split_digest(Listed([1, 2, 3])) == known
    assert known not in {split_digest(Listed(values)) for values in ([1, 2], [1, 3, 2], [0, 2, 3], [1, 2, 3, 3])}
    assert split_digest(Subset(Listed([1, 2, 3]), [0, 1])) != split_digest(Subset(Listed([1, 2, 3]), [0, 2]))
    assert split_digest(DataLoader(Listed([1, 2]), 1)) != split_digest(DataLoader(Listed([1, 2]), 2))
    image = tmp_path / "a.png"
    seen = [image.write_bytes(b"x" * n) and split_digest(Listed([1, 2], [(str(image), 0)])) for n in (1, 2, 1)]
    assert seen[0] == seen[2] != seen[1]


def test_reading_ends_leaves_random_numbers_alone_and_own_ones_out(module):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    split_digest(module(CODE).Noisy())
    assert torch.equal(torch.get_rng_state(), state)
    numbers = np.random.default_rng()

    class Own(Listed):
        def __getitem__(self, place):
            return numbers.random()

    assert split_digest(Own([1, 2])) == split_digest(Own([1, 2]))


def test_indices_that_only_a_sampler_knows_are_no_fault():
    assert split_digest(Listed({"a": 1, "b": 2})) != split_digest(Listed({"a": 1}))


def test_files_are_known_by_name_and_size(tmp_path):
    (tmp_path / "a").write_text("1")
    one = files_digest(tmp_path)
    (tmp_path / "a").write_text("12")
    assert files_digest(tmp_path) != one
