"""Prosody and acoustic models."""

import torch

from apus.models.acoustic import AHEAD, Acoustic, places
from apus.models.prosody import Prosody, targets


def test_targets_are_means_over_phonemes() -> None:
    features = torch.zeros(3, 26)
    features[:, 24], features[:, 25] = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([1.0, 0.0, 1.0])
    found = targets(torch.tensor([2, 0, 1]), features)
    torch.testing.assert_close(found[:, 1], torch.tensor([2.0, 0.0, 5.0]))
    torch.testing.assert_close(found[:, 3], torch.tensor([0.5, 0.0, 1.0]))
    torch.testing.assert_close(torch.expm1(found[:, 0]), torch.tensor([2.0, 0.0, 1.0]))


def test_places_run_from_begin_to_end() -> None:
    torch.testing.assert_close(
        places(torch.tensor([1, 2]))[:, :2], torch.tensor([[0.5, 0.5], [0.25, 0.75], [0.75, 0.25]])
    )


def test_frames_look_ahead_as_far_as_stated() -> None:
    torch.manual_seed(0)
    net = Acoustic().eval()
    frames = torch.randn(1, 80, 192)
    changed = frames.clone()
    changed[0, 50] += 1
    moved = (net.decoder(frames) - net.decoder(changed)).abs().amax(2)[0] > 0
    assert int(moved.nonzero()[0]) == 50 - AHEAD


def test_prosody_has_one_row_a_phoneme() -> None:
    assert Prosody()(torch.zeros(2, 7, dtype=torch.long)).shape == (2, 7, 4)
