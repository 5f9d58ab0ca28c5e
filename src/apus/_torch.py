"""PyTorch, or an error that names what brings it: the first import of every package that trains."""

from apus.errors import MissingExtraError

try:
    import torch as torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise MissingExtraError("training needs PyTorch: pip install 'apus-ml[train]'") from None
