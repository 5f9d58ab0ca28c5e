"""Which line of the user's own code an operation comes from."""

import sys
import sysconfig
from pathlib import Path
from types import FrameType

import torch

_TORCH = str(Path(torch.__file__).parent)
_DATA = f"{_TORCH}/utils/data/"
_NOT_ASKED_FOR = (f"{_TORCH}/optim/", f"{_TORCH}/autograd/graph.py")
_APUS = str(Path(__file__).parents[2])
_NOT_THE_USERS = (*{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}, _TORCH, _APUS, "<")


def user_line() -> str | None:
    """The innermost line of user code on the stack.

    Returns:
        `file:line`; None inside a data pipeline, whose work stalls no device, and in an optimizer's or the
        backward pass's own operations, which the forward pass decides.
    """
    frame: FrameType | None = sys._getframe(1)
    found: str | None = None
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_DATA) or (found is None and name.startswith(_NOT_ASKED_FOR)):
            return None
        if found is None and not name.startswith(_NOT_THE_USERS):
            found = f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return found
