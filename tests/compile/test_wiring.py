from apus.artifact import Graph, Node, Value
from apus.compile.passes import drop_dead
from apus.compile.wiring import Wiring


def chain(*names: str) -> Graph:
    """x → n1 → n2 → …, every node a relu named like its output; the last is the graph's output."""
    graph = Graph("g", ["x"], [names[-1]], {name: Value("float32", [4]) for name in ("x", *names)})
    for source, name in zip(("x", *names), names, strict=False):
        graph.nodes.append(Node("unary", name, [source], [name], {"function": "relu"}))
    return graph


def test_readers_and_producers() -> None:
    graph = chain("a", "b", "c")
    wiring = Wiring(graph)
    assert wiring.producer("x") is None and wiring.producer("a", "conv") is None
    assert wiring.sole_reader("a") is wiring.producer("b")
    assert wiring.sole_reader("c") is None, "an output has a reader outside"


def test_bypass_inside() -> None:
    graph = chain("a", "b", "c")
    assert Wiring(graph).bypass(graph.nodes[1], "a")
    assert [(node.inputs, node.outputs) for node in graph.nodes] == [(["x"], ["a"]), (["a"], ["c"])]
    assert "b" not in graph.values


def test_bypass_of_an_output_renames_its_source() -> None:
    graph = chain("a", "b", "c")
    graph.nodes.append(Node("unary", "d", ["b"], ["d"], {"function": "relu"}))
    graph.values["d"] = Value("float32", [4])
    graph.outputs.append("d")
    assert Wiring(graph).bypass(graph.nodes[2], "b")
    assert [(node.inputs, node.outputs) for node in graph.nodes] == [(["x"], ["a"]), (["a"], ["c"]), (["c"], ["d"])]
    assert graph.values.keys() == {"x", "a", "c", "d"}


def test_an_output_that_would_be_the_input_stays() -> None:
    graph = chain("a")
    assert not Wiring(graph).bypass(graph.nodes[0], "x")
    assert len(graph.nodes) == 1


def test_take_over() -> None:
    graph = chain("a", "b", "c")
    Wiring(graph).take_over(graph.nodes[0], graph.nodes[1])
    assert [(node.inputs, node.outputs) for node in graph.nodes] == [(["x"], ["b"]), (["b"], ["c"])]
    assert "a" not in graph.values


def test_drop_dead_keeps_inputs() -> None:
    graph = chain("a", "b")
    graph.outputs = ["a"]
    graph.values["unused"] = Value("float32", [1])
    graph.inputs.append("unused")
    drop_dead.run(graph)
    assert [node.name for node in graph.nodes] == ["a"] and graph.values.keys() == {"x", "a", "unused"}
