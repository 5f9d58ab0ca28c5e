import pytest
import torch
from torch import nn

from apus.compress.folder import RunFolder, fingerprint, load_weights
from apus.errors import DataError
from apus.training import TrainOptions


def test_only_what_shapes_the_result_counts():
    one, two, other = TrainOptions(), TrainOptions(checkpoint_seconds=1), TrainOptions(epochs=1)
    assert fingerprint(one) == fingerprint(two) != fingerprint(other)
    assert fingerprint({"train": {"checkpoint_steps": 1, "a": 2}}) == fingerprint({"train": {"a": 2}})


def test_done_belongs_to_its_fingerprint(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.done("teacher", "a") is None
    folder.stage("teacher").mkdir()
    (folder.stage("teacher") / "checkpoint.pt").write_text("")
    folder.finish("teacher", "a", {"accuracy_pct": 90.0})
    assert folder.done("teacher", "a") == {"accuracy_pct": 90.0, "fingerprint": "a"}
    assert folder.done("teacher", "b") is None
    assert not (folder.stage("teacher") / "checkpoint.pt").exists()
    folder.forget("teacher")
    assert folder.record("teacher") is None


def test_damaged_files_say_what_to_do(tmp_path):
    folder = RunFolder(tmp_path)
    folder.stage("teacher").mkdir()
    (folder.stage("teacher") / "done.json").write_text("{")
    with pytest.raises(DataError, match="delete it"):
        folder.done("teacher", "a")


def test_weights_come_back_whatever_their_layout(tmp_path):
    folder, model = RunFolder(tmp_path), nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    folder.write_weights("teacher", model.to(memory_format=torch.channels_last))
    again = folder.read_weights("teacher", nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def test_wrong_weights_are_refused(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_weights("teacher", nn.Linear(2, 3))
    path = folder.stage("teacher") / "weights.safetensors"
    with pytest.raises(DataError, match="another network"):
        load_weights(path, nn.Linear(3, 3))
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match="damaged"):
        load_weights(path, nn.Linear(2, 3))
    with pytest.raises(DataError, match="no such file"):
        load_weights(tmp_path / "absent", nn.Linear(2, 3))
