import gzip
import struct

import numpy as np
import pytest

from apus.data import read_idx
from apus.errors import DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx(array=IMAGES, kind=0x08):
    head = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_reads_plain_and_gzip(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack(idx()))
    assert (read_idx(tmp_path / "a") == IMAGES).all()


def test_reads_other_types_in_native_order(tmp_path):
    wanted = np.array([1.5, -2.0], ">f4")
    (tmp_path / "a").write_bytes(idx(wanted, 0x0D))
    got = read_idx(tmp_path / "a")
    assert got.dtype == np.float32
    assert got.tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (idx()[:-1], "truncated"),
        (idx()[:9], "truncated inside its header"),
        (idx() + b"x", "corrupt"),
        (b"PK\3\4 not this", "not an IDX file"),
        (b"", "not an IDX file"),
        (gzip.compress(idx())[:-9], "truncated gzip"),
        (gzip.compress(idx())[:12] + b"\xff" * 30, "corrupt gzip|truncated gzip"),
    ],
)
def test_damage_is_named(tmp_path, content, said):
    (tmp_path / "train").write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_idx(tmp_path / "train")
    assert str(tmp_path / "train") in str(caught.value)


def test_a_flipped_byte_in_gzip_is_found(tmp_path):
    damaged = bytearray(gzip.compress(idx()))
    damaged[-6] ^= 1  # the CRC
    (tmp_path / "a").write_bytes(damaged)
    with pytest.raises(DataError, match="corrupt gzip"):
        read_idx(tmp_path / "a")


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "absent")
