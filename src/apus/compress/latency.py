"""What each layer takes in the engine, here, at each width: the price that Bayesian Bits pay in the place of BOPs."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from apus.bench.layers import layers
from apus.compile import compile_to_file
from apus.compress.job import Job
from apus.export import INPUT, export
from apus.techniques import bayesian_bits as bb
from apus.techniques import quantize

ENGINE_WIDTHS = (2, 4, 8, 32)  # 16 bits are stored, and multiplied as floats
RUNS = 300
LEAST = 0.01  # µs: a layer that is fused away still needs a price above 0


def layer_costs(job: Job, model: nn.Module) -> Mapping[str, Sequence[float]]:
    """Measure once per run, at the recipe's first batch size on one thread; a resumed run takes the same figures.

    Args:
        job: of the run.
        model: the float network that stage bits begins with.

    Returns:
        Layer → µs at 2, 4, 8, 16 and 32 bits, for `bayesian_bits.prepare`; also written to `bits/latency.json`.
    """
    path = job.folder / "bits" / "latency.json"
    if not path.exists():
        example = torch.cat([job.example[:1]] * job.recipe.measure.batches[0])
        found = job.runtime.ranks.gather(measured(quantize.fold_batch_norms(model, job.example), example))[0]
        job.folder.write_json("bits/latency.json", found)
        job.runtime.ranks.barrier()
    costs: Mapping[str, Sequence[float]] = job.folder.read_json("bits/latency.json")
    return costs


def measured(model: nn.Module, example: Tensor) -> dict[str, list[float]]:
    """Export a network at each width, compile it, and time every layer by itself.

    Args:
        model: float, batch normalisations folded.
        example: one input batch (B, ...), as the network will be used.

    Returns:
        Layer → median µs at 2, 4, 8, 16 and 32 bits, on one thread.
    """
    given = _inputs(model, example)
    by_width: dict[int, dict[str, float]] = {}
    for width in ENGINE_WIDTHS:
        known = {row["name"]: row["microseconds"] for row in _rows(model, example, width)}
        # Weights of float layers over tokens lose their name as the exporter transposes them: those are timed alone.
        by_width[width] = {n: known[n] if n in known else _alone(*given[n], width) for n in given}
    at = {width: by_width[32 if width == 16 else width] for width in bb.WIDTHS}
    return {name: [max(LEAST, at[width][name]) for width in bb.WIDTHS] for name in given}


def _rows(model: nn.Module, example: Tensor, width: int) -> list[dict[str, Any]]:
    held = bb.prepare(model, example, weights=bb.fixed(width), inputs=bb.fixed(width), prune=None).eval()
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        export(held, example, onnx)
        return layers(compile_to_file(onnx), {INPUT: example.numpy()}, runs=RUNS)


def _inputs(model: nn.Module, example: Tensor) -> dict[str, tuple[nn.Module, Tensor]]:
    """Every layer that gets widths, bare, and the input it gets."""
    prepared = bb.prepare(model, example, prune=None).eval()
    given: dict[str, tuple[nn.Module, Tensor]] = {}
    for name, bits in bb.bit_layers(prepared).items():

        def note(_module: nn.Module, inputs: tuple[Tensor, ...], name: str = name, bits: bb.BitLayer = bits) -> None:
            given[name] = (bits.layer, inputs[0].detach())

        bits.register_forward_pre_hook(note)
    with torch.no_grad():
        prepared(example)
    return given


def _alone(layer: nn.Module, x: Tensor, width: int) -> float:
    return float(max(row["microseconds"] for row in _rows(nn.Sequential(layer), x, width)))
