import pytest
import torch
from torch import nn

from apus.errors import DataError
from apus.techniques import distill


class Counting(nn.Module):
    """A teacher that counts the examples that it was asked about."""

    def __init__(self):
        super().__init__()
        self.layer, self.asked = nn.Linear(3, 4), 0

    def forward(self, x):
        self.asked += len(x)
        return self.layer(x)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Counting()


def test_the_second_time_nobody_is_asked(tmp_path, model):
    teacher, x = distill.Teacher(model), torch.rand(10, 3)
    first = distill.cached_outputs(tmp_path / "z.safetensors", teacher, x, batch=4)
    assert torch.allclose(first, teacher(x))
    asked = model.asked
    assert torch.equal(distill.cached_outputs(tmp_path / "z.safetensors", teacher, x), first)
    assert model.asked == asked


class Tired(Counting):
    """Answers so often, then fails."""

    def __init__(self, patience):
        super().__init__()
        self.patience = patience

    def forward(self, x):
        self.patience -= 1
        if self.patience < 0:
            raise RuntimeError("killed")
        return super().forward(x)


@pytest.mark.parametrize(("batch", "spared"), [(4, 8), (3, 6)])
def test_a_killed_run_goes_on_where_it_was_saved(tmp_path, monkeypatch, batch, spared):
    monkeypatch.setattr("apus.techniques.distill.cache.SAVE_SECONDS", -1.0)
    path, x = tmp_path / "z.safetensors", torch.rand(10, 3)
    model = Tired(patience=2)
    teacher = distill.Teacher(model)
    with pytest.raises(RuntimeError, match="killed"):
        distill.cached_outputs(path, teacher, x, batch=4)
    model.patience = 9
    found = distill.cached_outputs(path, teacher, x, batch=batch)
    assert model.asked == 8 + 10 - spared
    assert torch.allclose(found, teacher(x))
    assert [file.name for file in tmp_path.iterdir()] == ["z.safetensors"]


@pytest.mark.parametrize("change", ["weights", "inputs", "order", "precision", "structure", "buffer", "mark"])
def test_whatever_changes_the_answer_is_noticed(tmp_path, model, change):
    path, x = tmp_path / "z.safetensors", torch.rand(10, 3)
    teacher = distill.Teacher(model)
    distill.cached_outputs(path, teacher, x)
    if change == "weights":
        model.layer.bias.data[0] += 1e-6
    if change in ("inputs", "order"):
        x = x.flip(0) if change == "order" else x + 1e-6
    if change == "precision":
        teacher = distill.Teacher(model, bf16=True)
    if change == "structure":
        model.relu = nn.ReLU()
    if change == "buffer":
        model.register_buffer("inputs", torch.zeros(3), persistent=False)
    mark = "2" if change == "mark" else ""
    asked = model.asked
    again = distill.cached_outputs(path, teacher, x, mark=mark)
    assert model.asked == asked + 10
    assert torch.allclose(again, teacher(x), atol=1e-2)
    assert torch.equal(distill.cached_outputs(path, teacher, x, mark=mark), again)


@pytest.mark.parametrize("place", [3, 60, -2])
def test_a_damaged_file_is_an_error(tmp_path, model, place):
    path, teacher, x = tmp_path / "z.safetensors", distill.Teacher(model), torch.rand(10, 3)
    distill.cached_outputs(path, teacher, x)
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"z\.safetensors: damaged"):
        distill.cached_outputs(path, teacher, x)


def test_digest_sees_names_types_and_shapes():
    tensors = [{"a": torch.zeros(4)}, {"b": torch.zeros(4)}, {"a": torch.zeros(2, 2)}, {"a": torch.zeros(4).int()}]
    assert len({distill.digest(each) for each in tensors}) == 4
    assert distill.digest({"a": torch.ones(3, dtype=torch.bfloat16)}) != distill.digest({"a": torch.ones(())})
