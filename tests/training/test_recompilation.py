"""Counted by torch.compile's own counter, on a back end that only captures graphs."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from apus.training import Runtime
from apus.training.recompilation import Budget, RecompilationError, RecompilationWarning, signature


class Sentences:
    """26 token sequences of several lengths; the last batch of 8 is ragged."""

    def __len__(self):
        return 26

    def __getitem__(self, index):
        return torch.arange(4 + index % 9) % 11, index % 3


def collate(rows):
    tokens = nn.utils.rnn.pad_sequence([tokens for tokens, _ in rows], batch_first=True)
    return tokens, torch.tensor([label for _, label in rows])


def train(runtime, loader, epochs=2):
    torch._dynamo.reset()
    embed, out = nn.Embedding(11, 8), nn.Linear(8, 3)
    optimizer = torch.optim.SGD([*embed.parameters(), *out.parameters()], 0.1)
    before = runtime.compilations()

    def loss(tokens, labels):
        return F.cross_entropy(out(embed(tokens).mean(1)), labels)

    step = runtime.compile(loss)
    for _ in range(epochs):
        for tokens, labels in loader:
            optimizer.zero_grad()
            step(tokens, labels).backward()
            optimizer.step()
    return runtime.compilations() - before


def loader():
    return DataLoader(Sentences(), batch_size=8, collate_fn=collate, shuffle=True)


def test_nothing_compiles_after_warm_up_through_our_loader():
    torch.manual_seed(0)
    runtime = Runtime("cpu", compiler="eager", warmup=1, on_recompilation="error")
    assert train(runtime, runtime.loader(loader(), pad_to=8, lengths=(16,))) == 1
    assert runtime.budget.spent == 0


def test_without_it_the_culprit_is_named():
    torch.manual_seed(0)
    runtime = Runtime("cpu", compiler="eager", warmup=1)
    with pytest.warns(RecompilationWarning, match=r"caused by batch \(int64\[\d,\d+\], int64\[\d\]\)") as caught:
        train(runtime, loader())
    assert runtime.budget.spent >= len(caught) > 1


def test_a_strict_budget_stops_the_run():
    compiled = iter([1, 2])
    budget = Budget(lambda: next(compiled), warmup=1, action="error")
    budget.finish("step", ("float32[4]",))
    with pytest.raises(RecompilationError, match=r"at step 2 of step, caused by batch \(float32\[3\]\)"):
        budget.finish("step", ("float32[3]",))


def test_each_source_has_its_own_warm_up():
    compiled = iter([1, 2])
    budget = Budget(lambda: next(compiled), warmup=1, action="error")
    budget.finish("training", ("float32[4]",))
    budget.finish("evaluation", ("float32[4]",))
    assert budget.spent == 0


def test_signature_tells_plain_values_apart():
    assert signature((torch.zeros(2), 1)) != signature((torch.zeros(2), 2))
