"""EfficientNet-Lite: its sizes, its weights' order, its padding, and what the engine makes of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

import apus
from apus.errors import DataError
from apus.export import INPUT, export
from apus.models.efficientnet_lite import EfficientNetLite, convolution, pretrained


@pytest.mark.parametrize(("variant", "parameters"), [("lite0", 4_652_008), ("lite2", 6_092_072)])
def test_it_has_the_published_size(variant: str, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in EfficientNetLite(1000, variant).parameters()) == parameters


def test_a_student_of_five_stages_has_less_than_a_million() -> None:
    assert sum(p.numel() for p in EfficientNetLite(10, stages=5, head=256).parameters()) < 1_000_000


def test_it_reads_the_packages_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, path = EfficientNetLite(3, stages=7), tmp_path / "lite0.pth"
    torch.save({f"theirs.{name}": tensor for name, tensor in model.state_dict().items()}, path)
    short = pretrained(5, stages=2, head=32, path=str(path))
    assert all(
        torch.equal(own, model.state_dict()[name])
        for name, own in short.features.state_dict(prefix="features.").items()
    )
    assert torch.equal(pretrained(5, path=str(path)).last[0].weight, model.last[0].weight)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"lite0\.pth: not the weights of EfficientNet-lite2: a tensor of"):
        pretrained(5, "lite2", path=str(path))
    with pytest.raises(ValueError, match="take lite0 or lite2, and 1 to 7"):
        EfficientNetLite(5, "lite9")


@pytest.mark.parametrize("kernel", [3, 5])
def test_strides_pad_more_behind(kernel: int) -> None:
    layer = torch.nn.Sequential(*convolution(1, 1, kernel, 2)[:-1])
    torch.nn.init.ones_(layer[-1].weight)  # type: ignore[arg-type]
    found = layer(torch.ones(1, 1, 8, 8))[0, 0]
    assert found.shape == (4, 4)
    before, behind = (kernel - 2) // 2, kernel - 2 - (kernel - 2) // 2
    assert found[0, 0] == (kernel - before) ** 2 and found[-1, -1] == (kernel - behind) ** 2


def test_the_engine_runs_it() -> None:
    torch.manual_seed(0)
    model, x = EfficientNetLite(4, stages=4, head=32).eval(), torch.rand(2, 3, 64, 64)
    session = apus.Session(export(model, x))
    np.testing.assert_allclose(
        session.run(None, {INPUT: x.numpy()})[0], model(x).detach().numpy(), rtol=1e-3, atol=1e-4
    )
