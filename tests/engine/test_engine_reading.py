"""Files that must be refused with a typed error naming the thing; tests/artifact/test_fuzz.py adds thousands more."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from engine_graphs import packed_weights, quantised, real, single

from apus import _native
from apus.artifact import Graph, to_bytes
from apus.errors import ArtifactError

PAGE = 4096


def good() -> bytes:
    graph, _ = single(
        "linear", [quantised(2, 20)], real(2, 17), packed_weights(17, 20, "int8"), channels=17, format="block16x1"
    )
    return to_bytes(graph)


def rebuilt(data: bytes, edit: Callable[[dict], None]) -> bytes:
    """The file with its JSON edited and every length and CRC made right again."""
    length, offset = struct.unpack_from("<I", data, 12)[0], struct.unpack_from("<Q", data, 16)[0]
    tree, payload = json.loads(data[64 : 64 + length]), bytearray(data[offset:])
    edit(tree)
    return sealed(json.dumps(tree).encode(), bytes(payload))


def sealed(text: bytes, payload: bytes, major: int = 1, critical: int = 0) -> bytes:
    offset = -(-(64 + len(text)) // PAGE) * PAGE
    sizes = struct.pack("<HHIQQQQ", major, 0, len(text), offset, len(payload), offset + len(payload), critical)
    header = b"\x89APUS\r\n\x1a" + sizes + struct.pack("<I", _native.crc32c(text)) + bytes(8)
    return (header + struct.pack("<I", _native.crc32c(header)) + text).ljust(offset, b"\0") + payload


def refusal(data: bytes) -> str:
    with pytest.raises(ArtifactError) as error:
        _native.Model.from_bytes(data)
    return str(error.value)


def test_good_file_is_accepted() -> None:
    model = _native.Model.from_bytes(rebuilt(good(), lambda tree: None))
    assert model.inputs == [("x0", "uint8", [2, 20])] and model.outputs == [("y", "float32", [2, 17])]
    assert json.loads(model.metadata) == {}


@pytest.mark.parametrize("size", [0, 1, 63, 64, 100, PAGE, PAGE + 1, -1])
def test_truncations(size: int) -> None:
    assert refusal(good()[:size])


def test_newer_formats_say_so() -> None:
    assert "needs Apus with format >= 2" in refusal(sealed(b"{}", b"", major=2))
    assert "newer" in refusal(sealed(b"{}", b"", critical=4))


def test_damage_names_the_part() -> None:
    data = bytearray(good())
    assert "graph" in refusal(bytes(data[:70]) + b"?" + bytes(data[71:]))
    assert "tensor" in refusal(bytes(data[:-3]) + bytes([data[-3] ^ 1]) + bytes(data[-2:]))


TEXTS = {
    "not closed": b'{"producer": "a"',
    "duplicate key": b'{"producer": "a", "producer": "b"}',
    "NaN": b'{"producer": NaN}',
    "infinite": b'{"producer": 1e999}',
    "too deep": b"[" * 65 + b"]" * 65,
    "far too deep": b"[" * 1_000_000,
    "bad UTF-8": b'{"producer": "\xff"}',
    "surrogate": b'{"producer": "\\ud800"}',
    "surrogate in UTF-8": b'{"producer": "\xed\xa0\x80"}',
    "leading zero": b'{"producer": 01}',
    "control character": b'{"producer": "\n"}',
    "trailing": b'{"producer": "a"} x',
    "comma": b'{"producer": "a",}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "empty": b"  ",
}


@pytest.mark.parametrize("name", TEXTS)
def test_json_is_strict(name: str) -> None:
    assert "JSON" in refusal(sealed(TEXTS[name], b""))


def change(*path: str | int, to: object) -> Callable[[dict], None]:
    def edit(tree: dict) -> None:
        for key in path[:-1]:
            tree = tree[key]
        if to is None:
            del tree[path[-1]]
        else:
            tree[path[-1]] = to

    return edit


NODE = ("graph", "nodes", 0)
EDITS: dict[str, tuple[Callable[[dict], None], str]] = {
    "unknown op": (change(*NODE, "op", to="einsum"), "unknown op 'einsum'"),
    "unknown attribute": (change(*NODE, "attributes", "spin", to=1), "unknown key 'spin'"),
    "missing attribute": (change(*NODE, "attributes", "channels", to=None), "channels"),
    "wrong channels": (change(*NODE, "attributes", "channels", to=18), "wrong shape"),
    "huge channels": (change(*NODE, "attributes", "channels", to=2**31 - 1), "wrong shape"),
    "real for integer": (change(*NODE, "attributes", "channels", to=17.0), "integer"),
    "unknown role": (change(*NODE, "tensors", "scales", to="w.bias"), "unknown key 'scales'"),
    "role is no tensor": (change(*NODE, "tensors", "bias", to="y"), "not a tensor"),
    "missing role": (change(*NODE, "tensors", "multiplier", to=None), "multiplier"),
    "missing input": (change(*NODE, "inputs", to=["nowhere"]), "'nowhere'"),
    "cycle": (change(*NODE, "inputs", to=["y"]), "before anything produces it"),
    "two producers": (change(*NODE, "outputs", to=["x0"]), "has a producer already"),
    "output is a tensor": (change("graph", "outputs", to=["w.bias"]), "no value"),
    "zero scale": (change("graph", "values", "x0", "scale", to=0), "scale"),
    "tiny scale": (change("graph", "values", "x0", "scale", to=1e-60), "scale"),
    "scale alone": (change("graph", "values", "x0", "zero_point", to=None), "come together"),
    "zero point": (change("graph", "values", "x0", "zero_point", to=256), "zero_point"),
    "rank": (change("graph", "values", "y", "shape", to=[1] * 9), "rank"),
    "negative dimension": (change("graph", "values", "y", "shape", to=[-1, 17]), "shape"),
    "symbolic K": (change("graph", "values", "x0", "shape", to=[2, "K"]), "known number"),
    "dtype": (change("graph", "values", "y", "dtype", to="int32"), "takes float32"),
    "tensor dtype": (change("tensors", "w.strips", "dtype", to="int32"), "must be uint32"),
    "overlap": (change("tensors", "w.columns", "offset", to=0), "offset 0"),
    "beyond the end": (change("tensors", "w.multiplier", "shape", to=[2**31 - 1]), "disagrees"),
    "overflow": (change("tensors", "w.multiplier", "shape", to=[2**31 - 1] * 8), "overflow"),
    "unknown key": (change("graph", "extra", to=1), "unknown key 'extra'"),
    "no metadata": (change("metadata", to=None), "metadata"),
    "crc": (change("tensors", "w.bias", "crc", to=1), "'w.bias': is damaged"),
}


@pytest.mark.parametrize("name", EDITS)
def test_edited_json(name: str) -> None:
    edit, message = EDITS[name]
    assert message in refusal(rebuilt(good(), edit))


def weights_refusal(role: str, change_array: Callable[[np.ndarray], None]) -> str:
    """The refusal of a file whose constant was changed; written past the Python validator, with right CRCs."""
    data = good()
    offset = struct.unpack_from("<Q", data, 16)[0]
    tree = json.loads(data[64 : 64 + struct.unpack_from("<I", data, 12)[0]])
    entry, payload = tree["tensors"][f"w.{role}"], bytearray(data[offset:])
    place = slice(entry["offset"], entry["offset"] + entry["length"])
    array = np.frombuffer(bytes(payload[place]), entry["dtype"]).reshape(entry["shape"]).copy()
    change_array(array)
    payload[place] = array.tobytes()
    entry["crc"] = _native.crc32c(bytes(payload[place]))
    return refusal(sealed(json.dumps(tree).encode(), bytes(payload)))


def put(index: object, value: object) -> Callable[[np.ndarray], None]:
    return lambda array: array.__setitem__(index, value)


def test_weights_are_checked() -> None:
    assert "column" in weights_refusal("columns", put((0, 0), 20))
    assert "falls" in weights_refusal("columns", put((0, 0), 19))
    assert "repeats" in weights_refusal("columns", lambda c: put((0, 1), c[0, 0])(c))
    assert "start at 0" in weights_refusal("strips", put(0, 1))
    assert "end at" in weights_refusal("strips", put(-1, 2**32 - 1))
    assert "fall" in weights_refusal("strips", put(1, 2**31))
    assert "beyond the last output" in weights_refusal("values", put((-1, 5), 1))
    assert "overflow" in weights_refusal("bias", put(3, 2**31 - 1))
    assert "overflow" in weights_refusal("bias", put(3, -(2**31)))
    assert "not finite" in weights_refusal("multiplier", put(0, np.nan))
    assert "negative" in weights_refusal("multiplier", put(0, -1))


def test_paths(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        _native.Model.from_file(str(tmp_path / "absent.apus"))
    with pytest.raises(ArtifactError, match="regular file"):
        _native.Model.from_file(str(tmp_path))
    broken = tmp_path / "broken.apus"
    for data in (b"", b"hello", good()[:-1]):
        broken.write_bytes(data)
        with pytest.raises(ArtifactError, match=r"broken\.apus"):
            _native.Model.from_file(str(broken))


def test_a_file_that_fills_its_last_page_can_be_overread(tmp_path: Path) -> None:
    graph, feed = single("matmul", [real(1, 64), np.ones((64, 16), np.float32)], real(1, 16))
    data = to_bytes(graph)
    assert len(data) % PAGE == 0
    (tmp_path / "full.apus").write_bytes(data)
    session = _native.Session(_native.Model.from_file(str(tmp_path / "full.apus")), 1)
    np.testing.assert_allclose(session.run([feed["x0"]])[0][0], feed["x0"].sum().repeat(16), 1e-4)


def test_empty_graph_is_legal() -> None:
    graph = Graph("empty", ["x"], ["x", "x"], {"x": real(3)})
    session = _native.Session(_native.Model.from_bytes(to_bytes(graph)), 1)
    a, b = session.run([np.float32([1, 2, 3])])
    assert a.tolist() == b.tolist() == [1, 2, 3] and a is not b
