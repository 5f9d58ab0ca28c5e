"""A training script that knows nothing of Apus: arguments are milliseconds per example and per step."""

import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Numbers(Dataset):
    def __len__(self):
        return 2000

    def __getitem__(self, index):
        time.sleep(float(sys.argv[1]) / 1e3)
        return torch.full((4,), float(index)), index % 2


def main():
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), 1e-6)
    valid = DataLoader(Numbers(), batch_size=4)
    with torch.no_grad():
        for seen, (x, _) in enumerate(valid):
            net(x)
            if seen == 9:
                break
    for x, y in DataLoader(Numbers(), batch_size=4, num_workers=int(sys.argv[3])):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
        time.sleep(float(sys.argv[2]) / 1e3)
    print("the script ran to its end")


if __name__ == "__main__":
    main()
