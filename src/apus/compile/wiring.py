"""Who produces and who reads each value, kept right while passes rewrite a graph."""

from apus.artifact import Graph, Node


class Wiring:
    """Index of one graph; change the graph's nodes only through it while it lives."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._producer = {node.output: node for node in graph.nodes}
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            self._read(node)

    def _read(self, node: Node) -> None:
        for name in node.inputs:
            self._readers.setdefault(name, []).append(node)

    def _unread(self, node: Node) -> None:
        for name in node.inputs:
            self._readers[name] = [reader for reader in self._readers[name] if reader is not node]

    def producer(self, name: str, op: str | None = None) -> Node | None:
        """The node that makes `name`, if it is an `op`."""
        node = self._producer.get(name)
        return node if node is not None and op in (None, node.op) else None

    def readers(self, name: str) -> list[Node]:
        """Nodes that read `name`, once per use."""
        return list(self._readers.get(name, []))

    def sole_reader(self, name: str, op: str | None = None) -> Node | None:
        """The only node that reads `name`, if it is an `op` and nothing else needs the value."""
        readers = self._readers.get(name, [])
        if len(readers) != 1 or name in self.graph.outputs:
            return None
        return readers[0] if op in (None, readers[0].op) else None

    def _index(self, node: Node) -> int:
        return next(i for i, other in enumerate(self.graph.nodes) if other is node)

    def insert(self, node: Node, *, before: Node | None = None, after: Node | None = None) -> None:
        """Put a new node beside an old one."""
        place = self._index(before) if before is not None else self._index(after) + 1 if after is not None else 0
        self.graph.nodes.insert(place, node)
        self._producer[node.output] = node
        self._read(node)

    def remove(self, node: Node) -> None:
        """Drop a node, and its output if that node still is its producer."""
        del self.graph.nodes[self._index(node)]
        self._unread(node)
        if self._producer.get(node.output) is node:
            del self._producer[node.output], self.graph.values[node.output]

    def set_inputs(self, node: Node, inputs: list[str]) -> None:
        """Let `node` read other values."""
        self._unread(node)
        node.inputs = inputs
        self._read(node)

    def take_over(self, node: Node, later: Node) -> None:
        """Let `node` produce what `later` did, and drop `later`: the step of every fusion."""
        self._detach(later)
        del self._producer[node.output], self.graph.values[node.output]
        node.outputs = list(later.outputs)
        self._producer[node.output] = node

    def rename_output(self, node: Node, name: str) -> None:
        """Let `node` produce `name`, declared already; readers of the old name wait for another producer."""
        del self._producer[node.output]
        node.outputs = [name]
        self._producer[name] = node

    def _detach(self, node: Node) -> None:
        del self.graph.nodes[self._index(node)]
        self._unread(node)

    def bypass(self, node: Node, source: str) -> bool:
        """Let readers of `node` read `source` instead and drop `node`; False where a graph output forbids it."""
        graph, old = self.graph, node.output
        if old in graph.outputs:
            maker = self._producer.get(source)
            if maker is None or source in graph.outputs:
                return False
            for reader in self.readers(source):
                if reader is not node:
                    self.set_inputs(reader, [old if name == source else name for name in reader.inputs])
            value = graph.values[source]
            self._detach(node)
            del self._producer[source], graph.values[source]
            maker.outputs, self._producer[old], graph.values[old] = [old], maker, value
            return True
        for reader in self.readers(old):
            self.set_inputs(reader, [source if name == old else name for name in reader.inputs])
        self.remove(node)
        return True
