"""`.npz` files: read, or refused without running anything in them."""

from pathlib import Path

import numpy as np
import pytest

from apus.errors import DataError
from apus.runtime.archive import load_npz


def test_arrays_come_back(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    np.testing.assert_array_equal(load_npz(tmp_path / "a.npz")["x"], [0, 1, 2])


def test_damaged_and_hostile_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "whole.npz", x=np.arange(1000))
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    (tmp_path / "flipped.npz").write_bytes(content[:500] + b"\xff\xff" + content[502:])
    (tmp_path / "text.npz").write_text("hello")
    for name in ("objects", "cut", "flipped", "text"):
        with pytest.raises(DataError, match=f"{name}.npz is not an .npz archive"):
            load_npz(tmp_path / f"{name}.npz")


def test_an_empty_archive_says_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(DataError, match=r"empty\.npz is an \.npz archive without any array"):
        load_npz(tmp_path / "empty.npz")
