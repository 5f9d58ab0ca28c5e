"""ONNX operators → operations of SPEC.md §5, one file per family; `graph.py` walks the model."""

from apus.compile.lower.graph import lower, supported

__all__ = ["lower", "supported"]
