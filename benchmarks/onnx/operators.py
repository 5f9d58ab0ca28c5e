"""The page of operators: what compiles, over which dtypes, and what is refused and why."""

import re
from collections import Counter, defaultdict
from typing import Any

import onnx

from apus.artifact.operators import DTYPES, ELEMENTWISE
from apus.compile import supported

HEAD = """# Operators

Written by `make bench-onnx`. Dtypes: {dtypes}. float16 is computed in float32 and rounded where the model casts and at
its outputs. bfloat16, float8, 4 and 2 bits are refused as inputs; as quantised weights they are taken.

## By operations of the engine ({handled})

{supported}

## By the body that the standard gives them ({bodies})

{functions}

## Element by element

| function | dtypes |
|---|---|
{elementwise}

## Refused in ONNX's own tests

| operator | tests | why (how many) |
|---|---|---|
{refused}
"""


def _reason(why: str) -> str:
    """The part of a refusal that speaks of no particular node."""
    text = re.sub(r"( of)? node '[^']*'", "", why.split(": ", 1)[-1])
    text = re.sub(r"^input '[^']*'", "an input", text)
    for mark in ("; tensors of", " are supported"):
        text = text.split(mark)[0]
    return text.replace("|", "/")[:120]


def _reasons(all_of_them: list[str]) -> str:
    """Each reason once, the most frequent first; how often, where there are several."""
    found = sorted(Counter(all_of_them).items(), key=lambda each: (-each[1], each[0]))
    if len(found) == 1:
        return found[0][0]
    return "; ".join(f"{why} ({count})" for why, count in found)


def page(records: list[dict[str, Any]]) -> str:
    """The page.

    Args:
        records: verdicts of `benchmarks.onnx.suite`.

    Returns:
        Markdown.
    """
    mine = supported()
    schemas = [s for s in onnx.defs.get_all_schemas() if s.domain == ""]
    bodies = sorted({s.name for s in schemas if s.has_function or s.has_context_dependent_function} - set(mine))
    refused: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record["native"] == "refused":
            refused[record["operator"]].append(_reason(record["why"]))
    return HEAD.format(
        dtypes=" ".join(sorted(DTYPES)),
        handled=len(mine),
        supported=" ".join(mine),
        bodies=len(bodies),
        functions=" ".join(bodies),
        elementwise="\n".join(f"| {name} | {' '.join(sorted(row.dtypes))} |" for name, row in ELEMENTWISE.items()),
        refused="\n".join(f"| {op} | {len(why)} | {_reasons(why)} |" for op, why in sorted(refused.items())),
    )
