"""The page of operators: what compiles, over which dtypes, and what is refused and why."""

from collections import defaultdict
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

| operator | tests | why |
|---|---|---|
{refused}
"""


def _reason(why: str) -> str:
    """The part of a refusal that speaks of no particular node."""
    text = why.split(": ", 1)[-1]
    for mark in ("; tensors of", " are supported"):
        text = text.split(mark)[0]
    return text.replace("|", "/")[:110]


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
        refused="\n".join(f"| {op} | {len(why)} | {min(why)} |" for op, why in sorted(refused.items())),
    )
