"""Channels that are always zero, or that nobody reads, leave an exported graph, and what computed them with them.

`channels` finds which channels of which tensors must go together; here they go.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from apus.export.channels import Channels


def remove_pruned(model: onnx.ModelProto) -> int:
    """Cut pruned channels out, through activations, pooling, flattening, sums, concatenations and depthwise layers.

    An addition of zeros alone is bypassed, a concatenation forgets an input of zeros alone. Where a channel cannot go,
    since it is added to a living one, its zeros stay. Of a tensor all of whose channels could go one stays.

    Args:
        model: with weights as constants, plain or behind DequantizeLinear; is changed in place.

    Returns:
        How many rows of weights were removed.
    """
    twins = _own_constants(model)
    while _bypass_zeros(model):
        pass
    found = Channels(model)
    found.decide()
    removed = 0
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    for cut in found.cuts:
        kept = [i for i, channel in enumerate(cut.channels) if not found.goes(channel)]
        if len(kept) < len(cut.channels):
            removed += (len(cut.channels) - len(kept)) * cut.rows
            array = np.take(numpy_helper.to_array(arrays[cut.constant]), kept, axis=cut.axis)
            arrays[cut.constant].CopyFrom(numpy_helper.from_array(array, cut.constant))
    _shrink(model, found, arrays)
    _share(model.graph, twins)
    _drop_dead(model)
    del model.graph.value_info[:]
    return removed


def _own_levels(graph: onnx.GraphProto) -> None:
    """One DequantizeLinear of a constant for each node that reads it."""
    constants, taken = {tensor.name for tensor in graph.initializer}, Counter[str]()
    stored = {n.output[0]: n for n in graph.node if n.op_type == "DequantizeLinear" and n.input[0] in constants}
    for node in list(graph.node):
        for place, name in enumerate(node.input):
            if name in stored:
                taken[name] += 1
            if taken[name] > 1:
                twin = onnx.NodeProto()
                twin.CopyFrom(stored[name])
                twin.name, twin.output[0] = f"{twin.name}.{taken[name]}", f"{name}.{taken[name]}"
                node.input[place] = twin.output[0]
                graph.node.insert(list(graph.node).index(node), twin)


def _own_constants(model: onnx.ModelProto) -> dict[str, str]:
    """A constant that several nodes read becomes several, to be cut each by itself; the twins by name, and whose."""
    _own_levels(model.graph)
    taken, twins = Counter[str](), dict[str, str]()
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name not in constants:
                continue
            taken[name] += 1
            if taken[name] > 1:
                twin = onnx.TensorProto()
                twin.CopyFrom(constants[name])
                twin.name = node.input[place] = f"{name}.{taken[name]}"
                model.graph.initializer.append(twin)
                twins[twin.name] = name
    return twins


def _share(graph: onnx.GraphProto, twins: Mapping[str, str]) -> None:
    """Twins that were cut alike are one constant again."""
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        for place, name in enumerate(node.input):
            first = twins.get(name)
            if first in arrays and np.array_equal(arrays[name], arrays[first]):  # else that one went with its node
                node.input[place] = first


def _bypass_zeros(model: onnx.ModelProto) -> bool:
    """x + 0 is x: take one such addition out."""
    found = Channels(model)
    for node in model.graph.node:
        if node.op_type != "Add" or node.output[0] in {o.name for o in model.graph.output}:
            continue
        for zeros, other in (tuple(node.input), tuple(node.input)[::-1]):
            if found.is_zero(zeros) and found.same_shape(other, node.output[0]):
                _rename(model, node.output[0], other)
                model.graph.node.remove(node)
                _drop_dead(model)
                return True
    return False


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


def _shrink(model: onnx.ModelProto, found: Channels, arrays: dict[str, onnx.TensorProto]) -> None:
    """What else counts channels: groups of depthwise layers, the inputs of concatenations, the shapes of Reshape."""
    for node in model.graph.node:
        left = found.left(node.output[0])
        if left is None:
            continue
        if node.op_type == "Conv":
            for attribute in node.attribute:
                if attribute.name == "group" and attribute.i > 1:
                    attribute.i = left
        elif node.op_type == "Concat":
            kept = [name for name in node.input if found.left(name) != 0]
            del node.input[:]
            node.input.extend(kept)
        elif node.op_type == "Reshape":
            shape = numpy_helper.to_array(arrays[node.input[1]]).copy()
            if shape[-1] > 0:
                shape[-1] = left
                arrays[node.input[1]].CopyFrom(numpy_helper.from_array(shape, node.input[1]))


def _drop_dead(model: onnx.ModelProto) -> None:
    graph = model.graph
    while True:
        used = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
        dead = [node for node in graph.node if not any(name in used for name in node.output)]
        if not dead:
            break
        for node in dead:
            graph.node.remove(node)
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
