import gzip
import struct

import numpy as np
import pytest

from apus.data import fetch, load
from apus.errors import DataError


def write(folder, count=20, tests=10):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for file, number in zip(fetch.FILES, (count, count, tests, tests), strict=True):
        array = rng.integers(0, 10, (number, 28, 28) if "images" in file else (number,), np.uint8)
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / file).write_bytes(gzip.compress(head + array.tobytes()))


def test_idx_set_with_a_held_out_tail(tmp_path, monkeypatch):
    write(tmp_path / "mnist")
    monkeypatch.setenv("APUS_DATA", str(tmp_path))
    data = load("mnist", valid=5, limit=12)
    assert [len(s) for s in (data.train, data.valid, data.test)] == [12, 5, 10]
    assert data.train.x.shape == (12, 1, 28, 28)
    assert data.train.y.dtype == np.int64
    assert len(data.classes) == 10


def test_a_damaged_file_stops_instead_of_falling_back(tmp_path, monkeypatch):
    write(tmp_path / "mnist")
    broken = tmp_path / "mnist" / fetch.FILES[0]
    broken.write_bytes(broken.read_bytes()[:-100])
    monkeypatch.setenv("APUS_DATA", str(tmp_path))
    with pytest.raises(DataError, match="truncated"):
        load("mnist")


def test_labels_of_another_count_are_refused(tmp_path, monkeypatch):
    write(tmp_path / "mnist")
    write(tmp_path / "other", count=19)
    (tmp_path / "other" / fetch.FILES[1]).replace(tmp_path / "mnist" / fetch.FILES[1])
    monkeypatch.setenv("APUS_DATA", str(tmp_path))
    with pytest.raises(DataError, match="do not belong together"):
        load("mnist")


def test_digits_step_in_loudly(monkeypatch, capsys):
    def nowhere(name):
        raise DataError(f"no {name} here")

    monkeypatch.setattr("apus.data.sources.find", nowhere)
    data = load("fashion-mnist")
    assert data.name == "digits"
    assert data.train.x.shape[1:] == (1, 28, 28)
    assert len(data.train) + len(data.valid) + len(data.test) == 1797
    assert "DIGITS INSTEAD" in capsys.readouterr().err


def test_an_unknown_source_lists_the_known():
    with pytest.raises(DataError, match="fashion-mnist, mnist, digits"):
        load("fashon-mnist")
