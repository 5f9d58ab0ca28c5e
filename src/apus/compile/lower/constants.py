"""Nodes whose result is known now: constants, and shapes with symbols in them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from apus.artifact import Array
from apus.compile import dims
from apus.compile.lower.context import Call, QuantisedConstant
from apus.errors import CompileError

_NEVER = frozenset(
    {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
)
_MOVES = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})


def fold(call: Call) -> bool:
    """Compute the node now if all it reads is known.

    Args:
        call: any node.

    Returns:
        Whether its outputs are constants from here on.
    """
    present = [name for name in call.inputs if name] + captured(call.node)
    if call.node.op_type == "DequantizeLinear":
        return _dequantize(call)
    if call.node.op_type == "Shape" and not (present and call.context.known(present[0])):
        return _shape(call)
    if call.node.op_type in _NEVER or call.node.domain not in ("", "ai.onnx"):
        return False
    if present and present[0] in call.context.quantised and _move_quantised(call):
        return True
    if all(call.context.known(name) for name in present):
        _evaluate(call, {name: call.context.constant(name) for name in present})
        return True
    if all(name in call.context.constants or call.context.known(name) for name in present):
        return _symbolic(call)
    return False


def captured(node: ir.Node) -> list[str]:
    """Names that the bodies of `node` (of an If, Loop or Scan) read from outside."""
    bodies = [a.value for a in node.attributes.values() if a.type == ir.AttributeType.GRAPH]
    read: dict[str, None] = {}
    made: set[str] = set()
    for body in bodies:
        made |= {str(value.name) for value in [*body.inputs, *body.initializers.values()]}
        read |= dict.fromkeys(str(value.name) for value in body.outputs)
        for inner in ir.traversal.RecursiveGraphIterator(body):
            read |= dict.fromkeys([*(str(value.name) for value in inner.inputs if value is not None), *captured(inner)])
            made |= {str(value.name) for value in inner.outputs}
    return [name for name in read if name not in made]


def _bind(call: Call, array: Array) -> bool:
    """Bind the first output; an object array without symbols becomes int64."""
    if array.dtype == object and all(isinstance(entry, int | np.integer) for entry in array.reshape(-1)):
        array = array.astype(np.int64)
    call.context.constants[call.outputs[0]] = array
    return True


def _evaluate(call: Call, feed: dict[str, Array]) -> None:
    node = ir.serde.serialize_node(call.node)
    inputs = [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in feed]
    outputs = [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in call.outputs if name]
    graph = onnx.helper.make_graph([node], "constant", inputs, outputs)
    opset = onnx.helper.make_opsetid("", call.context.opset)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
    try:
        with np.errstate(all="ignore"):
            results: Any = ReferenceEvaluator(model).run(None, feed)
    except Exception as error:  # the evaluator raises whatever its NumPy code does
        raise CompileError(
            f"{call.context.file}: {call.node.op_type} node {call.node.name!r}: cannot be computed: {error}"
        ) from error
    for value, result in zip(outputs, results, strict=True):
        if isinstance(result, list) or result is None or np.asarray(result).dtype == object:
            call.refuse(f"its output {value.name!r} is no tensor of numbers")
        call.context.constants[value.name] = np.asarray(result)


def _dequantize(call: Call) -> bool:
    if not all(call.context.known(name) for name in call.inputs if name):
        return False
    integers, scale = call.constant(0), call.constant(1)
    zero_point = call.constant(2, np.zeros(scale.shape, np.int32)).astype(np.int32)
    if call.attribute("block_size", 0):
        feed = [np.repeat(p, call.attribute("block_size"), axis=call.attribute("axis", 1)) for p in (scale, zero_point)]
        cut = [p[tuple(slice(0, n) for n in integers.shape)] for p in feed]
        return _bind(call, ((integers.astype(np.int32) - cut[1]).astype(np.float32) * cut[0]).astype(np.float32))
    if scale.size == 1 and scale.ndim == 1 and integers.ndim:
        scale, zero_point = scale.reshape(()), zero_point.reshape(())
    constant = QuantisedConstant(
        integers.astype(np.int32),
        scale.astype(np.float32),
        zero_point,
        call.attribute("axis", 1) % max(integers.ndim, 1),
    )
    call.context.quantised[call.outputs[0]] = constant
    return True


def _move_quantised(call: Call) -> bool:
    """Let Transpose, and Reshape of a per-tensor constant, move the integers instead of the reals."""
    constant = call.context.quantised[call.inputs[0]]
    if call.node.op_type == "Transpose":
        rank = constant.integers.ndim
        moved = constant.transpose(call.attribute("perm", list(range(rank))[::-1]))
    elif call.node.op_type in _MOVES and (constant.scale.ndim == 0 or call.node.op_type == "Identity"):
        feed = {name: call.context.constant(name) for name in call.inputs[1:] if name}
        _evaluate(call, {call.inputs[0]: constant.integers} | feed)
        integers = call.context.constants.pop(call.outputs[0])
        moved = QuantisedConstant(integers, constant.scale, constant.zero_point, constant.axis)
    else:
        return False
    call.context.quantised[call.outputs[0]] = moved
    return True


def _shape(call: Call) -> bool:
    if call.inputs[0] in call.context.constants:
        shape = list(call.context.constants[call.inputs[0]].shape)
    else:
        shape = call.shape()
    cut = shape[call.attribute("start", 0) : call.attribute("end", len(shape))]
    array = np.empty(len(cut), object)
    array[:] = cut
    return _bind(call, array)


def _each(function: Callable[[Any, Any], Any]) -> Callable[[Call, list[Array]], Array]:
    over = np.frompyfunc(lambda a, b: function(_plain(a), _plain(b)), 2, 1)
    return lambda call, args: np.asarray(over(*args), object)


def _plain(entry: Any) -> Any:
    return int(entry) if isinstance(entry, np.integer | np.bool_) else entry


def _axes(call: Call, args: list[Array]) -> list[int]:
    given = args[1].tolist() if len(args) > 1 else call.attribute("axes", [])
    return [int(axis) for axis in given]


def _slice(call: Call, args: list[Array]) -> Array:
    starts, ends = (args[i].tolist() if len(args) > i else call.attribute(n) for i, n in ((1, "starts"), (2, "ends")))
    step = args[4].tolist()[0] if len(args) > 4 else 1
    return args[0][slice(starts[0], ends[0], step)]


def _squeeze(call: Call, args: list[Array]) -> Array:
    axes = _axes(call, args)
    return args[0].reshape([d for i, d in enumerate(args[0].shape) if i not in axes and (axes or d != 1)])


def _gather(call: Call, args: list[Array]) -> Array:
    return np.asarray(np.take(args[0], args[1].astype(np.int64), axis=call.attribute("axis", 0)), object)


_SYMBOLIC: dict[str, Callable[[Call, list[Array]], Array]] = {
    "Identity": lambda call, args: args[0],
    "Cast": lambda call, args: args[0],
    "Gather": _gather,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Unsqueeze": lambda call, args: np.expand_dims(args[0], tuple(_axes(call, args))),
    "Concat": lambda call, args: np.concatenate([arg.astype(object) for arg in args]),
    "Reshape": lambda call, args: args[0].reshape(args[1].astype(np.int64).tolist()),
    "ReduceProd": lambda call, args: np.asarray(dims.product(args[0].tolist()), object).reshape(
        [1] * call.attribute("keepdims", 1)
    ),
    "Mul": _each(dims.multiply),
    "Add": _each(dims.add),
    "Sub": _each(dims.subtract),
    "Div": _each(dims.divide),
    "Equal": _each(lambda a, b: int(a == b)),  # a symbol is a positive number that nobody knows, so never -1 or 0
    "Where": lambda call, args: np.where(args[0].astype(bool), args[1].astype(object), args[2].astype(object)),
}


def _symbolic(call: Call) -> bool:
    rule = _SYMBOLIC.get(call.node.op_type)
    if rule is None:
        return False
    args = [call.context.constants.get(name, np.zeros(0)) for name in call.inputs if name]
    return _bind(call, rule(call, args))
