"""All that stock software offers, made ready: fp32, bf16 and dynamic int8, as exported and with what folds folded."""

import copy
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from apus.models.wavegru import WaveGRU
from benchmarks.speech.steps import Folded, Step
from benchmarks.speech.stock import Scripted, Stock, Take, onnxruntime_step, openvino_step, torch_step, write_step


def stocks(net: WaveGRU, folder: Path) -> Iterator[Stock]:
    """Every contender, `eager` first; names end in `-folded` where embedding, conditions and gates are folded."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    for folded, kind in ((False, Step), (True, Folded)):
        yield from _torch(kind(net).eval(), net, folded)
        path = write_step(net, folder, folded)
        int8 = quantised(path)
        end = "-folded" if folded else ""
        yield Stock("onnxruntime" + end, folded, onnxruntime_step(path))
        yield Stock("onnxruntime-int8" + end, folded, onnxruntime_step(int8), "int8")
        yield Stock("openvino" + end, folded, openvino_step(path))


def _torch(step: nn.Module, net: WaveGRU, folded: bool) -> Iterator[Stock]:
    end = "-folded" if folded else ""
    yield Stock("eager" + end, folded, torch_step(step))
    yield Scripted("torchscript" + end, folded, net)
    yield Stock("compile" + end, folded, torch_step(torch.compile(copy.deepcopy(step))))
    half = torch.compile(copy.deepcopy(step).bfloat16())
    yield Stock("compile-bf16" + end, folded, torch_step(half, torch.bfloat16), "bf16")
    yield Stock("torch-int8" + end, folded, dynamic_int8(step), "int8")


def dynamic_int8(step: nn.Module) -> Callable[[torch.Tensor], Take]:
    """PyTorch's own dynamic quantisation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and fast
        made = torch.ao.quantization.quantize_dynamic(copy.deepcopy(step), {nn.Linear, nn.GRUCell}, torch.qint8)
    return torch_step(made)


def quantised(path: Path) -> Path:
    """The step in ONNX Runtime's dynamic int8."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.onnx_model import ONNXModel

    model = onnx.load(path)
    plain = ONNXModel(model)
    plain.replace_gemm_with_matmul()  # it quantises no Gemm
    model.graph.ClearField("value_info")
    product, out = path.with_suffix(".matmul.onnx"), path.with_suffix(".int8.onnx")
    plain.save_model_to_file(str(product))
    quantize_dynamic(product, out, weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul"])
    return out
