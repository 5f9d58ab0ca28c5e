import numpy as np
import pytest
import safetensors.torch
import torch

from apus.artifact import write
from apus.compile import compile_model
from apus.errors import DataError
from apus.export import export
from apus.models.minilm import CALLED, MiniLM, pretrained
from apus.runtime import Session
from apus.techniques import distill, quantize

SMALL = {"layers": 2, "width": 24, "inner": 48, "vocabulary": 50, "longest": 12}


def small(**options):
    torch.manual_seed(0)
    return MiniLM(5, **SMALL | options).eval()


def rows(count=6, length=12):
    torch.manual_seed(1)
    x = torch.randint(1, 50, (count, length))
    x[torch.arange(length) >= torch.arange(3, 3 + count)[:, None]] = 0
    return x


def test_filling_is_not_read():
    model, x = small(), rows()
    torch.testing.assert_close(model(x[:1, :3]), model(x[:1]))
    swapped = x.clone()
    swapped[:, [0, 1]] = x[:, [1, 0]]
    assert not torch.allclose(model(swapped), model(x))  # places are


def test_it_learns_a_word():
    model, x = small(dropout=0.0).train(), rows(8)
    y = (x == 7).any(1).long()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert (model.eval()(x).argmax(1) == y).all()


def test_frozen_embeddings_do_not_learn():
    model = small(frozen=True)
    model(rows()).sum().backward()
    assert all(p.grad is None for p in model.embed.parameters())
    assert all(p.grad is not None for p in model.layers.parameters())


@pytest.mark.parametrize("curve", ["gelu", "relu"])
@pytest.mark.parametrize("bits", [0, 8])
def test_the_engine_runs_it_as_a_transformer(curve, bits, tmp_path):
    model, x = small(curve=curve, heads=3), rows()
    if bits:
        model = quantize.prepare(model, x, weight_bits=bits, embeddings=True, trace=False).eval()
    with torch.no_grad():
        expected = model(x).numpy()
    export(model, x, tmp_path / "model.onnx")
    graph = compile_model(tmp_path / "model.onnx")
    operators = [node.op for node in graph.nodes]
    assert operators.count("attention") == 2
    assert operators.count("layer_norm") == 5
    assert operators.count("linear") == 2 * 4 + 1  # the three projections are one
    write(graph, tmp_path / "model.apus")
    found = Session(tmp_path / "model.apus", threads=1).run(None, {"input": x.numpy()})[0]
    step = (expected.max() - expected.min()) / 255
    np.testing.assert_allclose(found, expected, atol=4 * step if bits else 1e-5)


def test_a_student_starts_from_every_second_layer():
    large, student = small(layers=4), small(layers=2, curve="relu")
    names = {"embed": "embed", "head": "head", "layers.0": "layers.0", "layers.1": "layers.2"}
    distill.initialise(student, large, names)
    assert torch.equal(student.layers[1].up.weight, large.layers[2].up.weight)
    with distill.Taps(student, "layers.*", "layers.*.scores") as taps:
        student(rows())
    assert taps["layers.1"].shape == (6, 12, 24)
    assert taps["layers.0.scores"].shape == (6, 12, 12, 12)


def test_heads_and_curves_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="share the width"):
        small(heads=5)
    with pytest.raises(ValueError, match="gelu, relu"):
        small(curve="tanh")


def package(path, model):
    """A file as MiniLM's package has it, of a model of 384."""
    back, found = {own: theirs for theirs, own in CALLED.items()}, {}
    for name, tensor in model.state_dict().items():
        where, _, kind = name.rpartition(".")
        if where.startswith("layers."):
            _, layer, part = where.split(".")
            found[f"encoder.layer.{layer}.{back[part]}.{kind}"] = tensor
        elif where.startswith("embed."):
            called = {"tokens": "word_embeddings", "places": "position_embeddings", "norm": "LayerNorm"}
            found[f"embeddings.{called[where.removeprefix('embed.')]}.{kind}"] = tensor
    found["embeddings.token_type_embeddings.weight"] = torch.full((2, 384), 0.5)
    found["pooler.dense.weight"] = torch.zeros(1)
    path.write_bytes(safetensors.torch.save(found))
    return path


def test_published_weights_are_found_by_name(tmp_path):
    torch.manual_seed(0)
    original = MiniLM(3, layers=2)
    file = package(tmp_path / "model.safetensors", original)
    read = pretrained(26, layers=2, path=str(file), frozen=True)
    assert torch.equal(read.layers[1].down.weight, original.layers[1].down.weight)
    assert torch.equal(read.layers[0].last_norm.bias, original.layers[0].last_norm.bias)
    torch.testing.assert_close(read.embed.places.weight, original.embed.places.weight + 0.5)
    assert read.head.out_features == 26
    with pytest.raises(DataError, match="not MiniLM's weights"):
        pretrained(26, layers=3, path=str(file))
    with pytest.raises(DataError, match=r"nowhere\.safetensors"):
        pretrained(26, path="nowhere.safetensors")
