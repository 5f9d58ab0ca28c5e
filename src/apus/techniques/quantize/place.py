"""Where quantisers go: on every tensor that an integer engine would store.

A tensor is stored after a layer and the clipping that fuses with it (ReLU), after an addition or concatenation,
after a pooling mean, and at the network's input; operations that only move numbers share their input's quantiser.
"""

import fnmatch
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from apus.errors import NothingMatchedError
from apus.techniques.quantize.fake import QUANTISABLE, ActivationQuantizer, QuantEmbedding, QuantLayer
from apus.techniques.quantize.fold import fold_batch_norms

_CLIPS: set[Any] = {nn.ReLU, nn.ReLU6, nn.Hardtanh, F.relu, F.relu_, F.relu6, F.hardtanh, torch.relu, torch.clamp}
_CLIPS |= {torch.relu_, "relu", "relu_", "clamp", "clip"}
_JOINS: set[Any] = {operator.add, operator.iadd, operator.mul, operator.imul, operator.sub, torch.add, torch.mul}
_JOINS |= {torch.cat, torch.concat, "add", "add_", "mul", "mul_"}
_MEANS: set[Any] = {nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, F.avg_pool1d, F.avg_pool2d}
_MEANS |= {F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, torch.mean, "mean"}
_CURVES: set[Any] = {nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.SiLU, nn.GELU, nn.LeakyReLU, nn.ELU}
_CURVES |= {F.hardswish, F.hardsigmoid, F.sigmoid, F.silu, F.gelu, F.leaky_relu, torch.sigmoid, torch.tanh}
_NOTHING: set[Any] = {nn.Dropout, nn.Dropout1d, nn.Dropout2d, F.dropout, "contiguous"}  # in an exported graph
_MOVES: set[Any] = {nn.MaxPool1d, nn.MaxPool2d, nn.Flatten, F.max_pool1d, F.max_pool2d, torch.flatten, torch.reshape}
_MOVES |= {
    torch.permute,
    torch.transpose,
    torch.squeeze,
    torch.unsqueeze,
    "flatten",
    "view",
    "reshape",
    "permute",
    "transpose",
    "squeeze",
}
_MOVES |= {"unsqueeze"}


def prepare(
    model: nn.Module,
    example: Tensor,
    *,
    weight_bits: int = 8,
    activation_bits: int = 8,
    skip: Sequence[str] = (),
    embeddings: bool = False,
    trace: bool = True,
) -> nn.Module:
    """A copy of a network that computes as if its layers were stored in integers.

    The network's Python is traced; where it cannot be (its control flow depends on data), each layer quantises
    its own input instead, and what lies between layers stays float. What is inside torch's own attention stays float.

    Args:
        model: any network with Linear, Conv1d or Conv2d layers; is not changed.
        example: one input batch (B, ...).
        weight_bits: 2..8.
        activation_bits: 2..8.
        skip: name patterns of layers that stay float.
        embeddings: quantise tables of embeddings too, per row, to `weight_bits`.
        trace: false lets each layer quantise its own input in any case, and so keeps all modules where they are.

    Returns:
        The copy, batch normalisations folded, ranges set from `example` alone: train or calibrate it.

    Raises:
        NothingMatchedError: there is nothing to quantise, or a pattern matches no layer.
        ValueError: bits outside 2..8.
    """
    if not (2 <= weight_bits <= 8 and 2 <= activation_bits <= 8):
        raise ValueError(f"weight_bits={weight_bits}, activation_bits={activation_bits}: each must be 2..8")
    folded = fold_batch_norms(model, example)
    _leave_fast_paths(folded)
    names = _chosen(folded, skip)
    if embeddings:
        _quantise_tables(folded, weight_bits, skip)
    traced = _traced(folded) if trace else None
    ready = folded if traced is None else traced
    for name in names:
        own = ActivationQuantizer(activation_bits) if traced is None else None
        parent, _, leaf = name.rpartition(".")
        setattr(ready.get_submodule(parent), leaf, QuantLayer(ready.get_submodule(name), weight_bits, own))  # type: ignore[arg-type]
    if traced is not None:
        _insert(traced, activation_bits)
    calibrate(ready, [example])
    return ready


def _leave_fast_paths(model: nn.Module) -> None:
    """torch's own transformers read the weights of their layers in evaluation, past their quantisers: no more."""
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0
        if isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False


def _traced(model: nn.Module) -> fx.GraphModule | None:
    try:
        return _Tracer().trace_module(model)
    except (fx.proxy.TraceError, TypeError, RuntimeError, NotImplementedError):
        return None


class _Tracer(fx.Tracer):
    """torch's, which takes our layers whole."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, QuantEmbedding) or super().is_leaf_module(m, module_qualified_name)

    def trace_module(self, model: nn.Module) -> fx.GraphModule:
        return fx.GraphModule(model, self.trace(model), type(model).__name__)


def _quantise_tables(model: nn.Module, bits: int, skip: Sequence[str]) -> None:
    tables = {name: module for name, module in model.named_modules() if isinstance(module, nn.Embedding)}
    for name, table in tables.items():
        if not any(fnmatch.fnmatch(name, pattern) for pattern in skip):
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, QuantEmbedding(table, bits))


@torch.no_grad()
def calibrate(model: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Let the quantisers see some batches, so that training starts from real ranges.

    Args:
        model: a prepared network; is left in evaluation mode.
        inputs: batches (B, ...).
    """
    model.eval()
    for quantizer in quantizers(model):
        quantizer.train()
    for x in inputs:
        model(x)
    model.eval()


def observe(model: nn.Module, on: bool) -> None:
    """Let the ranges of a prepared network move in training, or freeze them."""
    for quantizer in quantizers(model):
        quantizer.observing.fill_(on)


def quantizers(model: nn.Module) -> list[ActivationQuantizer]:
    """All activation quantisers of a prepared network, in order."""
    return [m for m in model.modules() if isinstance(m, ActivationQuantizer)]


def _chosen(model: nn.Module, skip: Sequence[str]) -> list[str]:
    within = {id(m.out_proj) for m in model.modules() if isinstance(m, nn.MultiheadAttention)}  # read as a weight only
    layers = [n for n, module in model.named_modules() if isinstance(module, QUANTISABLE) and id(module) not in within]
    for pattern in skip:
        if not fnmatch.filter(layers, pattern):
            raise NothingMatchedError(f"{pattern!r} matches no layer; there are {', '.join(layers) or 'none'}")
    chosen = [name for name in layers if not any(fnmatch.fnmatch(name, pattern) for pattern in skip)]
    if not chosen:
        raise NothingMatchedError(
            f"nothing to quantise: of {len(layers)} Linear, Conv1d, Conv2d layers all are skipped"
        )
    return chosen


def _insert(model: fx.GraphModule, bits: int) -> None:
    """Put a quantiser behind each node that needs one."""
    modules: dict[str, nn.Module] = dict(model.named_modules())
    quantised: dict[fx.Node, str] = {}
    for node in [n for n in model.graph.nodes if n.op == "call_module" and _kind(n, modules) is nn.Identity]:
        node.replace_all_uses_with(node.args[0])  # a folded normalisation must not part a layer from its ReLU
        model.graph.erase_node(node)
    for node in list(model.graph.nodes):
        target = None
        kind, source = _kind(node, modules), node.args[0] if node.args else None
        if kind in _NOTHING and source in quantised:
            quantised[node] = quantised[source]
            continue
        if kind in _MOVES and source in quantised:
            target = quantised[source]
        elif _stores(node, modules):
            target = f"quantize_{len(set(quantised.values()))}"
            model.add_submodule(target, ActivationQuantizer(bits))
        if target is None or _feeds_output_alone(node):
            continue
        with model.graph.inserting_after(node):
            stored = model.graph.call_module(target, (node,))
        node.replace_all_uses_with(stored, delete_user_cb=lambda user, stored=stored: user is not stored)
        quantised[stored] = target
    model.graph.lint()
    model.delete_all_unused_submodules()
    model.recompile()


def _kind(node: fx.Node, modules: dict[str, nn.Module]) -> Any:
    return type(modules[str(node.target)]) if node.op == "call_module" else node.target


def _stores(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether an integer engine would store this node's result."""
    if node.op in ("get_attr", "output"):
        return False
    kind, users = _kind(node, modules), list(node.users)
    if kind is QuantLayer or kind in _JOINS:
        if kind in _JOINS and sum(isinstance(a, fx.Node) for a in _operands(node)) < 2:
            return _feeds_layer(users, modules)
        return not (len(users) == 1 and _kind(users[0], modules) in _CLIPS)
    return kind in _CLIPS | _MEANS | _CURVES or _feeds_layer(users, modules)


def _operands(node: fx.Node) -> Sequence[Any]:
    first = node.args[0] if node.args else ()
    return first if isinstance(first, list | tuple) else node.args


def _feeds_layer(users: Sequence[fx.Node], modules: dict[str, nn.Module]) -> bool:
    return any(_kind(user, modules) is QuantLayer for user in users)


def _feeds_output_alone(node: fx.Node) -> bool:
    return all(user.op == "output" for user in node.users)
