import pytest
import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques import distill


def network(layers, width=4):
    blocks = nn.ModuleList(nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width)) for _ in range(layers))
    return nn.ModuleDict({"blocks": blocks, "head": nn.Linear(width, 2)})


def test_spaced_layers_are_those_of_the_papers():
    assert distill.spaced(3, 6) == [0, 2, 5]
    assert distill.spaced(3, 12) == [0, 6, 11]
    assert distill.spaced(4, 4) == [0, 1, 2, 3]
    for student, teacher in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="cannot be spaced"):
            distill.spaced(student, teacher)


def test_a_student_starts_as_layers_of_its_teacher():
    student, teacher = network(3), network(6)
    teacher["blocks"][2][1].running_mean += 3
    mapping = distill.map_layers(student, teacher, "blocks.*")
    assert mapping == {"blocks.0": "blocks.0", "blocks.1": "blocks.2", "blocks.2": "blocks.5"}
    names = distill.initialise(student, teacher, mapping | {"head": "head"})
    assert len(names) == 3 * 7 + 2
    for own, other in mapping.items():
        theirs = teacher.get_submodule(other).state_dict()
        assert all(torch.equal(v, theirs[k]) for k, v in student.get_submodule(own).state_dict().items())
    student["head"].weight.data.zero_()
    assert teacher["head"].weight.any()


def test_nothing_is_touched_when_a_shape_differs():
    student, teacher = network(2), network(4)
    teacher["blocks"][3] = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))
    before = student["blocks"][0][0].weight.clone()
    with pytest.raises(ValueError, match=r"blocks\.1\.0\.weight: shapes \(4, 4\) and \(4, 5\)"):
        distill.initialise(student, teacher, distill.map_layers(student, teacher, "blocks.*"))
    assert torch.equal(student["blocks"][0][0].weight, before)


def test_modules_of_different_make_are_refused():
    with pytest.raises(ValueError, match="differ in bias"):
        distill.initialise(
            nn.ModuleDict({"a": nn.Linear(2, 2, bias=False)}), nn.ModuleDict({"a": nn.Linear(2, 2)}), {"a": "a"}
        )


@pytest.mark.parametrize("mapping", [{}, {"nope": "head"}, {"head": "nope"}])
def test_nothing_to_copy_is_an_error(mapping):
    with pytest.raises(NothingMatchedError):
        distill.initialise(network(1), network(1), mapping)


def test_a_pattern_without_layers_is_an_error():
    with pytest.raises(NothingMatchedError, match=r"'layers\.\*' matches no module"):
        distill.map_layers(network(1), network(2), "layers.*")
