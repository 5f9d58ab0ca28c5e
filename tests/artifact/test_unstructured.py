"""Single weights: packed, unpacked, and refused by both readers where they break SPEC.md §3 or §6.8."""

import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import Builder, quantised, real

from apus import _native
from apus.artifact import Array, pack_unstructured, read, to_bytes, unpack_unstructured
from apus.errors import ArtifactError


@settings(max_examples=80, deadline=None)
@given(
    rows=st.integers(1, 70), columns=st.integers(1, 70), density=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    dtype=st.sampled_from(["float32", "int8"]), seed=st.integers(0, 99),
)  # fmt: skip
def test_unpack_inverts_pack(rows: int, columns: int, density: float, dtype: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    keep = random.random((rows, columns)) < density
    matrix = (random.integers(-127, 128, (rows, columns)) * keep).astype(dtype)
    packed = pack_unstructured(matrix)
    assert packed.values.dtype == matrix.dtype and (packed.values != 0).all()
    assert packed.strips[0] == 0 and packed.strips[-1] == np.count_nonzero(matrix)
    assert (unpack_unstructured(packed, columns) == matrix).all()


@pytest.mark.parametrize(("columns", "dtype"), [(1 << 16, "uint16"), ((1 << 16) + 1, "uint32")])
def test_column_dtype_follows_the_width(columns: int, dtype: str) -> None:
    matrix = np.zeros((1, columns), np.float32)
    matrix[0, -1] = 1
    packed = pack_unstructured(matrix)
    assert packed.columns.dtype == dtype and packed.columns.item() == columns - 1


def verdicts(roles: dict[str, Array], dtype: str, output: int = 4) -> list[str]:
    """What each reader says of a layer of eight inputs: empty where it accepts."""
    b = Builder()
    x = b.input("x", real(1, 8) if dtype == "float32" else quantised(1, 8))
    b.graph.outputs = [b.node("linear", [x], real(1, output), roles, channels=output, format="unstructured")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["apus.artifact.write"], "read", lambda data: None)  # to_bytes() would refuse
        data, said = to_bytes(b.graph), []
    for reader in (read, _native.Model.from_bytes):
        try:
            reader(data)
            said.append("")
        except ArtifactError as error:
            said.append(str(error))
    return said


def roles(dtype: str = "float32") -> dict[str, Array]:
    matrix = np.array([[0] * 8, [1] * 8, [0, 2, 0, 3, 0, 0, 0, 4], [0] * 7 + [5]], dtype)
    made = dict(pack_unstructured(matrix)._asdict())
    return made | ({"multiplier": np.ones(4, np.float32)} if dtype == "int8" else {})


def put(role: str, index: int, value: int) -> Callable[[dict[str, Array]], None]:
    def change(made: dict[str, Array]) -> None:
        made[role] = made[role].copy()
        made[role][index] = value

    return change


BROKEN = {
    "a column beyond the last": (put("columns", 8, 8), "column"),
    "columns that repeat": (put("columns", 9, 1), "ascend"),
    "columns that fall": (put("columns", 10, 2), "ascend"),
    "rows that fall": (put("strips", 1, 9), "fall"),
    "rows that start late": (put("strips", 0, 1), "start|span"),
    "rows that end early": (put("strips", 4, 11), "end|span"),
    "a row too few": (lambda made: made.update(strips=made["strips"][1:]), "shape"),
    "a column too few": (lambda made: made.update(columns=made["columns"][1:]), "shape"),
    "values of two axes": (lambda made: made.update(values=made["values"][:, None]), "shape"),
    "values of few bits": (lambda made: made.update(values=made["values"].astype(np.uint8)), "uint8"),
    "no columns": (lambda made: made.pop("columns"), "columns"),
}


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_rule_is_refused_by_both(name: str, dtype: str) -> None:
    assert verdicts(roles(dtype), dtype) == ["", ""]
    change, word = BROKEN[name]
    made = roles(dtype)
    change(made)
    for said in verdicts(made, dtype):
        assert any(part in said for part in word.split("|")), said


def test_a_value_that_is_not_finite_and_a_sum_beyond_32_bits_are_refused_by_both() -> None:
    made = roles()
    made["values"] = made["values"].copy()
    made["values"][3] = np.inf
    assert all("finite" in said for said in verdicts(made, "float32"))
    room = 2**31 - 1 - 255 * 8  # row 1 is eight ones
    assert verdicts(roles("int8") | {"bias": np.int32([0, room, 0, 0])}, "int8") == ["", ""]
    assert all("overflow" in said for said in verdicts(roles("int8") | {"bias": np.int32([0, room + 1, 0, 0])}, "int8"))
