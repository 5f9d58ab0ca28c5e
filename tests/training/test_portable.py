import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from apus.errors import DataError
from apus.training import portable


def state():
    return {"step": 3, "rate": 0.1, "nested": [(torch.arange(3), None), {"on": True}], 7: "seven", "inf": float("inf")}


def test_any_state_comes_back(tmp_path):
    files, structure = portable.gather({"extra": state()})
    portable.write(tmp_path / "step-1", files, structure)
    _, states = portable.read(tmp_path / "step-1")
    back = states["extra"]
    assert torch.equal(back["nested"][0][0], torch.arange(3))
    assert back["nested"][0][1] is None and isinstance(back["nested"][0], tuple)
    assert back | {"nested": 0} == state() | {"nested": 0}


def test_weights_are_plain_safetensors(tmp_path):
    model = nn.Linear(2, 2)
    portable.write(tmp_path / "step-1", *portable.gather({"model": model}))
    weights = load_file(tmp_path / "step-1" / "model.safetensors")
    assert {name: value.tolist() for name, value in weights.items()} == {
        name: value.tolist() for name, value in model.state_dict().items()
    }
    other = nn.Linear(2, 2)
    portable.load_module(other, weights)
    assert torch.equal(other.weight, model.weight)


def test_the_optimizer_comes_back():
    parameter = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([parameter], 0.1)
    parameter.grad = torch.arange(3.0)
    optimizer.step()
    files, structure = portable.gather({"optimizer": optimizer})
    again = torch.optim.AdamW([parameter], 0.5)
    portable.load_optimizer(again, portable.rebuild(structure["optimizer"], files["state"]))
    assert again.param_groups[0]["lr"] == 0.1
    assert torch.equal(again.state[parameter]["exp_avg"], optimizer.state[parameter]["exp_avg"])


def test_what_cannot_be_kept_is_named():
    with pytest.raises(TypeError, match=r"run\.model\.0: a checkpoint cannot hold object"):
        portable.flatten({"model": [object()]}, "run", {})


def test_a_damaged_checkpoint_is_named(tmp_path):
    portable.write(tmp_path / "step-1", *portable.gather({"extra": state()}))
    file = tmp_path / "step-1" / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"state\.safetensors: damaged .* delete .*step-1"):
        portable.read(tmp_path / "step-1")
    file.unlink()
    with pytest.raises(DataError, match=r"no state\.safetensors"):
        portable.read(tmp_path / "step-1")


def test_half_written_folders_do_not_count(tmp_path):
    for name in ("step-00000001", "step-00000002", "step-00000010", ".step-00000011.77"):
        (tmp_path / name).mkdir()
    assert portable.latest(tmp_path) == tmp_path / "step-00000010"
    portable.prune(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000010"]
    assert portable.latest(tmp_path / "none") is None


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*_):
        raise SafetensorError("No space left on device")

    portable.write(tmp_path / "step-1", *portable.gather({"extra": state()}))
    monkeypatch.setattr(portable, "save_file", full)
    with pytest.raises(DataError, match=r"step-2: could not be written .No space left on device"):
        portable.write(tmp_path / "step-2", *portable.gather({"extra": state()}))
    assert [path.name for path in tmp_path.iterdir()] == ["step-1"]
