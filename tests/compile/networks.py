"""Networks for whole-model tests: ONNX made by PyTorch's exporter, and QDQ made by ONNX Runtime's quantiser."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from agreement import Feed
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(20, 33), nn.ReLU(), nn.LayerNorm(33), nn.Linear(33, 17), nn.Tanh(), nn.Linear(17, 5)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.softmax(self.layers(x), -1)


class ResidualCnn(nn.Module):
    """Batch norms, a depthwise and a grouped convolution, a residual, and most activations."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.depthwise = nn.Sequential(
            nn.Conv2d(16, 16, 3, 2, 1, groups=16, bias=False), nn.BatchNorm2d(16), nn.Hardswish()
        )
        self.pointwise = nn.Sequential(nn.Conv2d(16, 24, 1), nn.BatchNorm2d(24), nn.SiLU())
        self.grouped = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(24, 24, 3, groups=2), nn.BatchNorm2d(24))
        self.head = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pointwise(self.depthwise(self.stem(x)))
        x = F.max_pool2d(F.relu6(self.grouped(x) + x), 2)
        return self.head(F.gelu(x.mean((2, 3)), approximate="tanh"))


class Attention(nn.Module):
    """Reshapes computed from a dynamic batch, products of activations, slices."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, width = x.shape
        q, k, v = (t.reshape(batch, time, 4, width // 4).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        scores = F.softmax(q @ k.transpose(-1, -2) / 2.0, -1)
        mixed = (scores @ v).transpose(1, 2).reshape(batch, time, width)
        return F.gelu(self.out(mixed)) + x[:, :1]


class Wave(nn.Module):
    """One-dimensional convolutions with reflection padding."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(3, 18, 5, dilation=2), nn.Conv1d(18, 4, 3, padding=1, groups=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.leaky_relu(self.first(F.pad(x, (4, 4), mode="reflect")), 0.2)
        return torch.cat([self.second(y), x], 1).flatten(1)


NETWORKS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "mlp": (Mlp, (4, 20)),
    "cnn": (ResidualCnn, (4, 2, 14, 14)),
    "attention": (Attention, (4, 6, 16)),
    "wave": (Wave, (4, 3, 20)),
}


def exported(name: str) -> tuple[onnx.ModelProto, Feed]:
    """The network in ONNX by the dynamo exporter with a dynamic batch, and an input."""
    torch.manual_seed(0)
    make, shape = NETWORKS[name]
    network = make().eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            for parameter, (low, high) in {
                "running_mean": (-1, 1),
                "running_var": (0.5, 2),
                "weight": (-2, 2),
                "bias": (-1, 1),
            }.items():
                nn.init.uniform_(getattr(part, parameter), low, high)
    x = torch.randn(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network, (x,), dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False
        )
    assert program is not None
    return program.model_proto, {"x": x.numpy()}


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feed: Feed) -> None:
        self.feeds = iter([feed])

    def get_next(self) -> Any:
        return next(self.feeds, None)


def quantised(
    model: onnx.ModelProto, feed: Feed, folder: Path, activation: QuantType, per_channel: bool
) -> onnx.ModelProto:
    """The model in QDQ form by ONNX Runtime's static quantisation."""
    onnx.save(model, folder / "float.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            folder / "float.onnx", folder / "qdq.onnx", _Reader(feed), quant_format=QuantFormat.QDQ,
            activation_type=activation, weight_type=QuantType.QInt8, per_channel=per_channel,
        )  # fmt: skip
    return onnx.load(folder / "qdq.onnx")


def sparse_16x1(rows: int, columns: int, density: float, seed: int = 0) -> "np.ndarray[Any, Any]":
    """A random matrix whose 16x1 blocks are kept with probability `density`."""
    random = np.random.default_rng(seed)
    keep = np.repeat(random.random((-(-rows // 16), columns)) < density, 16, axis=0)[:rows]
    return (random.standard_normal((rows, columns)) * keep).astype(np.float32)
