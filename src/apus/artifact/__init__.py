"""The `.apus` file: SPEC.md on one page, a reader that trusts nothing, a writer that is deterministic. NumPy only."""

from apus.artifact.blocks import Blocks, pack, unpack
from apus.artifact.graph import Array, Dim, Graph, Node, Value
from apus.artifact.read import read
from apus.artifact.write import to_bytes, write

__all__ = ["Array", "Blocks", "Dim", "Graph", "Node", "Value", "pack", "read", "to_bytes", "unpack", "write"]
