"""SparseML's recipes become ours: gradual magnitude pruning and quantisation; whatever has no equal here is refused.

Needs PyYAML, which is in none of our extras.
"""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apus._files import existing_file
from apus.errors import MissingExtraError, RecipeError

Modifier = dict[str, Any]
KEYS = {
    "EpochRangeModifier": {"start_epoch", "end_epoch"},
    "GMPruningModifier": {
        *("start_epoch", "end_epoch", "init_sparsity", "final_sparsity", "update_frequency", "params"),
        *("inter_func", "mask_type", "leave_enabled"),
    },
    "QuantizationModifier": {"start_epoch", "freeze_bn_stats_epoch", "disable_quantization_observer_epoch"},
}
ONLY = {
    "inter_func": ("cubic",),
    "mask_type": ("unstructured", [16, 1], [16, 4]),
    "leave_enabled": (True,),
}
"""Values that mean what we do; others name another method. A mask type [16, 1] is 16 outputs by 1 input."""
ALL = ("__ALL__", "__ALL_PRUNABLE__")


def read_sparseml(path: Path) -> dict[str, Any]:
    """The sections `[prune]` and `[quantize]` of a SparseML recipe, to be merged into a recipe's table.

    Epochs count from the start of pruning. Our cubic rises from 0, so `init_sparsity`, also one that is read from the
    network (`[x]`), is not taken over; nor is `freeze_bn_stats_epoch`, as we fold normalisation before we quantise, nor
    `update_frequency`, which is in epochs where `every` is in steps. Masks that are not said to be [16, 1] or [16, 4]
    are unstructured: set `structure = "16x1"` for speed. Several GMPruningModifiers of different `params` become
    `levels`; `re:` patterns are taken over where their only wildcard is `.*`.

    Args:
        path: a YAML file, or Markdown that begins with YAML between lines of dashes, with an
            EpochRangeModifier and GMPruningModifier or QuantizationModifier.

    Returns:
        A table for `recipe_file.from_table`; a stage that the file does not name has `enabled = false`.

    Raises:
        RecipeError: not YAML, no such file, or a modifier, key or value that we have no equal for; names it.
        MissingExtraError: PyYAML is not installed.
    """
    found = _modifiers(_tree(path), str(path))
    if "EpochRangeModifier" not in found:
        raise RecipeError(f"{path}: no EpochRangeModifier, so how long to train is not said; add one")
    epochs = found["EpochRangeModifier"][0]
    last = _number(epochs, "end_epoch", path)
    if epochs.get("start_epoch", 0) != 0:
        raise RecipeError(f"{path}: EpochRangeModifier: start_epoch = {epochs['start_epoch']!r}: only 0")
    (quantize,) = found.get("QuantizationModifier", [None])
    turn = _number(quantize, "start_epoch", path) if quantize else last
    if not 0 < turn <= last:
        raise RecipeError(f"{path}: quantisation starts at epoch {turn}, outside the {last} epochs of the recipe")
    return {"prune": _prune(found, turn, path), "quantize": _quantize(quantize, turn, last, path)}


def _prune(found: Mapping[str, list[Modifier]], epochs: float, path: Path) -> dict[str, Any]:
    pruning = found.get("GMPruningModifier")
    if not pruning:
        return {"enabled": False}
    begin, end = _number(pruning[0], "start_epoch", path), _number(pruning[0], "end_epoch", path)
    if not 0 <= begin <= end <= epochs:
        raise RecipeError(f"{path}: pruning from epoch {begin} to {end} does not fit before epoch {epochs}")
    for key in ("start_epoch", "end_epoch", "mask_type"):
        if any(each.get(key) != pruning[0].get(key) for each in pruning):
            raise RecipeError(f"{path}: GMPruningModifiers differ in {key}; our stage has one")
    kind = pruning[0].get("mask_type", "unstructured")
    structure = kind if isinstance(kind, str) else "x".join(map(str, kind))
    finals = [_number(each, "final_sparsity", path) for each in pruning]
    table = {"structure": structure, "sparsity": max(finals), "begin": begin / epochs, "end": end / epochs}
    return table | _levels(pruning, finals, path) | {"train": {"epochs": epochs}}


def _levels(pruning: list[Modifier], finals: list[float], path: Path) -> dict[str, Any]:
    """`levels` of layers that are pruned differently; what no modifier names stays dense."""
    rest, levels = 0.0, dict[str, float]()
    for modifier, final in zip(pruning, finals, strict=True):
        share, params = final / (max(finals) or 1.0), modifier.get("params", ALL[0])
        if params in ALL:
            rest = share
            continue
        if not isinstance(params, list) or not params:
            raise RecipeError(f"{path}: params = {params!r}: a list of weights, or {' or '.join(ALL)}")
        levels |= {_layer(str(name), path): share for name in params}
    return {"levels": levels | {"*": rest}} if levels else {}


def _layer(param: str, path: Path) -> str:
    """Name pattern of the layer whose weight SparseML names, or matches by `re:`."""
    is_regex = param.startswith("re:")
    name = param.removeprefix("re:").replace("\\.", ".").removesuffix("$").removeprefix("^") if is_regex else param
    plain = name.replace(".*", "*") if is_regex else name
    if not plain.endswith(("weight", "*")) or re.search(r"[][()+?|{}\\^$]" if is_regex else r"[][*?]", plain):
        raise RecipeError(
            f"{path}: params: {param!r}: name a layer's weight, as 'layer.weight' or 're:layers.*.weight'"
        )
    return plain.removesuffix("weight").removesuffix(".") or "*"


def _quantize(quantize: Modifier | None, turn: float, last: float, path: Path) -> dict[str, Any]:
    if quantize is None:
        return {"enabled": False}
    if turn == last:
        raise RecipeError(f"{path}: quantisation starts at epoch {turn}, the last; nothing would be trained")
    table: dict[str, Any] = {"weight_bits": 8, "activation_bits": 8, "train": {"epochs": last - turn}}
    if "disable_quantization_observer_epoch" in quantize:
        stop = _number(quantize, "disable_quantization_observer_epoch", path)
        if stop >= 0 and not turn <= stop <= last:
            raise RecipeError(f"{path}: observers stop at epoch {stop}, outside quantisation's {turn} to {last}")
        table["freeze"] = (stop - turn) / (last - turn) if stop >= 0 else 1.0  # -1 is never
    return table


def _tree(path: Path) -> Any:
    try:
        yaml = importlib.import_module("yaml")
    except ModuleNotFoundError:
        raise MissingExtraError("SparseML recipes are YAML: pip install pyyaml") from None

    class Loader(yaml.SafeLoader):  # type: ignore[name-defined, misc]
        """Plain YAML, in which `!Name` marks a modifier."""

    Loader.add_multi_constructor("!", lambda loader, name, node: {name: loader.construct_mapping(node, deep=True)})
    try:
        return yaml.load(_without_prose(existing_file(path).read_text()), Loader)
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise RecipeError(str(error)) from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {error}") from None


def _without_prose(text: str) -> str:
    """The YAML of a recipe in Markdown, where it stands between two lines of dashes at the top."""
    parts = re.split(r"^---\s*$", text, maxsplit=2, flags=re.MULTILINE)
    return parts[1] if len(parts) == 3 and not parts[0].strip() else text


def _modifiers(tree: Any, origin: str) -> dict[str, list[Modifier]]:
    """Each modifier of any list named `…modifiers`; of all kinds but pruning at most one."""
    lists = tree.items() if isinstance(tree, dict) else ()
    found: dict[str, list[Modifier]] = {}
    for section, entries in lists:
        if not str(section).endswith("modifiers") or not isinstance(entries, list):
            raise RecipeError(f"{origin}: {section!r} is no list of modifiers; SparseML's variables are not evaluated")
        for entry in entries:
            name, keys = (
                next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else (str(entry), None)
            )
            _refuse(name, keys, origin)
            if name in found and name != "GMPruningModifier":
                raise RecipeError(f"{origin}: two of {name}; one is the most that a stage can hold")
            found.setdefault(name, []).append(dict(keys or {}))
    return found


def _refuse(name: str, keys: Any, origin: str) -> None:
    if name not in KEYS or not isinstance(keys, dict):
        raise RecipeError(f"{origin}: unknown modifier {name}; there are {', '.join(KEYS)}")
    for key, value in keys.items():
        if key not in KEYS[name]:
            raise RecipeError(f"{origin}: {name}: no equal of {key!r} here; there are {', '.join(sorted(KEYS[name]))}")
        if key in ONLY and value not in ONLY[key]:
            raise RecipeError(f"{origin}: {name}: {key} = {value!r}: only {' or '.join(map(repr, ONLY[key]))}")


def _number(modifier: Modifier, key: str, path: Path) -> float:
    value = modifier.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecipeError(f"{path}: {key} = {value!r}: must be a number")
    return float(value)
