import sys
from pathlib import Path
from unittest import mock

import pytest

from apus.errors import ApusError
from apus.training.tpu_check.capture import capture

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(autouse=True)
def as_if_alone():
    with mock.patch.object(sys, "argv", []), mock.patch.object(sys, "path", [*sys.path]):
        yield


def test_what_a_script_trains():
    found = capture(str(SCRIPTS / "plain.py"), [])
    assert type(found.model).__name__ == "Net"
    assert [tuple(value.shape) for value in found.args] == [(64, 1, 8, 8)]
    assert found.optimizer == "AdamW"


def test_the_student_is_taken_not_a_part_of_it_nor_the_frozen_teacher(tmp_path):
    script = tmp_path / "distil.py"
    script.write_text(
        "import torch\nfrom torch import nn\n"
        "teacher = nn.Linear(9, 99).requires_grad_(False)\n"
        "student = nn.Sequential(nn.Linear(9, 4), nn.Linear(4, 2))\n"
        "teacher(torch.ones(3, 9))\n"
        "student(torch.ones(3, 9)).sum().backward()\n"
        "torch.optim.SGD(student.parameters(), 0.1).step()\n"
    )
    found = capture(str(script), [])
    assert len(found.model) == 2
    assert found.optimizer == "SGD"


def test_a_script_that_trains_nothing_is_refused(tmp_path):
    script = tmp_path / "idle.py"
    script.write_text("print('hello')")
    with pytest.raises(ApusError, match=r"idle\.py: no model"):
        capture(str(script), [])
