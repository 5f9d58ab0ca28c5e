"""Who runs in each case: ours, and every peer at its best in every precision that the case allows."""

from typing import Any

import torch
from torch import Tensor, nn

from apus.bench import Contender, contender
from benchmarks.models import files
from benchmarks.models.networks import NETWORKS, SPARSE


class Bfloat16(nn.Module):
    """A network in bfloat16 with float32 at both ends."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(torch.bfloat16)

    def forward(self, *inputs: Tensor) -> Tensor:
        """The network's result on `inputs`, whose floats are narrowed."""
        narrow = [x.to(torch.bfloat16) if x.is_floating_point() else x for x in inputs]
        result: Tensor = self.network(*narrow).float()
        return result


def dense(case: str, precision: str) -> list[Contender]:
    """A dense case: one precision for everybody."""
    return _fp32(case) if precision == "fp32" else _int8(case)


def _fp32(case: str) -> list[Contender]:
    path, net = files.fp32(case), files.module(case)
    return [
        _made("onnxruntime", path),
        _made("apus", path),
        _made("apus", path, "apus+ort", allow="onnxruntime"),
        _made("openvino", path),
        _made("torch", net),
        _made("torch", net, "torch-compile", compiled=True),
    ]


def _int8(case: str) -> list[Contender]:
    path = files.int8(case)
    made = [_made("onnxruntime", path), _made("apus", path), _made("openvino", path)]
    made.append(_made("apus", path, "apus+ort", allow="onnxruntime"))
    if case.startswith("minilm"):
        made.append(_made("onnxruntime", files.int8_dynamic(case), "onnxruntime-dynamic"))
    return made


def sparse(case: str) -> list[Contender]:
    """A sparse case: ours on the sparse network in the precisions it may choose, peers on the dense one in any."""
    whole = SPARSE[case][0]
    ours = [
        _made("onnxruntime", files.fp32(case), "onnxruntime-on-sparse", network="sparse"),
        _made("apus", files.fp32(case), "apus-fp32", network="sparse"),
    ]
    if "int8" not in NETWORKS[whole].precisions:
        return [*ours, *_floats(whole)]
    ours += [
        _made("onnxruntime", files.int8(case), "onnxruntime-int8-on-sparse", network="sparse-int8"),
        _made("apus", files.int8(case), "apus-int8", network="sparse-int8"),
    ]
    narrow = [_made("onnxruntime", files.int8(whole), "onnxruntime-int8")]
    narrow.append(_made("openvino", files.int8(whole), "openvino-int8"))
    if whole.startswith("minilm"):
        narrow.append(_made("onnxruntime", files.int8_dynamic(whole), "onnxruntime-dynamic"))
    return [*ours, *_floats(whole), *narrow]


def _floats(whole: str) -> list[Contender]:
    path = files.fp32(whole)
    return [
        _made("onnxruntime", path, "onnxruntime-fp32"),
        _made("openvino", path, "openvino-fp32"),
        _made("openvino", path, "openvino-bf16", precision="bf16"),
        _made("torch", Bfloat16(NETWORKS[whole].module()), "torch-bf16"),
    ]


def _made(engine: str, model: Any, label: str | None = None, *, network: str = "dense", **options: Any) -> Contender:
    return contender(engine, model, label=label or engine, network=network, **options)
