"""Examples: sources in memory, batches by place, augmentation by batch; pipelines that echo; what slows a training."""

from apus import _torch as _torch
from apus.data.arrays import Arrays, Dataset, hold_out
from apus.data.augment import Augment
from apus.data.batches import ArrayBatches, Batch, Batches, LoaderBatches, as_input
from apus.data.diagnosis import diagnose
from apus.data.echo_loader import echo
from apus.data.idx import read_idx
from apus.data.pipeline import Pipeline
from apus.data.sources import load

__all__ = [
    "ArrayBatches",
    "Arrays",
    "Augment",
    "Batch",
    "Batches",
    "Dataset",
    "LoaderBatches",
    "Pipeline",
    "as_input",
    "diagnose",
    "echo",
    "hold_out",
    "load",
    "read_idx",
]
