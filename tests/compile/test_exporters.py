"""What torch's two exporters make of real networks compiles whole, for any shapes, and gives ONNX Runtime's answers."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import apus

Feed = dict[str, np.ndarray]
Sizes = tuple[tuple[int, int], ...]


class Encoder(nn.Module):
    """A transformer encoder with a key mask that is made as sentence encoders make it."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(300, 64), nn.Embedding(64, 64)
        self.query, self.key, self.value = (nn.Linear(64, 64) for _ in range(3))
        self.norm, self.out = nn.LayerNorm(64), nn.Linear(64, 64)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[B, T] ids and mask to [B, T, 64]."""
        batch, steps = ids.shape
        x = self.words(ids) + self.places(torch.arange(steps))[None]
        q, k, v = (f(x).view(batch, steps, 4, 16).transpose(1, 2) for f in (self.query, self.key, self.value))
        seen = (mask[:, None, None, :] > 0).expand(batch, 1, steps, steps)
        bias = torch.where(seen, 0.0, torch.finfo(torch.float32).min)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.norm(x + self.out(y.transpose(1, 2).reshape(batch, steps, 64)))


class Recurrent(nn.Module):
    """Embedding, a GRU of both directions, an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.gru = nn.Embedding(300, 16), nn.GRU(16, 24, batch_first=True, bidirectional=True)
        self.lstm = nn.LSTM(48, 20, batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        """[B, T] to [B, T, 20]."""
        found: Tensor = self.lstm(self.gru(self.words(ids))[0])[0]
        return found


class Pitch(nn.Module):
    """Wide one-dimensional convolutions of stride 4 over raw audio, batch norm after the activation, pools."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 16, (512, 1), stride=(4, 1)), nn.Conv2d(16, 8, (64, 1))
        self.norms = nn.ModuleList([nn.BatchNorm2d(16), nn.BatchNorm2d(8)])
        self.head = nn.Linear(64 * 8, 36)

    def forward(self, audio: Tensor) -> Tensor:
        """[B, 1024] to [B, 36]."""
        x = nn.functional.pad(audio[:, None, :, None], (0, 0, 254, 254))
        x = nn.functional.max_pool2d(self.norms[0](torch.relu(self.first(x))), (2, 1))
        x = nn.functional.pad(x, (0, 0, 31, 32))
        x = nn.functional.max_pool2d(self.norms[1](torch.relu(self.second(x))), (2, 1))
        return torch.sigmoid(self.head(x.permute(0, 2, 1, 3).reshape(-1, x.shape[1] * x.shape[2])))


def ids(batch: int, steps: int) -> Feed:
    return {"ids": np.random.default_rng(steps).integers(0, 300, (batch, steps))}


def masked(batch: int, steps: int) -> Feed:
    mask = np.ones((batch, steps), np.int64)
    mask[0, steps // 2 :] = 0
    return ids(batch, steps) | {"mask": mask}


def audio(batch: int, steps: int) -> Feed:
    return {"audio": np.random.default_rng(batch).standard_normal((batch, steps)).astype(np.float32)}


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[int, int], Feed], Sizes]] = {
    "encoder": (Encoder, masked, ((2, 12), (1, 16), (3, 9))),
    "recurrent": (Recurrent, ids, ((2, 12), (3, 12))),  # torch's dynamo exporter fixes the steps of a GRU
    "pitch": (Pitch, audio, ((2, 1024), (1, 1024))),
}


def exported(net: nn.Module, feed: Feed, dynamo: bool) -> onnx.ModelProto:
    """The network with batch and time open."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    arguments = tuple(torch.from_numpy(array) for array in feed.values())
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if dynamo:
            dims = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
            program = torch.onnx.export(
                net, arguments, input_names=list(feed), dynamo=True, dynamic_shapes=(dims,) * len(feed), verbose=False
            )
            assert program is not None
            return program.model_proto
        file = io.BytesIO()
        axes = {name: {0: "batch", 1: "time"} for name in feed}
        torch.onnx.export(net, arguments, file, input_names=list(feed), dynamo=False, dynamic_axes=axes)
        return onnx.load_from_string(file.getvalue())


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_an_exported_network_runs_natively_at_each_shape(name: str, dynamo: bool) -> None:
    torch.manual_seed(0)
    make, feed, sizes = NETWORKS[name]
    model = exported(make().eval(), feed(*sizes[0]), dynamo)
    judge = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    session = apus.Session(model, threads=1, allow="nothing")
    for batch, steps in sizes:
        given = feed(batch, steps)
        (want,) = judge.run(None, given)
        (got,) = session.run(None, given)
        assert got.shape == want.shape
        assert np.abs(got - want).max() < 1e-4 * np.abs(want).max()
