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


def test_a_teacher_inside_its_student_stays_in_evaluation():
    teacher = distill.Teacher(nn.Dropout(0.9))
    student = nn.ModuleList([teacher.model]).train()
    assert student[0].training
    assert torch.equal(teacher(torch.ones(40)), torch.ones(40))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_teacher_of_another_type_is_fed_its_own(dtype):
    assert distill.Teacher(nn.Linear(3, 2).to(dtype))(torch.rand(5, 3)).dtype == torch.float32


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="the teacher gives a tuple"):
        distill.Teacher(nn.GRU(3, 2))(torch.rand(5, 3))
