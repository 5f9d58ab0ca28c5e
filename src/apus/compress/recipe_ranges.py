"""Numbers of a recipe that could only fail or mislead later, refused before any work."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from apus.compress.recipe import Recipe
from apus.errors import RecipeError
from apus.techniques.bayesian_bits import WIDTHS
from apus.techniques.sparsity import check_options

Rule = tuple[Callable[[Any], bool], str]
SHARE: Rule = (lambda v: 0 <= v <= 1, "must lie in 0..1")
BELOW_ONE: Rule = (lambda v: 0 <= v < 1, "must lie in 0..1, below 1")
ABOVE: Rule = (lambda v: v > 0, "must be above 0")
NOT_BELOW: Rule = (lambda v: v >= 0, "must be 0 or more")
BITS: Rule = (lambda v: 2 <= v <= 8, "must lie in 2..8")
LEARNED_BITS: Rule = (lambda v: v in (0, *WIDTHS), "must be 2, 4, 8, 16 or 32, or 0 to learn it")
MOVES: Rule = (lambda v: -20 <= v <= 20, "must lie in -20..20, where a gate still moves")
COUNTS: Rule = (lambda v: bool(v) and min(v) >= 1, "must hold numbers above 0")
LEVELS: Rule = (lambda v: all(level >= 0 for level in v.values()), "must hold numbers of 0 or more")
GATES: Rule = (lambda v: all(g and min(g) >= 0 for g in v.values()), "must hold lists of numbers of 0 or more")

PER_STAGE: dict[str, dict[str, Rule]] = {
    "train": {
        **dict.fromkeys(("batch", "learning_rate"), ABOVE),
        **dict.fromkeys(("warmup", "final", "label_smoothing"), SHARE),
        **dict.fromkeys(("momentum", "rest_momentum", "ema"), BELOW_ONE),
        **dict.fromkeys(("epochs", "rest_learning_rate", "weight_decay", "clip"), NOT_BELOW),
        **dict.fromkeys(("checkpoint_seconds", "checkpoint_steps"), NOT_BELOW),
    },
    "distil": {
        "alpha": SHARE,
        "temperature": (lambda v: 0 < v <= 100, 'must be above 0 and at most 100; beyond, take loss = "mse"'),
        "class_dim": (lambda v: v == -1 or v >= 1, "must be 1 or more, or -1 for the last"),
        "feature_dim": (lambda v: v >= -1, "must be a dimension, -1 for the last, or 0"),
        "padding": (lambda v: v >= -1, "must be a token, or -1 for none"),
        **dict.fromkeys(("target", "others", "between", "within", "hidden_weight", "attention_weight"), NOT_BELOW),
    },
    "augment": {"shift": NOT_BELOW, "erase": NOT_BELOW},
}
"""Part of every stage → key → rule."""

RULES: dict[str, dict[str, Rule]] = {
    "": {
        "seed": (lambda v: 0 <= v < 2**32, "must lie in 0..4294967295"),
        "threads": (lambda v: 1 <= v <= 1024, "must lie in 1..1024"),
        "name": (lambda v: _is_plain(v), "must be a plain word, it names the folder"),
    },
    "data": {
        **dict.fromkeys(("valid", "limit", "size"), NOT_BELOW),
        "echo": (lambda v: v == 0 or v >= 1, "must be at least 1, or 0 to measure it"),
    },
    "teacher": {"count": ABOVE},
    "prune": {
        "sparsity": BELOW_ONE,
        **dict.fromkeys(("begin", "end", "exchange"), SHARE),
        "every": ABOVE,
        "levels": LEVELS,
        "gates": GATES,
        "calibrate": ABOVE,
    },
    "quantize": {"weight_bits": BITS, "activation_bits": BITS, "calibrate": ABOVE, "freeze": SHARE},
    "bits": {
        **dict.fromkeys(("weight_bits", "activation_bits"), LEARNED_BITS),
        "start_bits": (lambda v: v in WIDTHS, "must be 2, 4, 8, 16 or 32"),
        **dict.fromkeys(("start", "open"), MOVES),
        "prices": LEVELS,
        "mu": NOT_BELOW,
        "rate": ABOVE,
        "freeze": SHARE,
    },
    "verify": {
        "agreement": (lambda v: 0 <= v <= 100, "must lie in 0..100, it is in percent"),
        **dict.fromkeys(("steps", "torch_steps"), NOT_BELOW),
    },
    "measure": {"batches": COUNTS, "threads": COUNTS, "seconds": ABOVE},
}
"""Section → key → rule."""


def check_ranges(recipe: Recipe, origin: str) -> None:
    """Refuse a recipe with a number out of its range.

    Args:
        recipe: of the right types, every number finite.
        origin: named in errors.

    Raises:
        RecipeError: names section, key, value and range of the first.
    """
    for section, part, rules in _sections(recipe):
        for key, (holds, said) in rules.items():
            if not holds(getattr(part, key)):
                raise _refusal(origin, section, key, getattr(part, key), said)
    prune = recipe.prune
    if prune.begin > prune.end:
        raise _refusal(origin, "prune", "begin", prune.begin, f"must not be above end = {prune.end!r}")
    for pattern, level in prune.levels.items():
        if level * prune.sparsity >= 1:
            said = f"times sparsity = {prune.sparsity!r} must stay below 1"
            raise _refusal(origin, "prune", f"levels.{pattern}", level, said)
    try:
        check_options(prune.structure, prune.target, prune.levels, prune.balance, prune.gates)
    except ValueError as error:
        raise RecipeError(f"{origin}: [prune] {error}") from None
    if recipe.teacher.count > 1 and recipe.teacher.weights:
        raise _refusal(
            origin, "teacher", "count", recipe.teacher.count, "weights holds one trained teacher; leave it out"
        )
    if recipe.bits.enabled and recipe.quantize.enabled:
        raise _refusal(origin, "bits", "enabled", True, "takes the place of [quantize]: set its enabled = false")
    if recipe.bits.enabled and recipe.bits.train.optimizer != "adamw":
        raise _refusal(origin, "bits.train", "optimizer", recipe.bits.train.optimizer, "must be adamw: gates need it")


def _sections(recipe: Recipe) -> Iterator[tuple[str, Any, Mapping[str, Rule]]]:
    for section, rules in RULES.items():
        yield section, getattr(recipe, section) if section else recipe, rules
    for stage in ("teacher", "student", "prune", "quantize", "bits"):
        for name, rules in PER_STAGE.items():
            part = getattr(getattr(recipe, stage), name, None)
            if part is not None:  # the teacher has no teacher
                yield f"{stage}.{name}", part, rules


def _refusal(origin: str, section: str, key: str, value: Any, said: str) -> RecipeError:
    return RecipeError(f"{origin}: {f'[{section}] ' if section else ''}{key} = {value!r}: {said}")


def _is_plain(name: str) -> bool:
    return name == Path(name).name and name not in ("", "..") and name.isprintable() and "\\" not in name
