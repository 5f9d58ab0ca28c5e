"""Files are whole or not there, and a missing one is named with its neighbours."""

import errno
import os
import threading
from pathlib import Path

import pytest

from apus import _files


def test_writes_into_new_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = _files.write_atomically(tmp_path / "a" / "b.bin", b"swift")
    assert path.read_bytes() == b"swift"
    assert [p.name for p in path.parent.iterdir()] == ["b.bin"]


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe, heard = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    _files.write_atomically(pipe, "swift")
    reader.join()
    assert heard == [b"swift"] and pipe.is_fifo()


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _files.write_atomically(tmp_path / "b.txt", "old")

    def full_disk(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(_files.os, "fsync", full_disk)
    with pytest.raises(OSError, match=f"no space: '{path}'"):
        _files.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["b.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("modle.onnx", "did you mean .*model.onnx"),
        ("x/model.onnx", "no folder .*x$"),
        ("nest/model.onnx", r"no folder .*nest; did you mean .*nests\?"),
        (".", "is a folder"),
        ("/dev/null", "^/dev/null is a device or a pipe; a file is needed$"),
    ],
)
def test_a_missing_file_is_named_with_the_fix(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "model.onnx").touch()
    (tmp_path / "nests").mkdir()
    with pytest.raises(FileNotFoundError, match=message):
        _files.existing_file(tmp_path / name)
    assert _files.existing_file(tmp_path / "model.onnx").name == "model.onnx"


def test_a_file_to_be_is_in_a_folder_that_is(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    assert _files.file_to_be(tmp_path / "models" / "a.apus").name == "a.apus"
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*model; did you mean .*models\?"):
        _files.file_to_be(tmp_path / "model" / "a.apus")
    with pytest.raises(IsADirectoryError, match="is a folder; give the name"):
        _files.file_to_be(tmp_path / "models")
    model = tmp_path / "models" / "a.onnx"
    model.write_text("x")
    with pytest.raises(FileExistsError, match="is the model itself"):
        _files.file_to_be(tmp_path / "models" / ".." / "models" / "a.onnx", beside=model)
