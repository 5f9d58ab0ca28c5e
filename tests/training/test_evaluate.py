import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from apus.data import ArrayBatches, Arrays
from apus.training import outputs, score


def test_accuracy_of_classes():
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    judged = score(z, torch.tensor([0, 1, 1, 0]), F.cross_entropy)
    assert judged.accuracy_pct == 75
    assert judged.loss > 0


def test_other_targets_have_a_loss_alone():
    judged = score(torch.zeros(4, 2), torch.ones(4, 2), F.mse_loss)
    assert judged.accuracy_pct is None
    assert judged.loss == 1


def test_outputs_cover_all_and_leave_the_mode():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2)).train()
    data = Arrays(np.ones((7, 3), np.float32), np.arange(7))
    z, y = outputs(model, ArrayBatches(data, 2, shuffle=False, whole=False))
    assert z.shape == (7, 2)
    assert y.tolist() == list(range(7))
    assert model.training
    # Dropout would move it by tenths; a last batch of one may round otherwise.
    assert torch.allclose(z[0], z[6], atol=1e-6)
