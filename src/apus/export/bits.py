"""A network of learned widths in the words of ONNX: integers of 2, 4, 8 and 16 bits behind DequantizeLinear."""

import copy
from collections import defaultdict

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.onnx.ops import symbolic

from apus.export.qdq import OPSET
from apus.export.tidy import LAYERS, weight_of
from apus.techniques.bayesian_bits import BitCurve, BitLayer, Quantizer, bit_layers, compute

INT2_OPSET = 25  # the first that knows INT2 and UINT2
_STORED = {(8, True): torch.int8, (8, False): torch.uint8, (16, True): torch.int16, (16, False): torch.uint16}
_NARROW = {(2, 1): TensorProto.INT2, (2, 0): TensorProto.UINT2, (4, 1): TensorProto.INT4, (4, 0): TensorProto.UINT4}


def to_bits(model: nn.Module) -> nn.Module:
    """A copy of a network with its learned widths written as ONNX nodes; it can be exported, not run.

    Args:
        model: prepared by `techniques.bayesian_bits`; the test-time gates decide.

    Returns:
        The copy. Each zero point holds the width, for `narrow`, which puts 0 in its place.
    """
    model = copy.deepcopy(model).eval()
    for name, layer in bit_layers(model).items():
        parent, _, leaf = name.rpartition(".")
        if not name:
            return _BitsLayer(layer)
        setattr(model.get_submodule(parent), leaf, _BitsLayer(layer))
    for name, curve in [(name, module) for name, module in model.named_modules() if isinstance(module, BitCurve)]:
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf, nn.Sequential(_Stored(curve.input_bits), curve.curve))
    return model


class _Stored(nn.Module):
    """Stores a tensor as integers and reads it back: two nodes; 32 bits are a clip."""

    scale: Tensor
    width: Tensor

    def __init__(self, quantizer: Quantizer) -> None:
        super().__init__()
        self.bits = quantizer.bits()
        self.ends = tuple(end.item() for end in quantizer.range())
        if self.bits < 32:
            self.register_buffer("scale", quantizer.step().detach().clone())
            kind = _STORED[max(self.bits, 8), bool(quantizer.signed)]
            self.register_buffer("width", torch.tensor(self.bits).to(kind))

    def forward(self, x: Tensor) -> Tensor:
        if self.bits == 32:
            return torch.clamp(x, *self.ends)
        if self.bits < 8:  # changes nothing, but ONNX Runtime would move QuantizeLinear into what has no such type
            x = torch.minimum(x, x.new_tensor(self.ends[1]))
        kind = self.width.dtype
        q = symbolic("QuantizeLinear", (x, self.scale, self.width), dtype=kind, shape=x.shape, version=OPSET)
        return _read(q, self.scale, self.width, 0)


class _BitsLayer(nn.Module):
    """A layer whose weight is an integer constant behind DequantizeLinear; pruned outputs are zeros."""

    levels: Tensor
    scale: Tensor
    width: Tensor

    def __init__(self, bits: BitLayer) -> None:
        super().__init__()
        self.layer, quantizer = bits.layer, bits.weight_bits
        self.input = _Stored(bits.input_bits) if bits.input_bits is not None else None
        with torch.no_grad():
            weight, bias = bits.deployed()
        if bias is not None:
            self.layer.bias = nn.Parameter(bias)
        self.weight, self.axis = nn.Parameter(weight), 0
        self.flat = isinstance(self.layer, nn.Linear) and quantizer is not None and quantizer.bits() == 2
        if quantizer is None or quantizer.bits() == 32:
            self.register_buffer("levels", None)
            return
        step = quantizer.step().detach()
        if step.ndim:
            self.axis = max(range(step.ndim), key=lambda axis: step.shape[axis])
        kind = _STORED[max(quantizer.bits(), 8), bool(quantizer.signed)]
        self.register_buffer("levels", torch.round(weight / step).to(kind).contiguous())
        self.register_buffer("scale", step.reshape(-1) if step.ndim else step.clone())
        self.register_buffer("width", torch.full_like(self.scale, quantizer.bits()).to(kind))

    def forward(self, x: Tensor) -> Tensor:
        if self.flat and x.ndim > 2:  # ONNX Runtime has a Gemm of 2 bits, but no MatMul
            return self.forward(x.flatten(0, -2)).reshape(*x.shape[:-1], -1)
        x = x if self.input is None else self.input(x)
        stored = self.levels is not None
        weight = _read(self.levels, self.scale, self.width, self.axis) if stored else self.weight
        return compute(self.layer, x, weight, getattr(self.layer, "bias", None))


def _read(q: Tensor, scale: Tensor, zero_point: Tensor, axis: int) -> Tensor:
    return symbolic(
        "DequantizeLinear", (q, scale, zero_point), {"axis": axis}, dtype=torch.float32, shape=q.shape, version=OPSET
    )


def narrow(model: onnx.ModelProto) -> None:
    """Give every integer tensor the type of its width, and every zero point its value, 0.

    Args:
        model: exported from what `to_bits` made; is changed in place. With 2 bits anywhere its opset becomes 25.
            Weights of 2 bits whose input has 8 are INT4: ONNX Runtime 1.31 takes such layers for its 8-bit ones, and
            then does not open INT2. The engine stores them by their values, in 2 bits.
    """
    graph = model.graph
    wider = _beside_8_bits(graph)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    stored: dict[str, TensorProto] = {}
    for node in graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        width = numpy_helper.to_array(constants[node.input[2]])
        bits = int(width.reshape(-1)[0])
        if bits == 2 and node.output[0] in wider:
            bits, node.input[2] = 4, f"{node.input[2]}.int4"
        stored[node.input[2]] = _typed(node.input[2], np.zeros_like(width), bits)
        if node.input[0] in constants:
            stored[node.input[0]] = _typed(node.input[0], numpy_helper.to_array(constants[node.input[0]]), bits)
    kept = constants | stored
    del graph.initializer[:]
    graph.initializer.extend(kept.values())
    _retype_values(graph, set(stored))
    if {tensor.data_type for tensor in stored.values()} & {TensorProto.INT2, TensorProto.UINT2}:
        next(each for each in model.opset_import if not each.domain).version = INT2_OPSET


def _beside_8_bits(graph: onnx.GraphProto) -> set[str]:
    """Dequantised weights of layers whose input is dequantised from 8 bits."""
    made = {output: node for node in graph.node for output in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found = set()
    for node in graph.node:
        x = made.get(node.input[0]) if node.op_type in LAYERS else None
        weight = weight_of(node, made) if x is not None and x.op_type == "DequantizeLinear" else None
        if x is not None and weight is not None and numpy_helper.to_array(constants[x.input[2]]).reshape(-1)[0] == 8:
            found.add(weight.output[0])
    return found


def _typed(name: str, values: np.ndarray, bits: int) -> TensorProto:
    kind = _NARROW.get((bits, int(values.dtype.kind == "i")))
    if kind is None:
        return numpy_helper.from_array(values, name)
    return numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(kind)), name)


def _retype_values(graph: onnx.GraphProto, stored: set[str]) -> None:
    """The types of the tensors between QuantizeLinear and DequantizeLinear are inferred anew."""
    quantised = stored | {node.output[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    kept = [value for value in graph.value_info if value.name not in quantised]
    del graph.value_info[:]
    graph.value_info.extend(kept)


def bytes_by_layer(model: onnx.ModelProto) -> dict[str, int]:
    """What each layer's constants take in the file.

    Args:
        model: exported.

    Returns:
        Name of the layer, as the network has it → bytes, the largest first.
    """
    sizes: dict[str, int] = defaultdict(int)
    for tensor in model.graph.initializer:
        sizes[tensor.name.rpartition(".")[0].removesuffix(".layer")] += len(tensor.raw_data)
    return dict(sorted(sizes.items(), key=lambda each: -each[1]))
