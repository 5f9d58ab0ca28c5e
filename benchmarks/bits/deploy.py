"""Is what was trained what runs? torch, ONNX Runtime and engine on the 10,000 test images of a finished run."""

from typing import Any

import numpy as np
import onnxruntime
import torch
from benchmarks.bits.runs import Run
from benchmarks.bits.train import FOLDER, images
from torch import nn

from apus.artifact import read
from apus.compile import compile_to_file
from apus.export import INPUT, bytes_by_layer, export
from apus.runtime import Session


def deployed(run: Run, model: nn.Module) -> dict[str, Any]:
    """Export, compile, run all three; what differs, where integers are computed, and the bytes of each layer."""
    x, _ = images(run.data)["test"]
    onnx_file = FOLDER / f"{run.name}.onnx"
    proto = export(model.to(memory_format=torch.contiguous_format).eval(), x[:2], onnx_file, name=run.name)  # type: ignore[call-overload]
    apus_file = compile_to_file(onnx_file)
    runtime = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    engine = Session(str(apus_file))
    with torch.no_grad():
        answers = {
            "torch": np.concatenate([model(part).numpy() for part in x.split(500)]),
            "onnxruntime": np.concatenate([runtime.run(None, {INPUT: part.numpy()})[0] for part in x.split(500)]),
            "engine": np.concatenate([engine.run(None, {INPUT: part.numpy()})[0] for part in x.split(500)]),
        }
    apart = {
        f"{a}-{b}": {
            "argmax_differs": int((answers[a].argmax(1) != answers[b].argmax(1)).sum()),
            "max_difference": float(np.abs(answers[a] - answers[b]).max()),
        }
        for a, b in (("torch", "onnxruntime"), ("torch", "engine"), ("onnxruntime", "engine"))
    }
    nodes = [node for node in read(apus_file).nodes if node.op in ("conv", "linear")]
    return {
        "images": len(x),
        "agreement": apart,
        "integer_layers": [node.name for node in nodes if "multiplier" in node.tensors],
        "float_layers": [node.name for node in nodes if "multiplier" not in node.tensors],
        "onnx_bytes": onnx_file.stat().st_size,
        "apus_bytes": apus_file.stat().st_size,
        "onnx_bytes_by_layer": bytes_by_layer(proto),
    }
