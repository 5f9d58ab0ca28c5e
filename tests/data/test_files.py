"""Examples in files."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apus.data.files import Tars, decode_image, folder
from apus.data.pipeline import Pipeline
from apus.errors import DataError


def image(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((6, 5, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_wrong_tar_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    with pytest.raises(DataError, match="not an uncompressed tar"):
        Pipeline(str(tmp_path / "bad.tar"))
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(DataError, match="no example inside"):
        Tars([tmp_path / "empty.tar"])


def test_a_folder_of_images(tmp_path: Path) -> None:
    for name, value in (("cat/a.png", 1), ("cat/b.png", 2), ("dog/c.png", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(image(value))
    assert [label for _, label in folder(tmp_path)] == [0, 0, 1]
    pipe = Pipeline(tmp_path, shuffle=False).read().decode(lambda pair: (decode_image(pair[0], 4), pair[1])).batch(3)
    [(x, y)] = list(pipe)
    assert x.shape == (3, 4, 4, 3) and y.tolist() == [0, 0, 1]
    with pytest.raises(DataError, match="no image"):
        Pipeline(tmp_path / "cat")
