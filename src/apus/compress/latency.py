"""What each layer takes in the engine, here, at each width: the price that Bayesian Bits pay in the place of BOPs."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

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
    by_width: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for width in ENGINE_WIDTHS:
            held = bb.prepare(model, example, weights=bb.fixed(width), inputs=bb.fixed(width), prune=None).eval()
            onnx = Path(folder) / f"{width}.onnx"
            export(held, example, onnx)
            rows = layers(compile_to_file(onnx), {INPUT: example.numpy()}, runs=RUNS)
            by_width[width] = {row["name"]: row["microseconds"] for row in rows}
    names = bb.bit_layers(bb.prepare(model, example, prune=None))
    at = {width: by_width[32 if width == 16 else width] for width in bb.WIDTHS}
    return {name: [max(LEAST, at[width].get(name, LEAST)) for width in bb.WIDTHS] for name in names}
