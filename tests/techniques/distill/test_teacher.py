import pytest
import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques import distill


def test_several_teachers_answer_with_the_mean_of_their_logits():
    one, two = nn.Linear(3, 4), nn.Linear(3, 4)
    teacher, x = distill.Teacher(distill.MeanLogits([one, two])), torch.rand(5, 3)
    assert torch.allclose(teacher(x), (one(x) + two(x)) / 2)
    assert not any(p.requires_grad for p in (*one.parameters(), *two.parameters()))


def test_no_teacher_is_an_error():
    with pytest.raises(NothingMatchedError, match="no teacher"):
        distill.MeanLogits([])
