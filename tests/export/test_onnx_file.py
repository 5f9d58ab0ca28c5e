import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from apus.errors import ApusError
from apus.export import export
from apus.techniques import quantize

X = torch.rand(32, 1, 12, 12)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.body = nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norms, self.wide = nn.ModuleList([nn.BatchNorm2d(16), nn.BatchNorm2d(16)]), nn.Conv2d(16, 16, 3, groups=16)
        self.pool, self.drop, self.head = nn.MaxPool2d(2), nn.Dropout(0.1), nn.Linear(16, 5)

    def forward(self, x):
        x = self.pool(torch.relu(self.norms[0](self.stem(x))))
        x = torch.relu(self.norms[1](self.body(x)) + x)
        x = nn.functional.relu6(self.wide(x)).mean((2, 3))
        return self.head(self.drop(x))


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = Residual().train()
    for _ in range(5):
        model(torch.rand_like(X))
    return model.eval()


@pytest.fixture(scope="module")
def quantised(trained, tmp_path_factory):
    ready = quantize.prepare(trained, X).eval()
    path = tmp_path_factory.mktemp("export") / "student.onnx"
    return ready, export(ready, X, path, name="student"), path


def session(path, optimised=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_float_export_is_the_network(trained, tmp_path):
    model = export(trained, X, tmp_path / "float.onnx")
    kinds = [node.op_type for node in model.graph.node]
    assert "BatchNormalization" not in kinds
    assert "GlobalAveragePool" in kinds
    for batch in (1, 7):
        got = session(tmp_path / "float.onnx").run(None, {"input": X[:batch].numpy()})[0]
        assert np.abs(got - trained(X[:batch]).detach().numpy()).max() < 1e-5


def test_layers_keep_their_names(trained, quantised):
    for model in (export(trained, X), quantised[1]):
        named = {node.name: node.op_type for node in model.graph.node}
        assert len(named) == len(model.graph.node)
        assert {"stem": "Conv", "body": "Conv", "wide": "Conv", "head": "Gemm"}.items() <= named.items()
        assert named["maxpool_1"] == "MaxPool"


def test_qdq_is_standard_and_small(quantised):
    _, model, path = quantised
    assert {node.domain for node in model.graph.node} == {""}
    kinds = {t.name: t.data_type for t in model.graph.initializer if t.name.endswith(".levels")}
    assert sorted(kinds.values()) == [3] * 4 + [6] * 4  # int8 weights, int32 biases
    assert onnx.load(path) == model
    assert b"site-packages" not in path.read_bytes()


def test_onnx_runtime_fuses_every_layer(quantised, tmp_path):
    _, _, path = quantised
    session(path, tmp_path / "optimised.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3
    assert kinds.count("QLinearAdd") == 1
    assert kinds.count("QGemm") == 1
    assert kinds.count("QLinearGlobalAveragePool") == 1
    assert kinds.count("QuantizeLinear") == 1  # the input
    assert not {"Conv", "Gemm", "MatMul", "DequantizeLinear"} & set(kinds)


def test_openvino_runs_every_convolution_in_integers(quantised):
    import openvino

    compiled = openvino.Core().compile_model(str(quantised[2]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [
        [op.get_rt_info()[key].astype(str) for key in ("layerType", "runtimePrecision")]
        for op in compiled.get_runtime_model().get_ops()
    ]
    convolutions = [precision for kind, precision in kinds if "Convolution" in kind]
    assert len(convolutions) == 3
    assert set(convolutions) <= {"u8", "i8"}


def test_simulated_is_deployed(quantised):
    """Layer by layer within one step, and the same classes."""
    ready, model, _ = quantised
    exposed, steps = onnx.ModelProto(), {}
    exposed.CopyFrom(model)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            exposed.graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], 2, None))
            steps[node.output[0]] = (constants[node.input[1]], constants[node.input[2]])
    runner = onnxruntime.InferenceSession(exposed.SerializeToString(), providers=["CPUExecutionProvider"])
    logits, *levels = runner.run(None, {"input": X.numpy()})
    seen = []
    hooks = [q.register_forward_hook(lambda _m, _i, out: seen.append(out)) for q in quantize.quantizers(ready)]
    with torch.no_grad():
        simulated = ready(X).numpy()
    for hook in hooks:
        hook.remove()
    assert len(seen) == len(levels)
    for place, (got, wanted, (scale, zero)) in enumerate(zip(levels, seen, steps.values(), strict=True)):
        apart = np.abs(got - (wanted.numpy() / scale + zero))
        assert (apart > 0.01).mean() < 0.01  # a tie that rounds the other way
        assert apart.max() < 1.01 + place  # and what it does to the layers behind it
    assert (logits.argmax(1) == simulated.argmax(1)).mean() >= 0.96


@pytest.mark.parametrize("bits", [2, 4])
def test_fewer_bits_use_fewer_levels(trained, bits):
    model = export(quantize.prepare(trained, X, weight_bits=bits), X)
    levels = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == 3 and t.dims[1:]]
    assert len(levels) == 4
    assert max(np.abs(each).max() for each in levels) == 2 ** (bits - 1) - 1


class Unfit(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_what_torch_cannot_export_is_told():
    with pytest.raises(ApusError, match="cannot export Unfit"):
        export(Unfit(), X)


def test_onnxruntime_quantises_it_by_its_own_means(tmp_path):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    export(nn.Sequential(nn.Linear(8, 3), nn.ReLU(), nn.Linear(3, 5)), torch.randn(2, 8), tmp_path / "m.onnx")
    quantize_dynamic(tmp_path / "m.onnx", tmp_path / "q.onnx", weight_type=QuantType.QInt8, per_channel=True)
    assert "MatMulInteger" in {node.op_type for node in onnx.load(tmp_path / "q.onnx").graph.node}
