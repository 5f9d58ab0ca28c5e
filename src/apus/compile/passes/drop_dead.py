"""Drop nodes whose output nobody reads, and constants that no node uses."""

from apus.artifact import Graph


def run(graph: Graph) -> None:
    """Keep what the outputs need; graph inputs always stay."""
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
            kept.append(node)
    graph.nodes = kept[::-1]
    alive = needed | set(graph.inputs)
    graph.values = {name: value for name, value in graph.values.items() if name in alive}
    used = set(graph.used_tensors())
    graph.tensors = {name: array for name, array in graph.tensors.items() if name in used}
