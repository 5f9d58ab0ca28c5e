"""The tables of kernels, read as text: on any processor, also of those that no test machine has."""

import re
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "cpp" / "kernels"
TABLES = sorted({path.parent / "table.inc" for path in KERNELS.glob("*/x86_*.cc")} - {KERNELS / "roofline/table.inc"})
# Ascending, as in cpp/base/isa.h; a file is named after the architecture and the set.
SETS = {"aarch64": ("arm", ["neon", "dotprod"]), "x86_64": ("x86", ["avx2", "avx512", "vnni", "bf16", "amx"])}
# Faster ways to what other kernels compute, taken only where there is a row: they need no scalar one.
OPTIONAL = {"conv_depthwise_rows", "linear_dense", "linear_windows", "planes"}


def rows(text: str) -> list[str]:
    """The set of each row, in order; a row names it first, or last in the name of its table."""
    found = re.findall(r"^[A-Z_0-9]+\((?:(\w+), .*|\w+?_([a-z0-9]+))\)$", text, re.M)
    return [first or last for first, last in found]


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.parent.name)
def test_every_processor_finds_a_row(table: Path) -> None:
    text = table.read_text()
    for architecture, (prefix, sets) in SETS.items():
        mine = rows("".join(re.findall(rf"#if defined\(__{architecture}__\)\n(.*?)#endif", text, re.S)))
        assert set(mine) <= set(sets), f"{architecture} has no such set"
        files = {path.stem.removeprefix(f"{prefix}_") for path in table.parent.glob(f"{prefix}_*.cc")}
        assert set(mine) == files or table.parent.name == "planes", "a row without a file, or a file without a row"
    common = rows(re.sub(r"#if defined.*?#endif\n?", "", text, flags=re.S))
    assert set(common) == (set() if table.parent.name in OPTIONAL else {"scalar"})


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.parent.name)
def test_rows_of_a_kind_come_best_first(table: Path) -> None:
    order = ["scalar", *(one for _, sets in SETS.values() for one in sets)]
    kinds: dict[str, list[int]] = {}
    for line in re.findall(r"^[A-Z_0-9]+\(\w+, .*\)$", table.read_text(), re.M):
        name, one = line.split("(")[0], rows(line)[0]
        shape = ", ".join(re.findall(r"\b(?:planes_to_rows|planes|rows_of_runs|rows|channel|u8|f32)\b", line))
        kinds.setdefault(f"{name} {shape}", []).append(order.index(one))
    for kind, found in kinds.items():
        for architecture in (order[:3], [order[0], *order[3:]]):
            mine = [i for i in found if order[i] in architecture]
            assert mine == sorted(mine, reverse=True), kind
