"""TorchTPU's defects and private calls: a version-gated table, and every private call of the package, here alone.

Each row was seen in the versions it names, on XLA's CPU plug-in standing in for the TPU library.
`tests/training/test_quirks.py` has one test a row, which fails both when the cure stops working and when the defect is
gone, so a row cannot outlive its reason.
"""

import functools
import importlib.metadata
import importlib.util
import os
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from apus.errors import MissingExtraError

TESTED = ("0.2.0",)  # torch-tpu versions the table was checked against


@dataclass(frozen=True)
class Quirk:
    """One defect: what a user would see, where, and what we do about it."""

    name: str
    symptom: str
    versions: tuple[str, ...]
    cure: str
    apply: Callable[[nn.Module], None] | None = None

    def affects(self, version: str | None) -> bool:
        """Whether this torch-tpu version shows the defect.

        Args:
            version: as its metadata says, or None when torch-tpu is absent.

        Returns:
            True for the versions it was seen in.
        """
        return version in self.versions


def _batch_norm(self: nn.modules.batchnorm._BatchNorm, x: Tensor) -> Tensor:
    # y = γ (x - μ) / sqrt(σ² + ε) + β, σ² = mean (x - μ)²; TorchTPU's own errs as if σ² were mean x² - μ²
    if x.device.type != "tpu" or not (self.training or self.running_mean is None):
        return type(self).forward(self, x)
    self._check_input_dim(x)  # type: ignore[no-untyped-call]
    dims, shape = [dim for dim in range(x.dim()) if dim != 1], [-1 if dim == 1 else 1 for dim in range(x.dim())]
    values = x.float()
    mean = values.mean(dims)
    centred = values - mean.reshape(shape)
    variance = centred.square().mean(dims)
    _track(self, mean.detach(), variance.detach(), x.numel() // x.shape[1])
    y = centred * torch.rsqrt(variance + self.eps).reshape(shape)
    if self.weight is not None:
        y = y * self.weight.reshape(shape) + self.bias.reshape(shape)
    return y.to(x.dtype)


@torch.no_grad()
def _track(module: nn.modules.batchnorm._BatchNorm, mean: Tensor, variance: Tensor, count: int) -> None:
    # running <- (1 - a) running + a batch, σ² unbiased; a is the momentum, or 1 / batches for a plain average
    if module.running_mean is None or module.running_var is None or module.num_batches_tracked is None:
        return
    module.num_batches_tracked.add_(1)
    rate = module.momentum if module.momentum is not None else 1.0 / module.num_batches_tracked.float()
    module.running_mean.lerp_(mean, rate)
    module.running_var.lerp_(variance * (count / max(1, count - 1)), rate)


def batch_norm_in_two_passes(model: nn.Module) -> None:
    """Give every BatchNorm of `model` a forward that writes its running statistics, and loses no digits.

    Args:
        model: changed in place; on devices other than `tpu` it computes as before.
    """
    for module in model.modules():
        if type(module).forward is nn.modules.batchnorm._BatchNorm.forward:
            module.forward = types.MethodType(_batch_norm, module)


def _to_weight_type(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    weight = getattr(module, "weight", None)
    return inputs if weight is None else (inputs[0].to(weight.dtype), *inputs[1:])


def norm_in_weight_type(model: nn.Module) -> None:
    """Feed every LayerNorm of `model` in its weights' type: bf16 in, fp32 weights does not lower.

    Args:
        model: changed in place.
    """
    for module in model.modules():
        placed_before = _to_weight_type in module._forward_pre_hooks.values()
        if isinstance(module, nn.LayerNorm) and not placed_before:
            module.register_forward_pre_hook(_to_weight_type)


def _fake_quantize(x: Tensor, scale: Tensor, zero: Tensor, axis: int, low: int, high: int) -> tuple[Tensor, Tensor]:
    # q = round(x / s + z); the value is (clamp(q) - z) s, and the gradient passes where q was not clamped.
    shape = [-1 if dim == axis else 1 for dim in range(x.dim())]
    scale, zero = scale.reshape(shape), zero.reshape(shape).to(x.dtype)
    level = torch.round(x * (1.0 / scale) + zero)
    return (level.clamp(low, high) - zero) * scale, (level >= low) & (level <= high)


def _fake_quantize_tensor(
    x: Tensor, scale: Tensor, zero: Tensor, on: Tensor, low: int, high: int
) -> tuple[Tensor, Tensor]:
    level = torch.round(x * (1.0 / scale)) + zero.to(x.dtype)
    value = (level.clamp(low, high) - zero.to(x.dtype)) * scale
    idle = on.reshape(()) == 0  # then x stays as it is
    return torch.where(idle, x, value), ((level >= low) & (level <= high)) | idle


def _scan(combine: Callable[..., Tensor], x: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    # Hillis, Steele 1986: after k rounds an entry holds the 2^k values that end with it.
    result = x.to(dtype or (x.dtype if x.is_floating_point() else torch.int64))
    size, reach = x.shape[dim] if x.dim() else 1, 1
    while reach < size:
        first, late = result.narrow(dim, 0, reach), result.narrow(dim, reach, size - reach)
        result = torch.cat([first, combine(late, result.narrow(dim, 0, size - reach))], dim)
        reach *= 2
    return result


SCANS: dict[str, Callable[..., Tensor]] = {"cumsum": torch.add, "cumprod": torch.mul}


@functools.cache
def _library() -> torch.library.Library:
    return torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]


FAKE_QUANTIZE = {
    "fake_quantize_per_channel_affine_cachemask": _fake_quantize,
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams": _fake_quantize_tensor,
}


@functools.cache
def _operators() -> None:
    for name, operator in FAKE_QUANTIZE.items():
        _library().impl(name, operator, "PrivateUse1")  # type: ignore[no-untyped-call]


def add_fake_quantize(_model: nn.Module) -> None:
    """Give device `tpu` the operators of quantisation-aware training, in elementary operations."""
    _operators()


QUIRKS = (
    Quirk(
        "batch-norm-statistics",
        "BatchNorm's running mean and variance never change; training looks right, eval() is wrong",
        TESTED,
        "its forward is ours, and updates them",
        batch_norm_in_two_passes,
    ),
    Quirk(
        "batch-norm-digits",
        "BatchNorm loses digits where |μ| > σ: at |μ| = 100 σ its outputs are wrong by 4e-3, on a CPU by 4e-6",
        TESTED,
        "its forward is ours, in two passes",
        batch_norm_in_two_passes,
    ),
    Quirk(
        "bf16-layer-norm",
        "under bf16 autocast, LayerNorm with fp32 weights: 'broadcast_in_dim requires compatible element types'",
        TESTED,
        "a forward hook casts the input to the weights' type",
        norm_in_weight_type,
    ),
    Quirk(
        "fake-quantize",
        "'aten::fake_quantize_per_channel_affine_cachemask' and its sister per tensor are not implemented for TPU",
        TESTED,
        "registered from elementary operations",
        add_fake_quantize,
    ),
    Quirk(
        "hang-without-tpu",
        "on a machine without a TPU the first backward() waits minutes for cloud metadata",
        TESTED,
        "TPU_SKIP_MDS_QUERY=1 is set before anything runs",
    ),
    Quirk(
        "parameters-replaced",
        "model.to('tpu') makes new parameters: an optimizer built before it trains the old ones, silently",
        TESTED,
        "Runtime.setup rebinds the optimizers it is given, and must come before the others are built",
    ),
)


def installed() -> str | None:
    """Version of torch-tpu here.

    Returns:
        Its version, or None when it is absent.
    """
    try:
        return importlib.metadata.version("torch-tpu")
    except importlib.metadata.PackageNotFoundError:
        return None


def registered() -> bool:
    """Whether device `tpu` exists: torch-tpu found one when torch was imported, or it is emulated."""
    return bool(torch._C._get_privateuse1_backend_name() == "tpu")


def avoid_hang() -> None:
    """Keep libtpu from asking the cloud who it is, where no TPU was found."""
    if installed() is not None and not registered():
        os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")


def cure(model: nn.Module) -> list[str]:
    """Apply every cure that the installed torch-tpu needs to `model`.

    Args:
        model: changed in place.

    Returns:
        Names of the quirks cured.
    """
    version = installed()
    needed = [quirk for quirk in QUIRKS if quirk.apply is not None and quirk.affects(version)]
    for quirk in needed:
        assert quirk.apply is not None
        quirk.apply(model)
    return [quirk.name for quirk in needed]


def compilations(device: torch.device) -> int:
    """Programs compiled so far in this process.

    Args:
        device: on `tpu` the plug-in's own counter (drained first: it is asynchronous); elsewhere torch.compile's.

    Returns:
        A count that only grows.
    """
    if device.type == "tpu":
        torch.accelerator.synchronize()
        return int(torch.tpu._get_cache_stats().num_compilations)  # type: ignore[attr-defined]
    from torch._dynamo.utils import counters  # heavy: only where something was compiled

    return int(counters["stats"]["unique_graphs"])


def _package_file(package: str, *parts: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations)), *parts)
    return path if path.exists() else None


def eager_plugin() -> Path | None:
    """OpenXLA's CPU plug-in, which runs TorchTPU's eager programs.

    Returns:
        The shared library, or None when `xla-cpu-pjrt` is absent.
    """
    return _package_file("xla_plugins", "xla_cpu_pjrt", "xla_cpu_pjrt.so")


def compiling_plugin() -> Path | None:
    """The newer CPU plug-in that `torch.compile` needs, to be loaded through `pjrt_shim.c`.

    Returns:
        The shared library, or None when `lammps-jax-pjrt-cpu` is absent.
    """
    return _package_file("lammps_jax_pjrt_cpu", "pjrt_c_api_cpu_plugin.so")


def start_emulated() -> None:
    """Register device `tpu` on the plug-in that `TPU_LIBRARY_PATH` named when torch was imported.

    The variable must be set before that, since torch loads the library then: `apus tpu run` does.
    """
    if registered():
        return
    if installed() is None:
        raise MissingExtraError("device tpu needs torch-tpu: pip install 'apus-ml[tpu]'")
    from torch_tpu import _loader  # type: ignore[import-not-found]  # private: there is no official CPU mode

    _loader._init_device("tpu")
    # Attention lowers to a kernel that only a TPU has, and scans to an operation younger than the CPU plug-ins.
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    for name, combine in SCANS.items():
        _library().impl(name, functools.partial(_scan, combine), "PrivateUse1")  # type: ignore[no-untyped-call]
