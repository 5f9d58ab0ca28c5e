"""A small convolutional network learns handwritten digits. Plain PyTorch."""

import hashlib
import sys

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.norm = nn.LayerNorm(32 * 4)
        self.fc = nn.Linear(32 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(self.norm(x.flatten(1)))


epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 2
torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
train = DataLoader(TensorDataset(images[:1400], labels[:1400]), batch_size=64, shuffle=True)
test = DataLoader(TensorDataset(images[1400:], labels[1400:]), batch_size=64)
model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)


def evaluate():
    model.eval()
    loss = correct = 0
    with torch.no_grad():
        for x, y in test:
            z = model(x)
            loss += F.cross_entropy(z, y, reduction="sum").item()
            correct += (z.argmax(1) == y).sum().item()
    model.train()
    return loss / len(test.dataset), correct / len(test.dataset)


for epoch in range(epochs):
    for x, y in train:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: test loss {evaluate()[0]:.6f}")

digest = hashlib.sha256(b"".join(p.detach().cpu().numpy().tobytes() for p in model.parameters()))
print("accuracy", evaluate()[1], "weights", digest.hexdigest())
