"""Operators that the standard defines by a function: their body is lowered in their place."""

from typing import Any

import onnx
import onnx_ir as ir
from onnx_ir.passes import Sequential
from onnx_ir.passes import common as standard

from apus.compile.lower.context import Call

_DOMAIN = "apus.body"


def expand(call: Call) -> tuple[ir.Graph, int] | None:
    """The body of `call`'s operator, with the call's own names at its ends.

    Args:
        call: a node of the standard's domain.

    Returns:
        A graph whose other names are fresh, and the version of the operators in it; None where the standard gives no
        body.
    """
    body = _body(call)
    if body is None:
        return None
    version = next(o.version for o in body.opset_import if o.domain in ("", "ai.onnx"))
    _drop_unmade(body)
    model = ir.from_proto(_caller(call, body))
    cleaning = (standard.InlinePass(), standard.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0))
    Sequential(*cleaning, standard.RemoveUnusedNodesPass(), standard.NameFixPass())(model)
    _rename(call, model.graph)
    return model.graph, int(version)


def _body(call: Call) -> onnx.FunctionProto | None:
    try:
        schema: Any = onnx.defs.get_schema(call.node.op_type, call.context.opset, "")
    except onnx.defs.SchemaError:
        return None
    body = onnx.FunctionProto()
    version = _nearest(call, schema.function_opset_versions)
    if version:
        body.ParseFromString(schema.get_function_with_opset_version(version))
        return body
    version = _nearest(call, schema.context_dependent_function_opset_versions)
    if not version:
        return None
    types = [_type(call, i).SerializeToString() for i in range(len(call.inputs))]
    node = ir.serde.serialize_node(call.node).SerializeToString()
    found = schema.get_context_dependent_function_with_opset_version(version, node, types)
    body.ParseFromString(found)
    return body if found else None


def _nearest(call: Call, versions: list[int]) -> int:
    """The last version that is not newer than the model's, or the first one; 0 for none."""
    older = [v for v in versions if v <= call.context.opset]
    return max(older) if older else min(versions, default=0)


def _drop_unmade(body: onnx.FunctionProto) -> None:
    """Optional outputs that the node leaves out may be named by a body that does not make them."""
    made = {name for node in body.node for name in node.output} | set(body.input)
    kept = [name if name in made else "" for name in body.output]
    del body.output[:]
    body.output.extend(kept)


def _type(call: Call, index: int) -> onnx.TypeProto:
    if not call.has(index):
        return onnx.TypeProto()
    name = call.inputs[index]
    dtype = call.dtype(index) if call.context.known(name) or name in call.context.names else "int64"
    element = onnx.TensorProto.DataType.Value(_ELEMENTS.get(dtype, dtype.upper()))
    return onnx.helper.make_tensor_type_proto(element, call.shape(index))


_ELEMENTS = {"float32": "FLOAT", "float64": "DOUBLE"}


def _caller(call: Call, body: onnx.FunctionProto) -> onnx.ModelProto:
    """A model of one node that calls `body`; attributes left out get the standard's defaults."""
    body.domain, body.name = _DOMAIN, call.node.op_type
    node = ir.serde.serialize_node(call.node)
    node.domain = _DOMAIN
    wanted = [i for i, name in enumerate(node.output) if body.output[i]]
    for target in (node.output, body.output):
        kept = [target[i] for i in wanted]
        del target[:]
        target.extend(kept)
    node.attribute.extend(_defaults(call, {a.name for a in node.attribute}))
    known = [a for a in node.attribute if a.name in set(body.attribute) | {a.name for a in body.attribute_proto}]
    del node.attribute[:]
    node.attribute.extend(known)
    inputs, outputs = ([_info(name) for name in dict.fromkeys(names) if name] for names in (node.input, node.output))
    graph = onnx.helper.make_graph([node], "body", inputs, outputs)
    opsets = [*body.opset_import, onnx.helper.make_opsetid(_DOMAIN, 1)]
    return onnx.helper.make_model(graph, functions=[body], opset_imports=opsets, ir_version=10)


def _info(name: str) -> onnx.ValueInfoProto:
    return onnx.helper.make_value_info(name, onnx.TypeProto())


def _defaults(call: Call, given: set[str]) -> list[Any]:
    schema = onnx.defs.get_schema(call.node.op_type, call.context.opset, "")
    return [
        a.default_value for name, a in schema.attributes.items() if name not in given and a.default_value.name == name
    ]


def _rename(call: Call, graph: ir.Graph) -> None:
    """Give every value inside a name that nothing outside has."""
    ends = {*call.inputs, *call.outputs}
    prefix = f"{call.node.name or call.outputs[0]}/{call.outputs[0]}"
    for node in graph:
        for value in node.outputs:
            if value.name not in ends:
                value.name = f"{prefix}/{value.name}"
    for name, value in list(graph.initializers.items()):
        if name not in ends:
            del graph.initializers[name]
            value.name = f"{prefix}/{name}"
            graph.initializers[value.name] = value
