"""Fold a `pad` with zeros of spatial dimensions into the `conv` that reads it."""

from apus.artifact import Graph, Node
from apus.compile.wiring import Wiring


def run(graph: Graph) -> None:
    """Let every conv read past the pad; the pad itself goes when nothing else reads it."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op == "conv":
            while (pad := wiring.producer(node.inputs[0], "pad")) is not None and _foldable(pad):
                _fold(node, pad)
                wiring.set_inputs(node, [pad.inputs[0]])


def _foldable(pad: Node) -> bool:
    pads, rank = pad.attributes["pads"], len(pad.attributes["pads"]) // 2
    spatial_only = not any(pads[:2]) and not any(pads[rank : rank + 2])
    return spatial_only and pad.attributes["mode"] == "constant" and pad.attributes.get("value", 0.0) == 0.0


def _fold(conv: Node, pad: Node) -> None:
    pads, rank = pad.attributes["pads"], len(pad.attributes["pads"]) // 2
    extra = pads[2:rank] + pads[rank + 2 :]
    conv.attributes = conv.attributes | {"pads": [a + b for a, b in zip(conv.attributes["pads"], extra, strict=True)]}
