"""A sitting of the vocoder's training on a corpus of noise: dense, then pruned and taught by the dense one."""

import sys
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
import torch
from recipes.speech import prune, vocoder

from apus.models.wavegru import WaveGRU
from apus.speech.features import FEATURES, HOP

FRAMES = 40


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    np.savez(
        folder / "0000.npz",
        index=np.arange(17, 21),
        text=np.array(["Noise."] * 4),
        phonemes=np.zeros(8, np.uint8),
        durations=np.full(8, FRAMES // 2, np.uint8),
        audio=rng.integers(-3000, 3000, 4 * FRAMES * HOP).astype(np.int16),
        features=rng.standard_normal((4 * FRAMES, FEATURES)).astype(np.float16),
        phoneme_counts=np.full(4, 2),
        frame_counts=np.full(4, FRAMES),
    )
    return folder


def sit(monkeypatch: pytest.MonkeyPatch, corpus: Path, out: Path, *more: str) -> dict[str, torch.Tensor]:
    sizes = ["--batch", "4", "--frames", "2", "--steps", "6", *([] if "--teacher" in more else ["--hidden", "32"])]
    monkeypatch.setattr(sys, "argv", ["vocoder", "--corpus", str(corpus), "--out", str(out), *sizes, *more])
    vocoder.main()
    found: dict[str, torch.Tensor] = torch.load(out / "checkpoint.pt", weights_only=True)["net"]
    return found


@pytest.mark.parametrize("bands", ["1", "4"])
def test_a_pruned_student_learns_from_a_dense_teacher(
    bands: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dense = sit(monkeypatch, corpus, tmp_path / "dense", "--bands", bands, "--bf16")
    teacher = str(tmp_path / "dense" / "checkpoint.pt")
    monkeypatch.setattr(prune, "EVERY", 1)
    how = ["--teacher", teacher, "--structure", "16x1", "--sparsity", "0.5"]
    pruned = sit(monkeypatch, corpus, tmp_path / "pruned", *how)
    gates = pruned["gru.weight_hh_l0"].reshape(3, 2, 16, 32)
    blocks = (gates != 0).any(2)
    assert (gates != 0).all(2).eq(blocks).all()  # 16 rows of a column live or die together
    assert blocks.float().mean((1, 2)).tolist() == pytest.approx([0.5] * 3, abs=0.02)
    assert dense["gru.weight_hh_l0"].count_nonzero() == dense["gru.weight_hh_l0"].numel()
    assert len((tmp_path / "pruned" / "log.jsonl").read_text().splitlines()) == 1


def test_a_students_sizes_are_its_teachers(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        sit(monkeypatch, corpus, tmp_path, "--teacher", "checkpoint.pt", "--bands", "4")
    sit(monkeypatch, corpus, tmp_path, "--bands", "4")
    net = vocoder.restored(tmp_path / "checkpoint.pt")
    assert (net.bands, net.gru.hidden_size, net.training) == (4, 32, False)


def test_another_speakers_training_goes_on_from_a_vocoder(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sit(monkeypatch, corpus, tmp_path / "one", "--bands", "4")
    start = str(tmp_path / "one" / "checkpoint.pt")
    monkeypatch.setattr(vocoder, "train", lambda net, batch, out, **how: torch.save({"net": net.state_dict()}, out))
    begun = tmp_path / "begun.pt"
    monkeypatch.setattr(sys, "argv", ["vocoder", "--corpus", str(corpus), "--out", str(begun), "--batch", "4",
                                      "--frames", "2", "--start", start])  # fmt: skip
    vocoder.main()
    for name, weight in vocoder.restored(begun).state_dict().items():
        torch.testing.assert_close(weight, vocoder.restored(tmp_path / "one" / "checkpoint.pt").state_dict()[name])
    for wrong in (["--teacher", start], ["--hidden", "32"]):
        monkeypatch.setattr(sys, "argv", ["vocoder", "--out", str(begun), "--start", start, *wrong])
        with pytest.raises(SystemExit):
            vocoder.main()


def test_two_ranks_learn_what_one_does(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = sit(monkeypatch, corpus, tmp_path / "one")
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "recipes.speech.vocoder"]
    run([sys.executable, *command, *sys.argv[1:4], str(tmp_path / "two"), *sys.argv[5:]], check=True, timeout=300)
    together = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    assert together["step"] == 6
    for name, weight in together["net"].items():
        torch.testing.assert_close(weight, alone[name], rtol=0, atol=2e-4)  # Adam: rounding may turn a tiny step around


def test_a_step_sees_the_codes_of_the_step_before(corpus: Path) -> None:
    rng = np.random.default_rng(0)
    one = {"codes": rng.integers(0, 256, 20 * HOP).astype(np.uint8), "features": np.zeros((20, FEATURES))}
    for bands, more in ((1, {}), (4, {}), (4, {"recent": 16})):
        net = WaveGRU(hidden=16, channels=8, head=16, bands=bands, **more)
        before, codes, features = vocoder.Streams([one], net, batch=2, frames=3).at(1)
        assert torch.equal(before[:, net.reach * bands :], codes[:, :-bands])
        assert codes.shape == (2, 3 * HOP) and features.shape == (2, 3 + 2 * vocoder.MARGIN, FEATURES)
