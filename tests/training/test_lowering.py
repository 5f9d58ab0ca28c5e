import torch
from torch import nn

from apus.training import Runtime


def test_bf16_computes_in_bf16_and_answers_in_fp32():
    torch.manual_seed(0)
    model = nn.Linear(64, 64)
    x = torch.randn(8, 64)
    with torch.no_grad():
        exact = model(x)
        lowered = Runtime("cpu", precision="bf16").setup(model)(x)
    assert lowered.dtype == torch.float32
    assert 1e-5 < float((lowered - exact).abs().max()) < 0.05
