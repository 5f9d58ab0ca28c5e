"""RNN, GRU and LSTM: an operation of the engine where it has one, else one step after another.

Native are float32 GRUs and LSTMs with constant weights, the usual activations and sequences of full length, whatever
the batch; the number of steps is fixed. For all others the batch must be fixed, too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from apus.artifact import Dim
from apus.artifact.operators import DEFAULT_ALPHA, DEFAULT_BETA
from apus.compile.lower.context import Call
from apus.compile.lower.layout import reshape_to

_ACTIVATIONS = {
    "relu": "relu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "leakyrelu": "leaky_relu",
    "elu": "elu",
    "hardsigmoid": "hard_sigmoid",
}
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


@dataclass(frozen=True)
class Direction:
    """What one direction of a layer needs: H hidden units, G gates; names of values and tensors.

    Attributes:
        inputs: x · Wᵀ + Wb + (Rb) of all steps [T, B, G·H].
        weight: Rᵀ [H, G·H].
        bias: Rb [G·H], or "".
        hidden: initial h [B, H].
        cell: initial c [B, H], or "".
        peepholes: of an LSTM, i o f [H] each.
        activations: functions in the standard's order.
        reverse: from the last step to the first.
    """

    inputs: str
    weight: str
    bias: str
    hidden: str
    cell: str
    peepholes: list[str]
    activations: list[Callable[[str], str]]
    reverse: bool


class Layer:
    """A recurrent node being lowered."""

    def __init__(self, call: Call) -> None:
        self.call, self.kind = call, call.node.op_type
        self.gates = _GATES[self.kind]
        self.hidden = int(call.attribute("hidden_size", 0)) or call.dims(2)[-1]
        shape = call.shape()
        batch_first = bool(call.attribute("layout", 0))
        self.batch_first = batch_first
        self.steps, self.batch = call.fixed([shape[int(batch_first)]])[0], shape[int(not batch_first)]
        self.x = call.permute(call.value(), [1, 0, 2]) if batch_first else call.value()
        self.lengths = call.cast(call.value(4), "int64") if call.has(4) else ""
        self.names = call.attribute("activations") or _DEFAULTS[self.kind] * self.count
        self.native = self.steps > 0 and self._is_native()

    def _is_native(self) -> bool:
        call = self.call
        usual = [str(name) for name in self.names] == (_DEFAULTS[self.kind] * self.count)
        plain = not (call.has(4) or call.has(7) or call.attribute("clip", 0.0) or call.attribute("input_forget", 0))
        known = call.is_constant(1) and call.is_constant(2) and (not call.has(3) or call.is_constant(3))
        return self.kind != "RNN" and usual and plain and known and call.dtype() == "float32"

    @property
    def count(self) -> int:
        """Directions."""
        return 2 if self._direction == "bidirectional" else 1

    @property
    def _direction(self) -> str:
        return str(self.call.attribute("direction", "forward"))

    def piece(self, x: str, axis: int, start: int, size: int) -> str:
        """`size` places of `x` from `start`."""
        cut = {"axes": [axis], "starts": [start], "ends": [start + size], "steps": [1]}
        return self.call.emit("slice", [x], cut)

    def part(self, index: int, d: int) -> str:
        """Direction `d` of optional input `index`, its first dimension dropped; "" where it is absent."""
        if not self.call.has(index):
            return ""
        x, shape = self.call.value(index), self.call.dims(index)
        return self.call.reshape(self.piece(x, 0, d, 1), shape[1:])

    def state(self, index: int, d: int) -> str:
        """Initial h or c [B, H]."""
        call: Call = self.call
        shape: list[Dim] = [self.batch, self.hidden]
        if not call.has(index):
            return self.zeros()
        if self.batch_first:
            return reshape_to(call, self.piece(call.value(index), 1, d, 1), shape)
        return reshape_to(call, self.piece(call.value(index), 0, d, 1), shape)

    def zeros(self) -> str:
        """[B, H] zeros; where the batch is known when it is fed, no number of the first step being below -inf."""
        call: Call = self.call
        shape: list[Dim] = [self.batch, self.hidden]
        if not isinstance(self.batch, str):
            return call.apply("copy", call.keep(np.zeros(call.fixed(shape), call.dtype())))
        first = self.piece(self.piece(self.x, 0, 0, 1), 2, 0, 1)
        none = call.cast(call.apply("less", first, call.keep(np.array(-np.inf, np.float32))), "float32")
        return reshape_to(call, call.gather(none, [0] * self.hidden, 2), shape)

    def direction(self, d: int) -> Direction:
        """Direction `d`, its inputs multiplied at once."""
        call, width = self.call, self.gates * self.hidden
        w, r = (call.permute(self.part(i, d), [1, 0]) for i in (1, 2))
        inputs = call.emit("matmul", [self.x, w])
        bias = self.part(3, d)
        if bias:
            inputs = call.apply("add", inputs, self.piece(bias, 0, 0, width))
            bias = self.piece(bias, 0, width, width)
        peep = self.part(7, d) if self.kind == "LSTM" else ""
        peepholes = [self.piece(peep, 0, i * self.hidden, self.hidden) for i in range(3)] if peep else []
        cell = self.state(6, d) if self.kind == "LSTM" else ""
        each = len(_DEFAULTS[self.kind])
        functions = [self.activation(d * each + i) for i in range(each)]
        return Direction(inputs, r, bias, self.state(5, d), cell, peepholes, functions, self.reversed(d))

    def reversed(self, d: int) -> bool:
        """Whether direction `d` goes from the last step to the first."""
        return self._direction == "reverse" or d == 1

    def activation(self, index: int) -> Callable[[str], str]:
        """The function number `index` of the node's list."""
        name = str(self.names[index]).lower()
        function = _ACTIVATIONS.get(name)
        if function is None:
            self.call.refuse(f"activation {self.names[index]} is not one of {', '.join(_ACTIVATIONS)}")
        parameters: dict[str, float] = {}
        for key, defaults in (("alpha", DEFAULT_ALPHA), ("beta", DEFAULT_BETA)):
            given = self.call.attribute(f"activation_{key}", [])
            if function in defaults:
                parameters[key] = float(given[index]) if index < len(given) else defaults[function]
        return lambda x: self.call.unary(x, function, **parameters)

    def clip(self, x: str) -> str:
        """The node's `clip` before an activation."""
        limit = self.call.attribute("clip", 0.0)
        return self.call.unary(x, "clip", clip=[-limit, limit]) if limit else x


def _rnn(layer: Layer, d: Direction, x: str, h: str, c: str) -> tuple[str, str]:
    call = layer.call
    total = call.apply("add", x, call.emit("matmul", [h, d.weight]))
    total = call.apply("add", total, d.bias) if d.bias else total
    return d.activations[0](layer.clip(total)), ""


def _gru(layer: Layer, d: Direction, x: str, h: str, c: str) -> tuple[str, str]:
    """z, r = f(…); n = g(x_n + (r · h) Rᵀ), or g(x_n + r · (h Rᵀ + b)) if linear_before_reset; h' = (1 − z) n + z h."""
    call, size = layer.call, layer.hidden
    f, g = d.activations
    weights = [layer.piece(d.weight, 1, i * size, n * size) for i, n in ((0, 2), (2, 1))]
    biases = [layer.piece(d.bias, 0, i * size, n * size) if d.bias else "" for i, n in ((0, 2), (2, 1))]
    both = call.apply("add", layer.piece(x, 1, 0, 2 * size), call.emit("matmul", [h, weights[0]]))
    both = call.apply("add", both, biases[0]) if d.bias else both
    gates = f(layer.clip(both))
    z, r = layer.piece(gates, 1, 0, size), layer.piece(gates, 1, size, size)
    before = bool(call.attribute("linear_before_reset", 0))
    product = call.emit("matmul", [h if before else call.apply("mul", r, h), weights[1]])
    product = call.apply("add", product, biases[1]) if d.bias else product
    product = call.apply("mul", r, product) if before else product
    n = g(layer.clip(call.apply("add", layer.piece(x, 1, 2 * size, size), product)))
    return call.apply("add", n, call.apply("mul", z, call.apply("sub", h, n))), ""


def _lstm(layer: Layer, d: Direction, x: str, h: str, c: str) -> tuple[str, str]:
    """i, o, f, g of x + h Rᵀ (+ p · c); c' = f c + i g; h' = o · tanh(c')."""
    call, size = layer.call, layer.hidden
    f, g, out = d.activations
    total = call.apply("add", x, call.emit("matmul", [h, d.weight]))
    total = call.apply("add", total, d.bias) if d.bias else total
    i, o, forget, new = (layer.piece(total, 1, k * size, size) for k in range(4))

    def peep(gate: str, which: int, cell: str) -> str:
        return call.apply("add", gate, call.apply("mul", d.peepholes[which], cell)) if d.peepholes else gate

    i = f(layer.clip(peep(i, 0, c)))
    if call.attribute("input_forget", 0):
        forget = call.apply("sub", call.keep(np.ones((), call.dtype())), i)
    else:
        forget = f(layer.clip(peep(forget, 2, c)))
    cell = call.apply("add", call.apply("mul", forget, c), call.apply("mul", i, g(layer.clip(new))))
    return call.apply("mul", f(layer.clip(peep(o, 1, cell))), out(cell)), cell


def _native(layer: Layer, d: int) -> tuple[str, str, str]:
    """All h [T, B, H], the last h and the last c of direction `d`, by the engine's own operation."""
    call, size, width = layer.call, layer.hidden, layer.gates * layer.hidden
    w, r = call.constant(1)[d], call.constant(2)[d]
    wb, rb = np.split(call.constant(3)[d] if call.has(3) else np.zeros(2 * width, np.float32), 2)
    made = {"weight": call.tensor(w, f"{call.outputs[0]}.w{d}"), "bias": call.tensor(wb, f"{call.outputs[0]}.wb{d}")}
    inputs = call.emit("linear", [layer.x], {"channels": width}, made)
    made = {"weight": call.tensor(r, f"{call.outputs[0]}.r{d}"), "bias": call.tensor(rb, f"{call.outputs[0]}.rb{d}")}
    lstm, reverse = layer.kind == "LSTM", layer.reversed(d)
    how = {"channels": width, "reverse": int(reverse)}
    if not lstm and not call.attribute("linear_before_reset", 0):
        how["reset_first"] = 1
    given = [layer.state(5, d), inputs, *([layer.state(6, d)] if lstm else [])]
    states = call.emit("recurrent", given, how, made)
    final = layer.piece(states, 0, 0 if reverse else layer.steps - 1, 1)
    last = reshape_to(call, final, [layer.batch, (2 if lstm else 1) * size])
    if not lstm:
        return states, last, ""
    return layer.piece(states, 2, 0, size), layer.piece(last, 1, 0, size), layer.piece(last, 1, size, size)


_STEPS = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}


def _run(layer: Layer, d: Direction) -> tuple[str, str, str]:
    """All h [T, B, H], the last h and the last c."""
    call, h, c = layer.call, d.hidden, d.cell
    (batch,) = call.fixed([layer.batch])
    shape, all_h = [batch, layer.hidden], [""] * layer.steps
    zero = call.keep(np.zeros((), call.dtype()))
    for t in reversed(range(layer.steps)) if d.reverse else range(layer.steps):
        x = call.reshape(layer.piece(d.inputs, 0, t, 1), [batch, layer.gates * layer.hidden])
        new_h, new_c = _STEPS[layer.kind](layer, d, x, h, c)
        shown = new_h
        if layer.lengths:  # a sequence that is over keeps its state and shows zeros
            going = call.apply("less", call.keep(np.asarray(t)), layer.lengths)
            going = call.reshape(going, [batch, 1])
            shown = call.apply("where", going, new_h, zero)
            new_h = call.apply("where", going, new_h, h)
            new_c = call.apply("where", going, new_c, c) if c else ""
        h, c = new_h, new_c
        all_h[t] = call.reshape(shown, [1, *shape])
    return call.emit("concat", all_h, {"axis": 0}), h, c


def recurrent(call: Call) -> list[str]:
    """RNN, GRU or LSTM: Y [T, D, B, H], Y_h [D, B, H] and, of an LSTM, Y_c; batch first with layout 1."""
    layer = Layer(call)
    runs = [_native(layer, d) if layer.native else _run(layer, layer.direction(d)) for d in range(layer.count)]
    t, b, h = layer.steps, layer.batch, layer.hidden
    axis = 2 if layer.batch_first else 1
    sequence = [call.permute(run[0], [1, 0, 2]) if layer.batch_first else run[0] for run in runs]
    shape: list[Dim] = [b, t, 1, h] if layer.batch_first else [t, 1, b, h]
    results = [call.emit("concat", [reshape_to(call, y, shape) for y in sequence], {"axis": axis})]
    last: list[Dim] = [b, 1, h] if layer.batch_first else [1, b, h]
    for which in (1, 2) if layer.kind == "LSTM" else (1,):
        finals = [reshape_to(call, run[which], last) for run in runs]
        results.append(call.emit("concat", finals, {"axis": 1 if layer.batch_first else 0}))
    return results


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = dict.fromkeys(_GATES, recurrent)
