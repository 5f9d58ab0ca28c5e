"""A teacher's inner states, kept: what `Taps` would give, without padding and in half precision."""

import pytest
import torch

from apus.errors import DataError
from apus.models.minilm import MiniLM
from apus.techniques.distill import KeptStates, Taps, Teacher

NAMES = ["layers.0", "layers.1.scores"]


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    return Teacher(MiniLM(3, layers=2, width=24, heads=2, inner=48, vocabulary=20, longest=9))


@pytest.fixture
def texts():
    torch.manual_seed(1)
    x = torch.randint(1, 20, (50, 9))
    return x.masked_fill(torch.arange(9) >= torch.randint(1, 10, (50, 1)), 0)


@pytest.mark.parametrize("length", [9, 5])
def test_any_rows_are_given_as_taps_would(teacher, texts, length):
    short = texts[(texts != 0).sum(1) <= length]
    kept = KeptStates(teacher, NAMES, short, 0, batch=7)
    rows = torch.tensor([3, 0, len(short) - 1])
    kept.at(rows, length)
    x = short[rows, :length]
    real = x != 0
    with Taps(teacher.model, *NAMES) as taps:
        answers = teacher(x)
    torch.testing.assert_close(kept.answers[rows], answers)
    hidden, scores = (kept[name] for name in NAMES)
    torch.testing.assert_close(hidden[real], taps[NAMES[0]][real], atol=2e-3, rtol=2e-3)
    pairs = (real[:, None, :, None] & real[:, None, None, :]).expand_as(scores)
    torch.testing.assert_close(scores[pairs], taps[NAMES[1]][pairs], atol=2e-3, rtol=2e-3)
    assert not hidden[~real].any()
    assert not scores[~pairs].any()


def test_the_teacher_reads_each_text_once_and_no_hook_stays(teacher, texts):
    read = []
    handle = teacher.model.embed.register_forward_hook(lambda module, args, out: read.append(args[0].shape))
    KeptStates(teacher, NAMES, texts, 0, batch=8)
    handle.remove()
    assert sum(count for count, _ in read) == 50
    assert [length for _, length in read] == sorted(length for _, length in read)
    assert not any(module._forward_hooks for module in teacher.model.modules())


def test_what_cannot_be_kept_is_refused(teacher, texts):
    with pytest.raises(DataError, match="head gives"):
        KeptStates(teacher, ["head"], texts, 0)
    with pytest.raises(DataError, match="do not fit: set cache = false"):
        KeptStates(teacher, NAMES, texts, 0, most=1000)
    with pytest.raises(DataError, match="outputs differ in shape"):
        KeptStates(Teacher(teacher.model.embed), ["norm"], texts, 0, batch=8)
    with torch.no_grad():
        teacher.model.layers[0].last_norm.weight.fill_(1e6)
    with pytest.raises(DataError, match=r"layers\.0 gives numbers above"):
        KeptStates(teacher, NAMES, texts, 0)
