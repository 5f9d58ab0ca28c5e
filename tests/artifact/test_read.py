"""One broken rule of `validate` and its parts at a time: the error says which, and where."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutate
import numpy as np
import pytest
from samples import GRAPHS

from apus.artifact import read, to_bytes
from apus.artifact._crc import crc32c
from apus.artifact.container import join
from apus.errors import ArtifactError


def refused(data: bytes) -> str:
    with pytest.raises(ArtifactError) as caught:
        read(data)
    return str(caught.value)


def with_header(offset: int, form: str, field: int) -> str:
    data = bytearray(to_bytes(GRAPHS["int8"]()))
    struct.pack_into(form, data, offset, field)
    struct.pack_into("<I", data, 60, crc32c(bytes(data[:60])))
    return refused(bytes(data))


def with_tree(graph: str, edit: Callable[[Any], None]) -> str:
    text, payload = mutate.split(to_bytes(GRAPHS[graph]()))
    tree = json.loads(text)
    edit(tree)
    return refused(join(json.dumps(tree).encode(), payload))


def with_text(edit: Callable[[bytes], bytes]) -> str:
    text, payload = mutate.split(to_bytes(GRAPHS["int8"]()))
    return refused(join(edit(text), payload))


@pytest.mark.parametrize(
    ("offset", "form", "field", "message"),
    [
        (0, "<B", 0, "magic"),
        (8, "<H", 2, "needs Apus with format ≥ 2"),
        (12, "<I", 1, "JSON length 1"),
        (12, "<I", 2**32 - 1, "JSON length"),
        (16, "<Q", 8192, "payload offset"),
        (24, "<Q", 2**63, "payload of"),
        (32, "<Q", 10**15, "should be 1000000000000000 bytes"),
        (40, "<Q", 4, "features 0x4"),
        (48, "<I", 1, "JSON is damaged"),
        (55, "<B", 1, "reserved"),
    ],
)
def test_header_rules(offset: int, form: str, field: int, message: str) -> None:
    assert message in with_header(offset, form, field)


def test_a_newer_minor_is_read() -> None:
    data = bytearray(to_bytes(GRAPHS["int8"]()))
    struct.pack_into("<H", data, 10, 9)
    struct.pack_into("<I", data, 60, crc32c(bytes(data[:60])))
    assert read(bytes(data)).name == "sample"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.replace(b'"graph":{', b'"graph":{"name":"a",', 1), "'name' twice"),
        (lambda t: t[:-1] + b',"x":NaN}', "NaN"),
        (lambda t: t[:-1] + b',"x":1e999}', "too large"),
        (lambda t: t[:-1] + b',"x":' + b"[" * 64 + b"]" * 64 + b"}", "nested deeper"),
        (lambda t: t[:-1] + b',"x":' + b"[" * 100_000 + b"}", "nested deeper"),
        (lambda t: t[:-1] + b',"x":"\xff"}', "not valid"),
        (lambda t: t[:-1] + b',"x":"\\ud800"}', "not valid"),
        (lambda t: b"\xef\xbb\xbf" + t, "not valid"),
        (lambda t: b"[1]", "not an object"),
        (lambda t: t[:-1] + b",}", "not valid"),
    ],
)
def test_json_rules(edit: Callable[[bytes], bytes], message: str) -> None:
    assert message in with_text(edit)


def node(tree: Any, op: str, which: int = 0) -> Any:
    return [entry for entry in tree["graph"]["nodes"] if entry["op"] == op][which]


def put(*path: Any) -> Callable[[Any], None]:
    """Edit that sets tree[path[0]]...[path[-2]] = path[-1]; an (op,) tuple picks that node."""

    def edit(tree: Any) -> None:
        place = tree
        for key in path[:-2]:
            place = node(tree, *key) if isinstance(key, tuple) else place[key]
        place[path[-2]] = path[-1]

    return edit


@pytest.mark.parametrize(
    ("graph", "edit", "message"),
    [
        ("int8", put("producer", 1), "producer"),
        ("int8", put("graph", "extra", 1), "unknown key 'extra'"),
        ("int8", put("graph", "inputs", ["nothing"]), "not a value"),
        ("int8", put("graph", "inputs", ["image", "image"]), "repeated"),
        ("int8", put("graph", "outputs", ["nothing"]), "'nothing' is not a value"),
        ("int8", put("graph", "values", "image", "dtype", "float16"), "float16"),
        ("int8", put("graph", "values", "image", "shape", [1] * 9), "rank 9"),
        ("int8", put("graph", "values", "image", "shape", [1, -2]), "not an integer in 0"),
        ("int8", put("graph", "values", "image", "shape", [1, ""]), "non-empty"),
        ("int8", put("graph", "values", "image", "shape", [1, True]), "not an integer"),
        ("int8", put("graph", "values", "image", "scale", 0.1), "come together"),
        ("int8", put("graph", "values", "quantize0", "scale", 0), "not above 0"),
        ("int8", put("graph", "values", "quantize0", "scale", 1e-60), "not above 0"),
        ("int8", put("graph", "values", "quantize0", "scale", 1e39), "not finite"),
        ("int8", put("graph", "values", "quantize0", "zero_point", 256), "0..255"),
        ("int8", put("graph", "values", "lost", {"dtype": "bool", "shape": []}), "nothing produces it"),
        ("int8", put("graph", "values", "conv1.bias", {"dtype": "bool", "shape": []}), "both a value and a tensor"),
        ("int8", put(("conv",), "op", "conv3d"), "'conv3d' is not one of"),
        ("int8", put(("conv",), "inputs", ["cast8"]), "neither known by then"),
        ("int8", put(("conv",), "inputs", []), "0 inputs"),
        ("int8", put(("conv",), "outputs", ["image"]), "already has a producer"),
        ("int8", put(("conv",), "tensors", "bias", "nothing"), "no tensor 'nothing'"),
        ("int8", put(("conv",), "tensors", "scales", "conv1.bias"), "unknown key 'scales'"),
        ("int8", put(("conv",), "attributes", "kernel", [3, 3, 3]), "3 spatial"),
        ("int8", put(("conv",), "attributes", "strides", [0, 1]), "strides"),
        ("int8", put(("conv",), "attributes", "pads", [1, 1]), "2 entries, not 4"),
        ("int8", put(("conv",), "attributes", "groups", 3), "groups divide"),
        ("int8", put(("conv",), "attributes", "channels", 21), "is not [M]"),
        ("int8", put(("conv",), "attributes", "clip", [0, 1]), "nothing here clips"),
        ("int8", put(("conv",), "attributes", "activation", "tanh"), "quantised output"),
        ("int8", put(("conv",), "attributes", "format", "dense"), "'dense' is not one of"),
        ("int8", put(("binary",), "attributes", "clip", [2, 1]), "above"),
        ("int8", put(("binary",), "attributes", {"function": "add", "activation": "silu"}), "only none, relu, clip"),
        ("int8", put(("max_pool",), "attributes", "ceil_mode", 2), "0..1"),
        ("int8", put("graph", "values", "max_pool4", "scale", 0.5), "differs from input"),
        ("int8", put(("reduce",), "attributes", "axes", [1, -3]), "repeats"),
        ("int8", put("tensors", "conv1.bias", "offset", 1), "next multiple of 64"),
        ("int8", put("tensors", "conv1.bias", "length", 2**62), "do not fit"),
        ("int8", put("tensors", "conv1.bias", "shape", [2**31 - 1] * 8), "do not fit"),
        ("int8", put("tensors", "conv1.bias", "crc", 1), "CRC-32C differs"),
        ("int8", put("tensors", "conv1.bias", "dtype", "float32"), "float32, not int32"),
        ("float", put(("transpose",), "attributes", "perm", [0, 1, 1]), "no permutation"),
        ("float", put(("reshape",), "attributes", "shape", [-1, -1]), "more than one -1"),
        ("float", put(("reshape",), "attributes", "shape", [1, 1, 1, 0]), "copies a dimension"),
        ("float", put(("slice",), "attributes", "steps", [0]), "a step is 0"),
        ("float", put(("pad",), "attributes", "pads", [0, 0, 1, 0, 0, -1]), "pads"),
        ("float", put(("softmax",), "attributes", "axis", 3), "axis"),
        ("float", put(("matmul",), "inputs", ["projection", "projection"]), "a constant stands"),
        ("float", put(("unary",), "inputs", ["shift"]), "a constant stands"),
        ("bytes", put("graph", "values", "cast2", "dtype", "uint8"), None),
    ],
)  # fmt: skip
def test_graph_rules(graph: str, edit: Callable[[Any], None], message: str | None) -> None:
    if message is None:  # the control: an edit that keeps every rule is accepted
        text, payload = mutate.split(to_bytes(GRAPHS[graph]()))
        tree = json.loads(text)
        edit(tree)
        assert read(join(json.dumps(tree).encode(), payload)).values["cast2"].dtype == "uint8"
        return
    assert message in with_tree(graph, edit)


def with_array(graph: str, name: str, change: Callable[[Any], Any]) -> str:
    made = GRAPHS[graph]()
    made.tensors[name] = change(made.tensors[name].copy())
    with pytest.raises(ArtifactError) as caught:
        to_bytes(made)
    return str(caught.value)


def overwrite(place: Any, entry: Any) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array[place] = entry
        return array

    return change


@pytest.mark.parametrize(
    ("graph", "name", "change", "message"),
    [
        ("int8", "conv1.columns", overwrite((0, 0), 18), "not below 18"),
        ("int8", "conv1.columns", lambda a: a[:, ::-1].copy(), "do not ascend"),
        ("int8", "conv1.columns", lambda a: a.astype(np.int32), "int32"),
        ("int8", "conv1.strips", overwrite(1, 1000), "fall"),
        ("int8", "conv1.strips", overwrite(0, 1), "do not span"),
        ("int8", "conv1.strips", lambda a: a[:-1].copy(), "is not (3,)"),
        ("int8", "conv1.values", overwrite((-1, 15, 0), 1), "beyond the last output"),
        ("int8", "conv1.bias", overwrite(3, 2**31 - 1), "overflow"),
        ("int8", "conv1.bias", overwrite(3, -(2**31)), "overflow"),
        ("int8", "conv1.multiplier", overwrite(0, np.nan), "finite"),
        ("int8", "conv1.multiplier", overwrite(0, -1), "finite"),
        ("int8", "conv2.values", lambda a: a[:, :8].copy(), "is not (20, 9)"),
        ("float", "conv0.values", overwrite((0, 0, 0), np.inf), "not finite"),
        ("float", "conv0.bias", overwrite(0, np.nan), "not finite"),
        ("float", "shift", lambda a: a.astype(np.float64), "not float32"),
    ],
)
def test_weight_rules(graph: str, name: str, change: Callable[[Any], Any], message: str) -> None:
    assert message in with_array(graph, name, change)


def test_errors_name_path_and_tensor(tmp_path: Path) -> None:
    data = bytearray(to_bytes(GRAPHS["int8"]()))
    data[-1] ^= 1
    path = tmp_path / "damaged.apus"
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"damaged\.apus: tensor 'linear6\..*offset \d+.*CRC-32C"):
        read(path)


def test_a_missing_and_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing.apus")
    (tmp_path / "empty.apus").touch()
    with pytest.raises(ArtifactError, match="0 bytes are fewer"):
        read(tmp_path / "empty.apus")


def test_views_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        read(to_bytes(GRAPHS["int8"]())).tensors["conv1.bias"][0] = 1
