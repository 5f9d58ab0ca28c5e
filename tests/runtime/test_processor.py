"""What the processor offers, and that APUS_ISA is obeyed."""

import os
import subprocess
import sys

import pytest

import apus
from apus.runtime import cpu, usable_cores


def test_the_best_instruction_set_is_used_and_scalar_is_always_there() -> None:
    assert apus.isas()[0] == "scalar"
    assert apus.isa() in apus.isas()
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    assert {"brand", "features", "l1d", "l2", "l3", "cores"} <= set(cpu())


@pytest.mark.parametrize("isa", apus.isas())
def test_the_forced_instruction_set_is_obeyed(isa: str) -> None:
    code = "import apus; print(apus.isa())"
    environment = os.environ | {"APUS_ISA": isa}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == isa


def test_an_unknown_instruction_set_is_refused() -> None:
    code = "import apus; apus.isa()"
    environment = os.environ | {"APUS_ISA": "mmx"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True)
    assert "IsaError" in done.stderr and "mmx" in done.stderr
