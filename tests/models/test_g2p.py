import torch

from apus.models.g2p import BEGIN, G2P, loss
from apus.techniques import distill, quantize


def small(**options):
    torch.manual_seed(0)
    return G2P(10, 12, word=5, said=6, width=32, heads=2, layers=2, dropout=0.0, **options)


def pairs(count=64):
    """The answer spells the word with other tokens, then ends."""
    torch.manual_seed(1)
    word = torch.randint(3, 10, (count, 5))
    word[: count // 2, 3:] = 0
    said = torch.zeros(count, 6, dtype=torch.int64)
    said[:, :5] = torch.where(word > 0, word + 1, 0)
    said[torch.arange(count), (word > 0).sum(1)] = 2
    shifted = torch.cat([torch.full((count, 1), BEGIN), torch.where(said == 2, 0, said)[:, :-1]], 1)
    return torch.cat([word, shifted], 1), said


def test_padding_and_what_comes_later_are_not_seen():
    model, (x, _) = small().eval(), pairs(4)
    scores = model(x)
    changed = x.clone()
    changed[:, 9:] = 7
    torch.testing.assert_close(model(changed)[:, :4], scores[:, :4])
    assert not torch.allclose(model(changed)[:, 4:], scores[:, 4:])


def test_it_learns_to_say_what_it_read():
    model, (x, y) = small(), pairs()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    model.eval()
    said, real = model.say(x[:, :5]), y > 0
    assert (said[real] == y[real]).float().mean() > 0.95


def test_a_quantised_one_is_tapped_where_the_float_one_is():
    model, (x, _) = small(), pairs(4)
    student = quantize.prepare(model, x, weight_bits=2, embeddings=True, trace=False)
    names = ("encoder.*", "decoder.*.cross.scores")
    with distill.Taps(model, *names) as theirs, distill.Taps(student, *names) as mine:
        model.eval()(x), student(x)
    for name in mine.modules:
        assert mine[name].shape == theirs[name].shape
    assert sum(isinstance(m, quantize.QuantEmbedding) for m in student.modules()) == 3
    assert len(student.encoder[0].up.layer.weight.unique()) > 3
    assert len(quantize.fake_weight(student.encoder[0].up.layer.weight, 2)[0].unique()) == 3


def test_what_is_cut_of_padding_changes_no_score():
    torch.manual_seed(0)
    model = G2P(10, 12, word=6, said=6, width=32, heads=2, layers=2).eval()
    x = torch.tensor([[3, 4, 0, 0, 0, 0, BEGIN, 4, 5, 0, 0, 0]])
    shorter = torch.cat([x[:, :3], x[:, 6:9]], 1)
    torch.testing.assert_close(model(shorter), model(x)[:, :3])
