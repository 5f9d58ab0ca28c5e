"""If, Loop and Scan: a branch that is known, both branches, or as many iterations as are known."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from apus.compile.lower.context import Call, Context
from apus.compile.lower.naming import rename

Lower = Callable[[Context, ir.Graph], None]

MAX_ITERATIONS = 1024  # beyond it the graph would be all loop


def _forget(context: Context, body: ir.Graph) -> None:
    """Names of a body mean something else each time it runs."""
    made = [str(value.name) for node in body for value in node.outputs]
    context.halves.difference_update(made)
    for name in [*made, *(str(value.name) for value in body.inputs), *body.initializers]:
        for table in (context.constants, context.quantised, context.names, context.sources):
            table.pop(name, None)


def _bind(context: Context, name: str, source: str) -> None:
    """Let `name` mean what `source` means."""
    for table in (context.constants, context.quantised, context.names, context.sources):
        table.pop(name, None)
        if source in table:
            table[name] = table[source]  # type: ignore[assignment]


def if_(call: Call, lower_body: Lower) -> None:
    """An If whose condition is known becomes its branch; of any other both run and the results are chosen from."""
    context, start = call.context, len(call.graph.nodes)
    branches: list[ir.Graph] = [call.attribute(name) for name in ("then_branch", "else_branch")]
    if call.is_constant(0):
        branch = branches[0 if call.constant(0).any() else 1]
        lower_body(context, branch)
        for name, value in zip(call.outputs, branch.outputs, strict=True):
            _bind(context, name, str(value.name))
            if name in context.names:
                context.names[name] = rename(context.graph, context.names[name], name, start)
        return
    both = [_run_branch(call, branch, lower_body) for branch in branches]
    condition = call.reshape(call.value(), [])
    for name, yes, no in zip(call.outputs, *both, strict=True):
        if call.graph.values[yes].shape != call.graph.values[no].shape:
            call.refuse("its branches give different shapes")
        context.names[name] = rename(context.graph, call.apply("where", condition, yes, no), name, start)


def _run_branch(call: Call, branch: ir.Graph, lower_body: Lower) -> list[str]:
    lower_body(call.context, branch)
    results = [value_of(call, str(value.name)) for value in branch.outputs]
    _forget(call.context, branch)
    return results


def value_of(call: Call, name: str) -> str:
    """A value of the graph for an ONNX name, constants included."""
    context = call.context
    if name in context.names:
        return context.names[name]
    if not context.known(name):
        call.refuse(f"{name!r} is a shape with symbols: pass shapes=")
    return call.emit("elementwise", [call.keep(context.widened(name), name)], {"function": "copy"})


def _finish(call: Call, carried: list[str], collected: list[list[str]], axes: list[int]) -> None:
    """Bind the outputs: the last carried names, then the collected values joined along new axes."""
    context = call.context
    for name, source in zip(call.outputs, carried, strict=False):
        _bind(context, name, source)
    for name, pieces, axis in zip(call.outputs[len(carried) :], collected, axes, strict=False):
        if not name:
            continue
        if not pieces:
            call.refuse("it runs no iteration, so the shape of what it collects is unknown")
        parts = []
        for piece in pieces:
            shape = call.fixed(call.graph.values[piece].shape)
            at = axis % (len(shape) + 1)
            parts.append(call.reshape(piece, [*shape[:at], 1, *shape[at:]]))
        context.names[name] = call.emit("concat", parts, {"axis": axis % (len(shape) + 1)})


def _keep(call: Call, names: list[str], stem: str) -> list[str]:
    """The same under names that no iteration uses."""
    kept = [f"{call.outputs[0]}/{stem}{i}" for i in range(len(names))]
    for new, old in zip(kept, names, strict=True):
        _bind(call.context, new, old)
    return kept


def loop(call: Call, lower_body: Lower) -> None:
    """Loop with a known number of iterations, or a condition that is known each time."""
    context, body = call.context, call.attribute("body")
    limit = int(call.constant(0).reshape(())) if call.has(0) else MAX_ITERATIONS + 1
    going = bool(call.constant(1).reshape(())) if call.has(1) else True
    inputs, outputs = ([str(value.name) for value in ends] for ends in (body.inputs, body.outputs))
    state = _keep(call, call.inputs[2:], "carried")
    collected: list[list[str]] = [[] for _ in outputs[1 + len(state) :]]
    count = 0
    while going and count < limit:
        if count == MAX_ITERATIONS:
            call.refuse(f"it runs more than {MAX_ITERATIONS} iterations")
        _forget(context, body)
        context.constants[inputs[0]], context.constants[inputs[1]] = np.asarray(count), np.asarray(True)
        for name, source in zip(inputs[2:], state, strict=True):
            _bind(context, name, source)
        lower_body(context, body)
        if not context.known(outputs[0]):
            call.refuse("whether it goes on depends on data")
        going = bool(context.constant(outputs[0]).reshape(()))
        for pieces, name in zip(collected, outputs[1 + len(state) :], strict=True):
            pieces.append(value_of(call, name))
        state = _keep(call, outputs[1 : 1 + len(state)], f"{count}.")
        count += 1
    _finish(call, state, collected, [0] * len(collected))


def scan(call: Call, lower_body: Lower) -> None:
    """Scan over a fixed number of steps."""
    context, body = call.context, call.attribute("body")
    if context.opset < 9:
        call.refuse("before opset 9 it has a batch dimension: export with opset 9 or later")
    scanned = int(call.attribute("num_scan_inputs"))
    inputs, outputs = ([str(value.name) for value in ends] for ends in (body.inputs, body.outputs))
    states = len(inputs) - scanned
    kept = len(outputs) - states
    axes, backwards = (call.attribute(f"scan_input_{k}", [0] * scanned) for k in ("axes", "directions"))
    out_axes, out_backwards = (call.attribute(f"scan_output_{k}", [0] * kept) for k in ("axes", "directions"))
    places = range(len(inputs))[states:]
    steps = call.fixed([call.shape(states)[axes[0]]])[0]
    state = _keep(call, call.inputs[:states], "carried")
    collected: list[list[str]] = [[] for _ in range(kept)]
    for t in range(steps):
        _forget(context, body)
        for name, source in zip(inputs, state, strict=False):
            _bind(context, name, source)
        for i, place in enumerate(places):
            at = steps - 1 - t if backwards[i] else t
            context.names[inputs[place]] = _step(call, place, axes[i], at)
        lower_body(context, body)
        for i, name in enumerate(outputs[states:]):
            collected[i].insert(0 if out_backwards[i] else len(collected[i]), value_of(call, name))
        state = _keep(call, outputs[:states], f"{t}.")
    _finish(call, state, collected, out_axes)


def _step(call: Call, index: int, axis: int, at: int) -> str:
    """Step `at` of input `index` along `axis`."""
    shape = call.dims(index)
    axis %= len(shape)
    cut = {"axes": [axis], "starts": [at], "ends": [at + 1], "steps": [1]}
    return call.reshape(call.emit("slice", [call.value(index)], cut), shape[:axis] + shape[axis + 1 :])


HANDLERS: dict[str, Callable[[Call, Lower], None]] = {"If": if_, "Loop": loop, "Scan": scan}
