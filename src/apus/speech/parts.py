"""A voice of hibari cut into three networks that the engine takes for every length: text, melody, spectra.

In its ONNX file durations decide how often a phoneme is repeated, so nothing behind them has a length of its own.
Cut there, each part has one free dimension; what lies between is repetition, which NumPy does. Its matrices are int8
with scales found anew in each run (DynamicQuantizeLinear); here the parts are float32, the same weights
without that rounding; `calibrate.py` quantises them with fixed scales.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from apus.errors import CompileError

FRAMES, TEXT, MELODY = "/Clip_output_0", "/Transpose_22_output_0", "/Transpose_55_output_0"
_MELODY_IN, _MELODY_OUT = "/Gather_33_output_0", "/pro_out/Conv_output_0"
_TEXT_IN, _TONE_IN = "/Reshape_42_output_0", "/Reshape_41_output_0"
SPECTRA = ("/head/Add_output_0", "f0")
CHANNELS = {_TEXT_IN: 128, _MELODY_IN: 192, _TONE_IN: 2}


def parts(model: onnx.ModelProto) -> dict[str, onnx.ModelProto]:
    """The three networks.

    Args:
        model: `hibari.onnx`, or another of the same architecture.

    Returns:
        `text`: ids (1, L) and speed (1,) -> frames of 25 ms (L,), text (1, 128, L), melody (1, 192, L).
        `melody`: melody repeated (1, 192, F) -> the tone of both halves of a frame (1, 4, F).
        `spectra`: text repeated (1, 128, 2F), tone (1, 2, 2F) -> what `synthesis.synthesize` takes: (1, 2F, 3005) and
            (1, 2F). Frames stand in rows there, so what hibari transposes behind them is left out.

    Raises:
        CompileError: the model has another architecture.
    """
    known = {name for node in model.graph.node for name in node.output}
    if missing := {FRAMES, TEXT, MELODY, _MELODY_IN, _MELODY_OUT, _TEXT_IN, _TONE_IN, *SPECTRA} - known:
        raise CompileError(f"this is no voice of hibari: it has no value {sorted(missing)[0]!r}")
    plain = _in_float(model)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "L"])
    speed = helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1])
    return {
        "text": _extract(plain, [ids, speed], [FRAMES, TEXT, MELODY]),
        "melody": _extract(plain, [_floats(_MELODY_IN)], [_MELODY_OUT]),
        "spectra": _extract(plain, [_floats(_TEXT_IN), _floats(_TONE_IN)], list(SPECTRA)),
    }


def _floats(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, CHANNELS[name], "F"])


def _extract(model: onnx.ModelProto, inputs: list[onnx.ValueInfoProto], outputs: list[str]) -> onnx.ModelProto:
    """What lies between values of a model."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    given, needed, kept = {value.name for value in inputs}, set(outputs), []
    for node in reversed(model.graph.node):
        if any(name in needed - given for name in node.output):
            kept.append(node)
            needed |= set(node.input)
    weights = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    for field in ("node", "initializer", "input", "output", "value_info"):
        part.graph.ClearField(field)
    part.graph.node.extend(reversed(kept))
    part.graph.initializer.extend(weights)
    part.graph.input.extend(value for value in inputs if value.name in needed)
    part.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs)
    return part


def _in_float(model: onnx.ModelProto) -> onnx.ModelProto:
    """DynamicQuantizeLinear, MatMulInteger, Cast and Mul become one MatMul of the weights times their scales."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in plain.graph.initializer}
    makers = {name: node for node in plain.graph.node for name in node.output}
    users = {name: node for node in plain.graph.node for name in node.input}
    made: dict[str, onnx.TensorProto] = {}
    for node in [node for node in plain.graph.node if node.op_type == "MatMulInteger"]:
        source, (quantised, zero) = makers[node.input[0]], node.input[1:4:2]
        cast = users[node.output[0]]
        scaled = users[cast.output[0]]
        scales = makers[next(name for name in scaled.input if name != cast.output[0])]
        scale = next(name for name in scales.input if name != source.output[1])
        matrix = (weights[quantised].astype(np.float32) - weights[zero]) * weights[scale]
        name = f"{quantised}_float"
        made[name] = numpy_helper.from_array(matrix.astype(np.float32), name)
        scaled.CopyFrom(helper.make_node("MatMul", [source.input[0], name], [scaled.output[0]], name=scaled.name))
    plain.graph.initializer.extend(made.values())
    return plain
