"""Outputs of inner layers, tapped while a network runs, and nothing left behind."""

import fnmatch
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from apus.errors import NothingMatchedError


def matching(model: nn.Module, pattern: str) -> list[str]:
    """Names of the modules that a pattern names, in the model's order.

    Args:
        model: the network.
        pattern: as `blocks.*`; a star does not cross a dot, so `blocks.*` are the blocks, not what is inside them.

    Returns:
        The names, at least one.

    Raises:
        NothingMatchedError: there is none; lists what stands at this depth.

    >>> matching(nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU())), "*")
    ['0', '1']
    """
    every = model.named_modules(remove_duplicate=False)
    level = [name for name, _ in every if name and name.count(".") == pattern.count(".")]
    found = fnmatch.filter(level, pattern)
    if not found:
        raise NothingMatchedError(
            f"{pattern!r} matches no module; at this depth there are {', '.join(level) or 'none'}"
        )
    return found


class Taps:
    """What chosen modules gave in the latest forward pass, by name: `with Taps(model, "blocks.*") as taps: ...`.

    The hooks go when the block is left, by an error too. A module that runs twice in a pass is known by its last run,
    and what the next layer does in place does not show. Tap a network before it is compiled: compiled passes run none.

    Args:
        model: the network.
        *wanted: modules of it, or name patterns as in `matching`.

    Raises:
        NothingMatchedError: a pattern or module is not found, or none is wanted.
    """

    def __init__(self, model: nn.Module, *wanted: str | nn.Module) -> None:
        names = {module: name for name, module in model.named_modules()}
        if not wanted:
            raise NothingMatchedError("no tap is wanted; give a name pattern such as 'blocks.*', or a module")
        self.modules: dict[str, nn.Module] = {}
        for each in wanted:
            if isinstance(each, nn.Module) and each not in names:
                raise NothingMatchedError(f"{type(each).__name__} given as a tap is no module of this network")
            found = [names[each]] if isinstance(each, nn.Module) else matching(model, each)
            self.modules |= {name: model.get_submodule(name) for name in found}
        self.outputs: dict[str, Any] = {}
        self._versions: dict[str, int] = {}
        self._model, self._handles = model, list[RemovableHandle]()
        self._copies = any(getattr(module, "inplace", False) for module in model.modules())

    def __enter__(self) -> "Taps":
        self._handles.append(self._model.register_forward_pre_hook(self._forget))
        for name, module in self.modules.items():
            self._handles.append(module.register_forward_hook(self._keeper(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _keeper(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            if module is not self.modules[name]:  # a copy of the network has the hook, too
                return
            copied = self._copies and isinstance(output, Tensor)
            self.outputs[name] = output.clone() if copied else output
            self._versions[name] = _version(self.outputs[name])

        return keep

    def _forget(self, model: nn.Module, inputs: Any) -> None:
        if model is self._model:
            self.outputs.clear()

    def __getitem__(self, name: str) -> Tensor:
        """The output of a tapped module; of several (a tuple, as attention gives) the first.

        Args:
            name: of the module.

        Returns:
            What it gave in the latest pass.

        Raises:
            NothingMatchedError: the module is not tapped, or has not run.
            ValueError: an operation in place has changed the output since.
        """
        if name not in self.outputs:
            why = "has not run yet" if name in self.modules else f"is not tapped; there are {', '.join(self.modules)}"
            raise NothingMatchedError(f"tap {name!r} {why}")
        output = self.outputs[name]
        if _version(output) != self._versions[name]:
            raise ValueError(f"tap {name!r}: its output was changed in place after it: tap the module that changed it")
        first: Tensor = output[0] if isinstance(output, Sequence) else output
        return first


def _version(output: Any) -> int:
    """Counts the operations in place on a tensor; inference mode counts none."""
    return output._version if isinstance(output, Tensor) and not output.is_inference() else 0
