"""Let operations that only move elements move bytes: dequantize goes below them, quantize above them.

Both commute exactly: quantisation is monotone and element-wise, so it commutes with moves and with `max_pool`.
"""

from dataclasses import replace

from apus.artifact import Graph, Node, Value
from apus.compile.draft import MOVES, fresh
from apus.compile.wiring import Wiring


def run(graph: Graph) -> None:
    """Sink every dequantize, then hoist every quantize, as far as moves allow."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op in MOVES:
            _sink(graph, wiring, node)
    for node in reversed(list(graph.nodes)):
        if node.op == "quantize":
            _hoist(graph, wiring, node)


def _sink(graph: Graph, wiring: Wiring, move: Node) -> None:
    source = wiring.producer(move.inputs[0], "dequantize")
    pads_real = move.op == "pad" and move.attributes["mode"] == "constant" and move.attributes.get("value", 0.0) != 0.0
    if source is None or pads_real:
        return
    real, byte = move.output, fresh(graph, f"{move.output}.quantised")
    graph.values[byte] = _as(graph.values[source.inputs[0]], graph.values[real])
    wiring.rename_output(move, byte)
    wiring.set_inputs(move, list(source.inputs))
    wiring.insert(Node("dequantize", source.name, [byte], [real]), after=move)


def _as(parameters: Value, shaped: Value) -> Value:
    return replace(parameters, shape=list(shaped.shape))


def _hoist(graph: Graph, wiring: Wiring, quantize: Node) -> None:
    move = wiring.producer(quantize.inputs[0])
    if move is None or move.op not in MOVES | {"concat"} or wiring.sole_reader(move.output) is not quantize:
        return
    above = [name for name in move.inputs if wiring.producer(name, "dequantize") is None]
    if not above or any(wiring.sole_reader(name) is not move for name in above):
        return
    parameters = graph.values[quantize.output]
    renamed: dict[str, str] = {}
    for name in move.inputs:
        byte = fresh(graph, f"{name}.quantised")
        graph.values[byte] = _as(parameters, graph.values[name])
        wiring.insert(Node("quantize", quantize.name, [name], [byte]), before=move)
        renamed[name] = byte
    wiring.set_inputs(move, [renamed[name] for name in move.inputs])
    wiring.take_over(move, quantize)
    for byte in renamed.values():
        maker = wiring.producer(byte)
        if maker is not None:
            _hoist(graph, wiring, maker)
