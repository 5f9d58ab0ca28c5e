from pathlib import Path

import numpy as np
import pytest
from samples import GRAPHS, int8_graph

from apus.artifact import Graph, Value, read, to_bytes, write
from apus.errors import ArtifactError


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_reading_gives_what_was_written(name: str) -> None:
    graph = GRAPHS[name]()
    again = read(to_bytes(graph))
    assert (again.name, again.inputs, again.outputs) == (graph.name, graph.inputs, graph.outputs)
    assert again.values == graph.values and again.nodes == graph.nodes and again.metadata == graph.metadata
    assert again.segments == graph.segments and again.tensors.keys() == graph.tensors.keys()
    for key, array in graph.tensors.items():
        assert again.tensors[key].dtype == array.dtype and (again.tensors[key] == array).all()


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_the_same_graph_gives_the_same_bytes(name: str) -> None:
    data = to_bytes(GRAPHS[name]())
    shuffled = GRAPHS[name]()
    shuffled.tensors = dict(reversed(shuffled.tensors.items()))
    shuffled.values = dict(reversed(shuffled.values.items()))
    for node in shuffled.nodes:
        node.attributes = dict(reversed(node.attributes.items()))
    assert data == to_bytes(shuffled) == to_bytes(read(data))


def test_layout_is_aligned() -> None:
    data = to_bytes(int8_graph())
    start = int.from_bytes(data[16:24], "little")
    assert start % 4096 == 0 and len(data) == int.from_bytes(data[32:40], "little")


def test_write_replaces_whole_files(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "net.apus"
    assert write(int8_graph(), target) == target
    first = target.read_bytes()
    write(GRAPHS["float"](), target)
    assert target.read_bytes() != first
    assert [entry.name for entry in target.parent.iterdir()] == ["net.apus"]


def test_an_invalid_graph_is_not_written(tmp_path: Path) -> None:
    graph = Graph("g", ["x"], ["y"], {"x": Value("float32", [1])})
    with pytest.raises(ArtifactError, match="'y' is not a value"):
        write(graph, tmp_path / "net.apus")
    assert not list(tmp_path.iterdir())


def test_constants_of_every_dtype_survive() -> None:
    graph = GRAPHS["bytes"]()
    dtypes = ("float32", "float64", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "bool")
    for dtype in dtypes:
        graph.tensors[dtype] = np.array([[0, 1]]).astype(dtype)
    graph.tensors["empty"] = np.zeros((0, 4), np.float32)
    graph.tensors["scalar"] = np.float32(2.5).reshape(())
    again = read(to_bytes(graph))
    for key, array in graph.tensors.items():
        assert again.tensors[key].shape == array.shape and again.tensors[key].dtype == array.dtype
