"""The arrays of a WaveGRU: the table of gates is the embedding and the input matrix together."""

import numpy as np
import pytest
import torch

from apus.export.wavegru import wavegru_arrays
from apus.models.wavegru import WaveGRU


@pytest.mark.parametrize("bands", [1, 4])
def test_the_tables_and_the_condition_make_the_input_gates(bands: int) -> None:
    net = WaveGRU(hidden=32, channels=8, head=16, bands=bands, recent=9, around=7)
    arrays = {name: torch.from_numpy(array) for name, array in wavegru_arrays(net).items()}
    condition, codes = torch.randn(5, 8), torch.randint(256, (5, bands)) + 256 * torch.arange(bands)
    recalled = torch.randn(5, 16)
    x = torch.cat([net.embed(codes).flatten(1), recalled, condition], 1)
    want = x @ net.gru.weight_ih_l0.T + net.gru.bias_ih_l0
    found = arrays["table"][codes].sum(1) + recalled @ arrays["recall"].T + condition @ arrays["condition"]
    torch.testing.assert_close(found, want)


def test_taps_run_from_past_to_future() -> None:
    net = WaveGRU(hidden=16, channels=8, head=16)
    x = torch.randn(3, 26)
    wide = torch.from_numpy(wavegru_arrays(net)["wide"])
    torch.testing.assert_close(net.wide(x[None])[0, 1], x.reshape(-1) @ wide + net.wide.bias)


def test_logits_are_sharpened_by_band() -> None:
    net = WaveGRU(hidden=16, channels=8, head=16, bands=4)
    plain, sharp = wavegru_arrays(net), wavegru_arrays(net, (2.5, 1.0, 1.0, 0.5))
    for name in ("nodes", "nodes_bias"):
        was, found = (arrays[name].reshape(4, 255, -1) for arrays in (plain, sharp))
        np.testing.assert_array_equal(found[1:3], was[1:3])
        np.testing.assert_allclose(found[[0, 3]], was[[0, 3]] * np.float32([[[2.5]], [[0.5]]]), rtol=1e-6)
    assert all(np.array_equal(plain[name], sharp[name]) for name in plain if not name.startswith("nodes"))
    for wrong in ((2.0,), (1.0, 1.0, 0.0, 1.0)):
        with pytest.raises(ValueError, match="4 bands want as many factors, each above 0"):
            wavegru_arrays(net, wrong)
