"""Conformance: the tests that ship with ONNX, through the standard's own backend interface."""
