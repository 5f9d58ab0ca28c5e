"""Every operator against the NumPy oracle, on every instruction set, with one thread and two."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_cases import cases

from apus import _native
from apus.artifact import Array

CASES = cases()
ISAS = _native.isas()
Outputs = dict[str, Array]


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outputs]:
    """What the engine gave for every case, by instruction set; each needs a process of its own."""
    found = {}
    for isa in ISAS:
        path = tmp_path_factory.mktemp("engine") / f"{isa}.npz"
        script = Path(__file__).with_name("engine_cases.py")
        done = subprocess.run(
            [sys.executable, *["-S"] * sys.flags.no_site, script, path],
            env=os.environ | {"APUS_ISA": isa},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, f"{isa}: {done.stderr[-3000:]}"
        with np.load(path) as arrays:
            found[isa] = dict(arrays)
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_operator(number: int, outputs: dict[str, Outputs]) -> None:
    case = CASES[number]
    (expected,) = case.expected()
    first = outputs[ISAS[0]][f"{number}.1"]
    for isa in ISAS:
        got = outputs[isa][f"{number}.1"]
        assert got.shape == expected.shape and got.dtype == expected.dtype
        assert np.array_equal(got, outputs[isa][f"{number}.2"], equal_nan=got.dtype == np.float32), (
            f"{isa}: threads differ"
        )
        if got.dtype == np.float32:
            np.testing.assert_allclose(got, expected, case.tolerance, case.tolerance, err_msg=isa)
        else:
            assert np.array_equal(got, first), f"{isa} differs from {ISAS[0]}"
            assert np.abs(got.astype(np.int64) - expected.astype(np.int64)).max(initial=0) <= case.levels, isa
