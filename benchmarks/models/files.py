"""The files that contenders read: ONNX in fp32 and int8, made once under `runs/bench-models`."""

import contextlib
import io
import logging
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

import apus
from apus._files import write_atomically
from benchmarks.models.networks import CALIBRATION, NETWORKS, SPARSE, Feed, prune

FOLDER = Path(__file__).parents[2] / "runs" / "bench-models"


def base(case: str) -> str:
    """The dense network that `case` (without its precision) is, or was pruned from."""
    return SPARSE[case][0] if case in SPARSE else case


@cache
def module(case: str) -> nn.Module:
    """The torch module of `case`, pruned if that is what it is."""
    net = NETWORKS[base(case)].module()
    if case in SPARSE:
        prune(net, SPARSE[case][1])
    return net


def feed(case: str, seed: int = 1000) -> Feed:
    """Inputs of batch 1."""
    return NETWORKS[base(case)].feed(seed)


def fp32(case: str) -> Path:
    """The model as torch exports it, weights inside, shapes fixed."""
    path = FOLDER / f"{case}.onnx"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _exported(module(case), feed(case)))
    return path


def int8(case: str) -> Path:
    """The same by `apus quantize`: QDQ, which every engine here reads."""
    path = FOLDER / f"{case}-int8.onnx"
    if not path.exists():
        feeds = [feed(case, seed) for seed in range(CALIBRATION)]
        calibration = {name: np.concatenate([one[name] for one in feeds]) for name in feeds[0]}
        apus.quantize(fp32(case), calibration, path, batch=1)
    return path


def int8_dynamic(case: str) -> Path:
    """The same by ONNX Runtime's own `quantize_dynamic`, which its users take for transformers."""
    path = FOLDER / f"{case}-dynamic.onnx"
    if not path.exists():
        quantize_dynamic(fp32(case), path, weight_type=QuantType.QInt8, per_channel=True)
    return path


def _exported(net: nn.Module, inputs: Feed) -> bytes:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    arguments = tuple(torch.from_numpy(array) for array in inputs.values())
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net, arguments, input_names=list(inputs), output_names=["output"], dynamo=True, verbose=False
        )
    assert program is not None
    return program.model_proto.SerializeToString()
