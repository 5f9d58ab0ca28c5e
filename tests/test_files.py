"""Files are whole or not there, and a missing one is named with its neighbours."""

from pathlib import Path

import pytest

from apus import _files


def test_writes_into_new_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = _files.write_atomically(tmp_path / "a" / "b.bin", b"swift")
    assert path.read_bytes() == b"swift"
    assert [p.name for p in path.parent.iterdir()] == ["b.bin"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _files.write_atomically(tmp_path / "b.txt", "old")

    def full_disk(_: int) -> None:
        raise OSError("no space")

    monkeypatch.setattr(_files.os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        _files.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["b.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("modle.onnx", "did you mean .*model.onnx"), ("x/model.onnx", "no folder"), (".", "is a folder")],
)
def test_a_missing_file_is_named_with_the_fix(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "model.onnx").touch()
    with pytest.raises(FileNotFoundError, match=message):
        _files.existing_file(tmp_path / name)
    assert _files.existing_file(tmp_path / "model.onnx").name == "model.onnx"
