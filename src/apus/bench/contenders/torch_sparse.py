"""PyTorch's own sparse matrices: a chain of linear layers or 1x1 convolutions, by `torch.sparse` in CSR or BSR.

Activations stay [features, columns] between layers, which suits `torch.sparse.mm` best.
"""

import warnings
from typing import Any

import torch

from apus.bench.protocol import Array, Inputs, Runner
from apus.errors import RunError


class Engine:
    """`nn.Sequential` of Linear or 1x1 Conv2d, and ReLU; `layout` is `csr`, or `bsr` with square blocks of 16."""

    def __init__(self, model: Any, *, label: str, network: str, layout: str = "csr") -> None:
        self.label, self.network, self.layout = label, network, layout
        self.layers = [_matrix(module, layout) for module in model]

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Set the threads of the process."""
        torch.set_num_threads(threads)
        (array,) = inputs.values()
        x = torch.from_numpy(array)

        def run() -> list[Array]:
            with torch.inference_mode():
                image = x.ndim == 4
                y = x.reshape(x.shape[1], -1) if image else x.T
                for layer in self.layers:
                    y = y.relu() if layer is None else torch.addmm(layer[1], layer[0], y)
                return [(y.reshape(1, -1, *x.shape[2:]) if image else y.T).contiguous().numpy()]

        return run

    def settings(self) -> dict[str, object]:
        """Version and layout."""
        return {"version": torch.__version__, "layout": self.layout}


def _matrix(module: torch.nn.Module, layout: str) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Sparse weight and a bias column; None for ReLU."""
    if isinstance(module, torch.nn.ReLU):
        return None
    pointwise = isinstance(module, torch.nn.Conv2d) and module.kernel_size == (1, 1)
    weight, bias = module.weight, module.bias
    if not (pointwise or isinstance(module, torch.nn.Linear)) or not isinstance(bias, torch.Tensor):
        raise RunError(f"torch.sparse has no convolution: {module} is neither Linear nor a 1x1 Conv2d with bias")
    dense = torch.as_tensor(weight).detach().flatten(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse (CSR|BSR)")  # "is in beta state"
        matrix = dense.to_sparse_csr() if layout == "csr" else dense.to_sparse_bsr((16, 16))
    return matrix, bias.detach()[:, None]
