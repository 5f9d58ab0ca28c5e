"""Kinds and ranges of JSON fields, where Python is laxer than JSON; `operators` and `validate` build on them."""

from typing import Any

import pytest

from apus.artifact import fields, operators
from apus.errors import ArtifactError


@pytest.mark.parametrize("field", [True, 1.0, "1", None, 2**31, -(2**31) - 1])
def test_not_an_integer(field: Any) -> None:
    with pytest.raises(ArtifactError, match="here"):
        fields.integer(field, "here")


@pytest.mark.parametrize("field", [True, "1", None, 1e39, -(10**39)])
def test_not_a_real(field: Any) -> None:
    with pytest.raises(ArtifactError, match="here"):
        fields.real(field, "here")


def test_reals_are_float32() -> None:
    assert fields.real(1, "here") == 1.0
    assert fields.real(0.1, "here") != 0.1 and abs(fields.real(0.1, "here") - 0.1) < 1e-8


def test_dimensions() -> None:
    assert fields.dims(["N", 0, 3], "here", symbols=True) == ["N", 0, 3]
    for shape in (["N"], [""], [-1], [1.5], "abc", [1] * 9):
        with pytest.raises(ArtifactError):
            fields.dims(shape, "here", symbols=False)


def test_optional_names_end_in_a_question_mark() -> None:
    required, optional = operators.OPERATORS["conv"].names("values bias? multiplier?")
    assert required == {"values"} and optional == {"bias", "multiplier"}
