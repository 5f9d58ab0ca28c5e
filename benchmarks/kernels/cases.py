"""The cases: chains of eight distinct layers, ReLU between them, with 16x1 blocks or single weights kept at random."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LAYERS, STRIP = 8, 16


@dataclass(frozen=True)
class Case:
    """Eight layers of `channels` → `channels`: linear over `rows` rows, or a `kernel` x `kernel` convolution."""

    kind: str  # linear | conv
    channels: int
    rows: int = 1  # linear: N; conv: height and width
    kernel: int = 1
    sparsity: int = 90  # percent that is zero: of the blocks,
    single: bool = False  # or of the weights, wherever they are

    @property
    def name(self) -> str:
        """As in the results, such as `linear-1024-n1-s90` or, with single weights, `conv3x3-128-28-u90`."""
        stem = (
            f"linear-{self.channels}-n{self.rows}"
            if self.kind == "linear"
            else f"conv{self.kernel}x{self.kernel}-{self.channels}-{self.rows}"
        )
        return f"{stem}-{'u' if self.single else 's'}{self.sparsity}"

    @property
    def columns(self) -> int:
        """K: inputs that one output sums over."""
        return self.channels * self.kernel**2

    @property
    def positions(self) -> int:
        """How often a layer's matrix is applied to a vector."""
        return self.rows if self.kind == "linear" else self.rows**2

    @property
    def shape(self) -> list[int]:
        """Of input and output."""
        return [self.rows, self.channels] if self.kind == "linear" else [1, self.channels, self.rows, self.rows]

    def at(self, sparsity: int) -> "Case":
        """The same at another sparsity."""
        return replace(self, sparsity=sparsity)


SHAPES = (
    Case("linear", 1024, 1),
    Case("linear", 1024, 16),
    Case("linear", 1024, 128),
    Case("conv", 256, 28),
    Case("conv", 128, 28, 3),
)
BLOCKS = {case.name: case for shape in SHAPES for case in map(shape.at, (90, 80, 95))}
SINGLE = {case.name: case for block in BLOCKS.values() for case in (replace(block, single=True),)}
CASES = BLOCKS | SINGLE


def weights(case: Case) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """(weight [M, K], bias [M]) of each layer; the variance keeps activations of one size through the chain."""
    rng, kept = np.random.default_rng(0), max(1, round(case.columns * (100 - case.sparsity) / 100))
    layers = []
    for _ in range(LAYERS):
        if case.single:
            mask = rng.random((case.channels, case.columns)) < kept / case.columns
        else:
            scores = rng.random((case.channels // STRIP, case.columns))
            mask = scores <= np.partition(scores, kept - 1, axis=1)[:, kept - 1 : kept]
            mask = np.repeat(mask, STRIP, axis=0)
        weight = rng.normal(0, np.sqrt(2 / kept), (case.channels, case.columns)) * mask
        layers.append((np.float32(weight), np.float32(rng.normal(0, 0.1, case.channels))))
    return layers


def samples(case: Case, count: int, seed: int = 1) -> NDArray[np.float32]:
    """Inputs [count, ...], of which the first axis is to be taken apart."""
    return np.random.default_rng(seed).normal(size=(count, *case.shape)).astype(np.float32)


def onnx_chain(case: Case) -> onnx.ModelProto:
    """The chain as PyTorch would export it: Gemm or Conv, with bias, then Relu, none behind the last."""
    nodes, constants, x = [], [], "x"
    for i, (weight, bias) in enumerate(weights(case)):
        conv = case.kind == "conv"
        w = weight.reshape(case.channels, case.channels, case.kernel, case.kernel) if conv else weight
        constants += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        last = i == LAYERS - 1
        y, operands = "y" if last else f"s{i}", [x, f"w{i}", f"b{i}"]
        if conv:
            nodes.append(helper.make_node("Conv", operands, [y], f"layer{i}", pads=[case.kernel // 2] * 4))
        else:
            nodes.append(helper.make_node("Gemm", operands, [y], f"layer{i}", transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [y], [f"r{i}"], f"relu{i}"))
        x = f"r{i}"
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, case.shape)] for name in ("x", "y")]
    graph = helper.make_graph(nodes, case.name, *ends, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def torch_chain(case: Case) -> "object":
    """The same as a torch module."""
    import torch

    modules: list[torch.nn.Module] = []
    for weight, bias in weights(case):
        layer: torch.nn.Module = (
            torch.nn.Linear(case.channels, case.channels)
            if case.kind == "linear"
            else torch.nn.Conv2d(case.channels, case.channels, case.kernel, padding=case.kernel // 2)
        )
        layer.weight.data = torch.from_numpy(weight).reshape(layer.weight.shape).clone()  # type: ignore[union-attr]
        layer.bias.data = torch.from_numpy(bias)  # type: ignore[union-attr]
        modules += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1]).requires_grad_(False)


def write_files(case: Case, folder: Path) -> dict[str, Path]:
    """`fp32` and `int8` ONNX files of the chain; int8 is per channel, QDQ, from 64 samples, one file for everybody."""
    import apus

    paths = {precision: folder / f"{case.name}-{precision}.onnx" for precision in ("fp32", "int8")}
    onnx.save(onnx_chain(case), paths["fp32"])
    count = max(1, 64 // case.shape[0])
    apus.quantize(paths["fp32"], np.concatenate(list(samples(case, count, seed=2))), paths["int8"])
    return paths
