"""A verb that is also a package: `apus.compress(...)` beside `apus.compress.recipe`.

Python lets a module's class be replaced (data model, "Customizing module attribute access"),
so the package object itself answers calls and nothing shadows anything.
"""

import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__dict__["__verb__"](*args, **kwargs)


def make_callable(package: str) -> None:
    """Let `package(...)` call the function that the package binds as `__verb__`.

    Args:
        package: the package's `__name__`, already in `sys.modules`.
    """
    sys.modules[package].__class__ = _Verb
