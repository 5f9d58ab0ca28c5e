"""The `.apus` file: SPEC.md on one page, a reader that trusts nothing, a writer that is deterministic. NumPy only."""

from apus.artifact._crc import crc32c
from apus.artifact.bfloat16 import from_bfloat16, to_bfloat16
from apus.artifact.blocks import Blocks, pack, pack_runs, unpack
from apus.artifact.few_bits import narrow, value_bits, wide_values
from apus.artifact.graph import Array, Dim, Graph, Node, Segment, Value
from apus.artifact.read import read
from apus.artifact.unstructured import Unstructured, pack_unstructured, unpack_unstructured
from apus.artifact.write import encode, to_bytes, write

__all__ = [
    "Array", "Blocks", "Dim", "Graph", "Node", "Segment", "Unstructured", "Value", "crc32c", "encode", "from_bfloat16",
    "narrow", "pack", "pack_runs", "pack_unstructured", "read", "to_bfloat16", "to_bytes", "unpack",
    "unpack_unstructured", "value_bits", "wide_values", "write",
]  # fmt: skip
