"""A text classifier of MiniLM's shape: 6 layers of 384, 12 heads, 30,522 words, 128 tokens. Plain PyTorch."""

import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MiniLM(nn.Module):
    def __init__(self, words=30522, width=384, length=128):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(width, 12, 4 * width, 0.0, "gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        self.classes = nn.Linear(width, 2)

    def forward(self, tokens):
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        return self.classes(self.layers(x).mean(1))


rows = int(sys.argv[1]) if len(sys.argv) > 1 else 8
torch.manual_seed(0)
tokens, labels = torch.randint(0, 30522, (2 * rows, 128)), torch.randint(0, 2, (2 * rows,))
loader = DataLoader(TensorDataset(tokens, labels), batch_size=rows)
model = MiniLM()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
