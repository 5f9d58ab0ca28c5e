"""What others offer for the same network: PyTorch eager, TorchScript and compiled, ONNX Runtime, OpenVINO.

Each contender steps once a sample from Python, except TorchScript, which has the loop inside. Draws are made before,
expanded to all 255 nodes, so that choosing a code costs one comparison and eight look-ups.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from apus.models.wavegru import HOP, SUBFRAMES, WaveGRU
from benchmarks.speech.networks import LEVEL_OF, Signal
from benchmarks.speech.steps import Folded, Step, conditions, scripted

PER_ROW = HOP // SUBFRAMES[1]
Take = Callable[[int, int], Any]
"""(code before, row of conditions) -> 255 logits; the state is its own."""


class Stock:
    """A contender.

    Args:
        label: its name.
        folded: embedding and conditioning are folded before.
        begin: conditions -> what takes a step, from a state of zeros.
        precision: of its weights.
    """

    def __init__(self, label: str, folded: bool, begin: Callable[[Any], Take], precision: str = "fp32") -> None:
        self.label, self.folded, self.precision, self.begin = label, folded, precision, begin

    def prepare(self, net: WaveGRU, signal: Signal) -> Callable[[int], list[int]]:
        """What speaks the first `count` samples of a signal; the conditioning network has run already."""
        rows = conditions(net, torch.from_numpy(signal.features), self.folded)
        limits = signal.draws[:, LEVEL_OF]

        def speak(count: int) -> list[int]:
            take, code, codes = self.begin(rows), 128, []
            for s in range(count):
                bits, node = (take(code, s // PER_ROW) > limits[s]).tolist(), 0
                for _ in range(8):
                    node = 2 * node + 1 + bits[node]
                code = node - 255
                codes.append(code)
            return codes

        return speak

    def force(self, net: WaveGRU, signal: Signal, count: int) -> NDArray[np.float32]:
        """(count, 255) logits when the codes before are the signal's."""
        take = self.begin(conditions(net, torch.from_numpy(signal.features), self.folded))
        before = [128, *signal.codes[: count - 1].tolist()]
        return np.stack([np.array(take(code, s // PER_ROW)) for s, code in enumerate(before)])


class Scripted(Stock):
    """TorchScript, the loop inside."""

    def __init__(self, label: str, folded: bool, net: WaveGRU) -> None:
        step = (Folded if folded else Step)(net)
        super().__init__(label, folded, torch_step(step))
        self.loop, self.hidden = scripted(step), net.gru.hidden_size

    def prepare(self, net: WaveGRU, signal: Signal) -> Callable[[int], list[int]]:
        """As of any other."""
        rows = conditions(net, torch.from_numpy(signal.features), self.folded)
        limits = torch.from_numpy(signal.draws[:, LEVEL_OF])

        @torch.inference_mode()
        def speak(count: int) -> list[int]:
            found: list[int] = self.loop(rows, limits[:count], torch.zeros(1, self.hidden)).tolist()
            return found

        return speak


def torch_step(step: Any, dtype: torch.dtype = torch.float32) -> Callable[[torch.Tensor], Take]:
    """A module that takes a step, eager or compiled."""

    def begin(rows: torch.Tensor) -> Take:
        state, rows = torch.zeros(1, 1024, dtype=dtype), rows.to(dtype)

        @torch.inference_mode()
        def take(code: int, row: int) -> NDArray[np.float32]:
            nonlocal state
            logits, state = step(torch.tensor([code]), rows[row : row + 1], state)
            return logits[0].float().numpy() if dtype != torch.float32 else logits[0].numpy()

        return take

    return begin


def onnxruntime_step(path: Path) -> Callable[[torch.Tensor], Take]:
    """ONNX Runtime, bound to buffers of our own: nothing is allocated in a step."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def begin(rows: torch.Tensor) -> Take:
        table = rows.numpy()
        code, condition = np.zeros(1, np.int64), np.zeros((1, table.shape[1]), np.float32)
        states, logits = np.zeros((2, 1, 1024), np.float32), np.zeros((1, 255), np.float32)
        bindings = []
        for now in range(2):
            binding = session.io_binding()
            for name, array in (("code", code), ("condition", condition), ("state", states[now])):
                binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
            for name, array in (("logits", logits), ("after", states[1 - now])):
                binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
            bindings.append((binding, states))  # which it does not keep alive
        step = 0

        def take(before: int, row: int) -> NDArray[np.float32]:
            nonlocal step
            code[0] = before
            condition[0] = table[row]
            session.run_with_iobinding(bindings[step & 1][0])
            step += 1
            return logits[0]

        return take

    return begin


def openvino_step(path: Path) -> Callable[[torch.Tensor], Take]:
    """OpenVINO, one thread, for latency."""
    import openvino

    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)

    def begin(rows: torch.Tensor) -> Take:
        table, request, state = rows.numpy(), compiled.create_infer_request(), np.zeros((1, 1024), np.float32)

        def take(before: int, row: int) -> NDArray[np.float32]:
            nonlocal state
            feed = {"code": np.array([before]), "condition": table[row : row + 1], "state": state}
            found = request.infer(feed, share_inputs=True)
            state = found["after"]
            logits: NDArray[np.float32] = found["logits"][0]
            return logits

        return take

    return begin


def write_step(net: WaveGRU, folder: Path, folded: bool) -> Path:
    """A step as an ONNX file with plain MatMul nodes."""
    path = folder / ("folded.onnx" if folded else "step.onnx")
    width = 3 * net.gru.hidden_size if folded else net.gru.input_size - net.embed.embedding_dim
    step = (Folded if folded else Step)(net).eval()
    example = (torch.tensor([128]), torch.zeros(1, width), torch.zeros(1, net.gru.hidden_size))
    names = {"input_names": ["code", "condition", "state"], "output_names": ["logits", "after"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(step, example, str(path), dynamo=True, verbose=False, external_data=False, **names)
    return path
