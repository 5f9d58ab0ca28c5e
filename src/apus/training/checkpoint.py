"""Everything a killed run needs to go on as if nothing had happened, in one file written whole or not at all."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apus._files import write_atomically
from apus.errors import DataError


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint: to a temporary name, flushed to disk, then renamed.

    Args:
        path: replaced if there.
        state: tensors, numbers, text, lists and dictionaries of them.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint.

    Args:
        path: as given to `save`.

    Returns:
        The state, or None when there is no such file.

    Raises:
        DataError: the file is damaged; writing is atomic, so the disk or somebody else did it.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except FileNotFoundError:
        return None
    except Exception as error:  # torch raises many kinds for a damaged file
        raise DataError(f"{path}: damaged checkpoint ({error}); delete it to train this stage again") from None
    return state


def random_state() -> dict[str, Any]:
    """The state of every global generator that a user's model or data may draw from."""
    version, internal, gauss = random.getstate()
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - a user's code may still use it
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if _on_cuda() else None,
        "python": [version, list(internal), gauss],
        "numpy": [name, np.asarray(keys).tolist(), *rest],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` returned."""
    torch.set_rng_state(state["torch"])
    if state.get("cuda") is not None and _on_cuda():  # else the run goes on elsewhere
        torch.cuda.set_rng_state(state["cuda"])
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), *rest))  # noqa: NPY002


def _on_cuda() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def seed_all(seed: int) -> None:
    """Seed torch, Python and NumPy alike."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
