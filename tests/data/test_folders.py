import numpy as np
import pytest
from PIL import Image

from apus.data.folders import read_folder
from apus.data.sources import load
from apus.errors import DataError


def make(root, classes=("bird", "cat"), count=10, mode="RGB"):
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new(mode, (6, 6), (label * 100 + i,) * 3 if mode == "RGB" else label * 100 + i).save(
                root / name / f"{i}.png"
            )


def test_classes_and_splits(tmp_path):
    make(tmp_path)
    data = load(str(tmp_path))
    assert data.classes == ("bird", "cat")
    assert [len(split) for split in (data.train, data.valid, data.test)] == [15, 1, 4]
    assert data.train.x.shape[1:] == (3, 6, 6)
    assert all((x.max() >= 100) == y for x, y in zip(data.train.x, data.train.y, strict=True))


def test_given_splits_are_kept(tmp_path):
    for split, count in (("train", 6), ("valid", 2), ("test", 3)):
        make(tmp_path / split, count=count)
    data = read_folder(tmp_path, size=4, gray=True)
    assert [len(s) for s in (data.train, data.valid, data.test)] == [12, 4, 6]
    assert data.test.x.shape == (6, 1, 4, 4)
    assert data.test.x.dtype == np.uint8


def test_a_broken_image_is_named(tmp_path):
    make(tmp_path)
    (tmp_path / "cat" / "3.png").write_bytes((tmp_path / "cat" / "3.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"3\.png: cannot be read"):
        read_folder(tmp_path)


def test_no_classes_and_no_folder(tmp_path):
    with pytest.raises(DataError, match="no class folders"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        load(str(tmp_path / "absent"))
