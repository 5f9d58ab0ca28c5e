"""Prices in µs: every layer has one of its own at every width, by whatever name it leaves the exporter."""

import torch
from torch import nn

from apus.compress.latency import LEAST, measured


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 64)
        self.attend, self.head = nn.MultiheadAttention(64, 4, batch_first=True), nn.Linear(64, 5)

    def forward(self, x):
        y = self.first(x)
        return self.head((y + self.attend(y, y, y, need_weights=False)[0]).mean(1))


def test_layers_over_tokens_and_attention_have_prices_at_every_width():
    torch.manual_seed(0)
    prices = measured(Attends().eval(), torch.randn(1, 16, 8))
    assert {"first", "attend.q", "attend.k", "attend.v", "attend.out", "head"} == set(prices)
    for name in ("attend.q", "attend.k", "attend.v", "attend.out"):  # 65,536 products each
        assert min(prices[name]) > 5 * LEAST and max(prices[name]) < 50 * min(prices[name])
