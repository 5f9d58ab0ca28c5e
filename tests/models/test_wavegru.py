"""The vocoder's probabilities, and how far it looks ahead."""

import pytest
import torch

from apus.models.causal import Lookahead
from apus.models.wavegru import WaveGRU, bits_of, path


def test_the_tree_is_a_distribution() -> None:
    logits, codes = torch.randn(255, generator=torch.Generator().manual_seed(0)), torch.arange(256)
    assert abs((2 ** -bits_of(logits.expand(256, 255), codes)).sum().item() - 1) < 1e-5
    assert len({tuple(row) for row in path(codes)[0].tolist()}) == 128  # two codes share each lowest node


def test_conditions_look_two_frames_ahead_and_no_further() -> None:
    net = WaveGRU(hidden=16, channels=8, head=16)
    features = torch.randn(1, 9, 26)
    changed = features.clone()
    changed[0, 6] += 1
    moved = (net.condition(features) - net.condition(changed)).abs().amax(2)[0].reshape(9, 4).amax(1) > 0
    assert moved.tolist() == [False] * 4 + [True] * 5


@pytest.mark.parametrize("bands, more", [(1, {}), (4, {}), (4, {"recent": 11, "around": 5})])
def test_a_code_depends_on_the_steps_before_it_alone(bands: int, more: dict[str, int]) -> None:
    net = WaveGRU(hidden=16, channels=8, head=16, bands=bands, **more)
    codes, features = torch.randint(256, (1, 600)), torch.randn(1, 2, 26)
    later, step = codes.clone(), slice(300, 300 + bands)
    later[0, 300] = (later[0, 300] + 90) % 256
    a, b = net.nll(codes, features)[0], net.nll(later, features)[0]
    assert torch.equal(a[0, :300], b[0, :300]) and not torch.equal(a[0, step.stop :], b[0, step.stop :])
    assert torch.equal(a[0, step][1:], b[0, step][1:])  # the bands of a step do not know each other


def test_what_is_recalled_is_the_lowest_band() -> None:
    """Codes that count steps: the latest are 1, 2, 3 steps old, those of a period ago 50 + 1, 50, 50 - 1."""
    net = WaveGRU(hidden=16, channels=8, head=16, bands=4, recent=13, around=3)
    before = torch.zeros(1, (net.reach - 1 + 75) * 4)
    before[:, ::4] = 128 + 32.0 * torch.arange(net.reach - 1 + 75)
    before[:, 1::4] = 9e9
    found = net.recalled(before, torch.tensor([[50]]))
    step = net.reach + torch.arange(75)  # the first is predicted from those before it
    assert torch.equal(step[:, None] - found[0], torch.tensor([*range(1, 14), 51, 50, 49.0]).expand(75, 16))


def test_a_period_is_that_of_the_pitch_within_reach() -> None:
    net = WaveGRU(hidden=16, channels=8, head=16, bands=4, recent=13, around=3)
    features = torch.zeros(1, 4, 26)
    features[0, :, 24] = torch.tensor([100.0, 200.0, 20.0, 9000.0]).div(200).log()
    assert net.periods(features).tolist() == [[60, 30, 127, 2]]


@torch.no_grad()
def test_each_band_has_its_own_meaning_of_a_code() -> None:
    net = WaveGRU(hidden=16, channels=8, head=16, bands=4)
    condition = net.condition(torch.zeros(1, 1, 26))
    firsts = [net.logits(torch.full((1, 300), 128).index_fill(1, torch.tensor([b]), 9), condition)[0] for b in range(4)]
    assert len({float(z[0, 4].sum()) for z in firsts}) == 4


def test_it_learns_a_constant() -> None:
    torch.manual_seed(0)
    net = WaveGRU(hidden=16, channels=8, head=16)
    codes, features = torch.full((2, 300), 77), torch.zeros(2, 1, 26)
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(20):
        loss = net.nll(codes, features)[0].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1


@pytest.mark.parametrize(
    "wrong", [{"hidden": 17}, {"head": 8}, {"bands": 3}, {"recent": 8}, {"recent": 12, "around": 4}, {"recent": 512}]
)
def test_sizes_must_fit_the_engine(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"multiples of 16|take 1 or 4|together 16, 32|must be odd"):
        WaveGRU(**wrong)


def test_a_convolution_cannot_look_past_its_kernel() -> None:
    with pytest.raises(ValueError, match="must be 0 to 2"):
        Lookahead(1, 1, 3, 3)
