"""Recurrent layers that start from zeros spelled out, which exporters expand to the batch: they start from nothing.

What is expanded to a dimension that is only known at run time could not be compiled; an absent state can.
"""

import numpy as np
import onnx_ir as ir

RECURRENT = ("RNN", "GRU", "LSTM")
STATES = (5, 6)
MOVES = ("Expand", "Slice", "Identity", "Squeeze", "Unsqueeze", "Transpose", "Reshape", "Tile", "Cast")
"""Operators whose result holds nothing but numbers of their first input."""


def drop_zero_states(model: ir.Model) -> None:
    """Take initial states out that are all zeros, whatever their shape.

    Args:
        model: constants lifted to initializers; is changed in place.
    """
    for node in model.graph.all_nodes():
        if node.op_type in RECURRENT and node.domain in ("", "ai.onnx"):
            for place in STATES:
                if place < len(node.inputs) and _is_zero(node.inputs[place]):
                    node.replace_input_with(place, None)


def _is_zero(value: ir.Value | None) -> bool:
    while value is not None:
        if value.const_value is not None:
            return not np.any(value.const_value.numpy())
        node = value.producer()
        if node is None:
            return False
        if node.op_type == "ConstantOfShape":
            fill = node.attributes.get("value")
            return fill is None or not np.any(fill.as_tensor().numpy())
        value = node.inputs[0] if node.op_type in MOVES else None
    return False
