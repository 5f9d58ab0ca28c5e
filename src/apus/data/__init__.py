"""Examples: sources in memory, batches by place, augmentation by batch."""

from apus.data.arrays import Arrays, Dataset, hold_out
from apus.data.augment import Augment
from apus.data.batches import ArrayBatches, Batch, Batches, LoaderBatches, as_input
from apus.data.idx import read_idx
from apus.data.sources import load

__all__ = [
    "ArrayBatches",
    "Arrays",
    "Augment",
    "Batch",
    "Batches",
    "Dataset",
    "LoaderBatches",
    "as_input",
    "hold_out",
    "load",
    "read_idx",
]
