import pytest
import torch
from torch import nn
from torch.nn import functional as F

from apus.techniques import distill


def test_hidden_loss_is_the_formula():
    loss, student, teacher = distill.HiddenLoss(4, 6), torch.randn(2, 5, 4), torch.randn(2, 5, 6)
    wanted = (student @ loss.projection.weight.T - teacher).square().mean()
    assert torch.allclose(loss(student, teacher), wanted)


def test_projection_is_learnt_with_the_student():
    torch.manual_seed(0)
    loss, truth = distill.HiddenLoss(4, 6), torch.randn(6, 4)
    optimizer = torch.optim.Adam(loss.parameters(), 0.05)
    for _ in range(300):
        student = torch.randn(32, 4)
        optimizer.zero_grad()
        value = loss(student, student @ truth.T)
        value.backward()
        optimizer.step()
    assert value.item() < 1e-3


def test_padding_does_not_count():
    loss, student, teacher = distill.HiddenLoss(4, 4), torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    spoiled = teacher.masked_fill(~mask[..., None], 1e9)
    assert torch.allclose(loss(student, spoiled, mask), F.mse_loss(student[mask], teacher[mask]))
    assert torch.allclose(
        distill.hidden_cosine(student, spoiled, mask),
        1 - torch.cosine_similarity(student[mask], teacher[mask], -1).mean(),
    )


def test_feature_maps_and_embedding_tables():
    loss, student, teacher = distill.HiddenLoss(3, 5, dim=1), torch.randn(2, 3, 4, 4), torch.randn(2, 5, 4, 4)
    wanted = F.mse_loss(F.conv2d(student, loss.projection.weight[:, :, None, None]), teacher)
    assert torch.allclose(loss(student, teacher), wanted)
    tables = nn.Embedding(7, 3), nn.Embedding(7, 5)
    distill.HiddenLoss(3, 5)(tables[0].weight, tables[1].weight).backward()
    assert tables[0].weight.grad is not None
    assert tables[1].weight.grad is None


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\(2, 6\), teacher"):
        distill.HiddenLoss(4, 6)(torch.randn(2, 4), torch.randn(3, 6))
    with pytest.raises(ValueError, match="heads map one to one"):
        distill.attention_mse(torch.zeros(1, 2, 3, 3), torch.zeros(1, 4, 3, 3))


def test_attention_is_compared_among_real_tokens():
    student, teacher = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    assert torch.allclose(distill.attention_mse(student, teacher), (student - teacher).square().mean())
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    spoiled = teacher.clone()
    spoiled[1, :, :, 2:] = -torch.inf
    spoiled[1, :, 2:] = 7.0
    difference = (student - teacher).square()
    wanted = torch.cat([difference[0].flatten(), difference[1, :, :2, :2].flatten()]).mean()
    assert torch.allclose(distill.attention_mse(student, spoiled, mask), wanted)


def test_cosine_of_feature_maps_is_over_channels():
    one, two = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    wanted = distill.hidden_cosine(one.movedim(1, -1), two.movedim(1, -1))
    torch.testing.assert_close(distill.hidden_cosine(one, two, dim=1), wanted)
    with pytest.raises(ValueError, match="states are"):
        distill.hidden_cosine(one, two[:, :1])


def test_what_is_no_attention_map_is_refused():
    with pytest.raises(ValueError, match="no attention map"):
        distill.attention_mse(torch.rand(2, 3, 4), torch.rand(2, 3, 4))
