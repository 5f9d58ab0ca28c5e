"""CREPE: its sizes, its names in the package's file, and a student whose BatchNorm folds."""

from pathlib import Path

import pytest
import torch

from apus.errors import DataError
from apus.export import export
from apus.models.crepe import BINS, FRAME, WIDTHS, Crepe, pretrained


@pytest.mark.parametrize(("capacity", "parameters"), [("full", 22_239_976), ("tiny", 486_552)])
def test_it_has_the_published_size(capacity: str, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Crepe(WIDTHS[capacity]).parameters()) == parameters


def packaged(model: Crepe) -> dict[str, torch.Tensor]:
    """A network as the package's file has it."""
    state, found = model.state_dict(), {}
    for layer in range(6):
        for name in ("weight", "bias"):
            tensor = state[f"features.{5 * layer + 1}.{name}"]
            found[f"conv{layer + 1}.{name}"] = tensor[..., None] if name == "weight" else tensor
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            found[f"conv{layer + 1}_BN.{name}"] = state[f"features.{5 * layer + 3}.{name}"]
    return found | {f"classifier.{name}": state[f"head.{name}"] for name in ("weight", "bias")}


def test_it_reads_the_packages_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, x = Crepe().eval(), torch.randn(2, FRAME)
    torch.save(packaged(model), tmp_path / "tiny.pth")
    assert torch.equal(pretrained("tiny", str(tmp_path / "tiny.pth")).eval()(x), model(x))
    with pytest.raises(DataError, match=r"tiny\.pth: not CREPE's weights, full"):
        pretrained("full", str(tmp_path / "tiny.pth"))
    (tmp_path / "tiny.pth").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="not CREPE's weights"):
        pretrained("tiny", str(tmp_path / "tiny.pth"))
    with pytest.raises(ValueError, match="capacity='huge'; take full or tiny"):
        pretrained("huge")


def test_a_student_folds_its_norms() -> None:
    model, x = Crepe((16, 16, 16, 16, 16, 32), foldable=True), torch.randn(4, FRAME)
    model(x)  # sets the running statistics apart from 0 and 1
    exported = export(model.eval(), x)
    assert "BatchNormalization" not in {node.op_type for node in exported.graph.node}
    assert exported.graph.output[0].type.tensor_type.shape.dim[1].dim_value == BINS


def test_there_are_six_widths() -> None:
    with pytest.raises(ValueError, match="CREPE has 6"):
        Crepe((16, 16))
