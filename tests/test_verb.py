"""A package that is also a verb answers calls and keeps its submodules."""

import sys
from types import ModuleType

from apus._verb import make_callable


def test_a_package_answers_calls_and_stays_a_package() -> None:
    package = ModuleType("chirp")
    package.__dict__.update(__verb__=lambda a, *, b: a + b, submodule=3)
    sys.modules["chirp"] = package
    try:
        make_callable("chirp")
        assert package(1, b=2) == 3
        assert isinstance(package, ModuleType)
        assert package.submodule == 3
    finally:
        del sys.modules["chirp"]


def test_the_three_verbs_are_callable() -> None:
    import apus.compile
    import apus.compress

    assert all(callable(verb) for verb in (apus.compile, apus.compress, apus.quantize))
