import math

import pytest
import torch
from torch.nn import functional as F

from apus.techniques import distill
from apus.techniques.distill.logits import rows

LOSSES = {
    "soft targets": lambda s, t, T: distill.soft_targets(s, t, T),
    "dist": lambda s, t, T: distill.dist_loss(s, t, temperature=T),
    "dkd": lambda s, t, T: distill.dkd_loss(s, t, torch.zeros(len(s), dtype=torch.int64), temperature=T),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("shape", [(4, 1), (1, 5), (5,), (4, 5, 1)])
def test_nothing_is_broadcast(loss, shape):
    with pytest.raises(ValueError, match="the student gives"):
        loss(torch.zeros(4, 5), torch.zeros(shape), 1.0)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("temperature", [0.0, -4.0, math.inf, math.nan])
def test_no_temperature_is_refused(loss, temperature):
    with pytest.raises(ValueError, match="must be above 0"):
        loss(torch.zeros(4, 5), torch.zeros(4, 5), temperature)


def test_classes_that_the_teacher_rules_out_add_nothing():
    student = torch.randn(3, 5, requires_grad=True)
    teacher = torch.randn(3, 5)
    teacher[:, 4] = -math.inf
    wanted = F.kl_div(student.log_softmax(-1), teacher.softmax(-1), reduction="batchmean")
    found = distill.soft_targets(student, teacher, 1.0)
    torch.testing.assert_close(found, wanted)
    found.backward()
    assert student.grad.isfinite().all()
    assert distill.dkd_loss(student, teacher, torch.zeros(3, dtype=torch.int64)).isfinite()


def test_one_class_has_no_others():
    with pytest.raises(ValueError, match="two classes or more"):
        distill.dkd_loss(torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64))


def test_rows_are_places():
    z = torch.arange(24).reshape(2, 3, 4)
    assert torch.equal(rows(z, 1)[5], z[1, :, 1])
    assert torch.equal(rows(z, -1)[5], z[1, 2])
