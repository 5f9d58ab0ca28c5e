"""The command: every sub-command on a real model, `--json`, and errors in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from apus import cli
from apus.cli.extras import command_for
from apus.errors import RunError


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def read(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    assert run(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def data(images: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "data.npz"
    np.savez(path, image=images, label=np.zeros(32))
    return path


@pytest.fixture(scope="module")
def files(convnet: Path, convnet_apus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model, and what may be taken for one: another one, one of foreign operators, one whose weights are gone."""
    folder = tmp_path_factory.mktemp("models")
    texts = {
        "custom": '<ir_version: 8, opset_import: ["": 17, "com.acme": 1]> m (float[4] x) => (float[4] y)'
        " { y = com.acme.Frob(x) }",
        "other": '<ir_version: 8, opset_import: ["": 17]> m (float[4] image) => (float[4] logits)'
        " { logits = Relu(image) }",
    }
    for name, text in texts.items():
        onnx.save(onnx.parser.parse_model(text), folder / f"{name}.onnx")
    onnx.save(onnx.load(convnet), folder / "beside.onnx", save_as_external_data=True, location="gone", size_threshold=0)
    (folder / "gone").unlink()
    return {"model": convnet, "apus": convnet_apus} | {n: folder / f"{n}.onnx" for n in (*texts, "beside")}


def test_weights_beside_a_model_count(convnet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, parts = tmp_path / "whole.onnx", tmp_path / "parts.onnx"
    onnx.save(onnx.load(convnet), whole)
    onnx.save(onnx.load(convnet), parts, save_as_external_data=True, location="weights", size_threshold=0)
    ratios = [read(capsys, "compile", model)["ratio"] for model in (whole, parts)]
    assert ratios[1] == pytest.approx(ratios[0], rel=0.2)


def test_layer_norm_is_no_int8_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '<ir_version: 8, opset_import: ["": 17]> m (float[2,4] x) => (float[2,4] y) <float[4] s = {1, 2, 3, 4}>'
    onnx.save(onnx.parser.parse_model(text + "{ y = LayerNormalization(x, s) }"), tmp_path / "norm.onnx")
    assert read(capsys, "compile", tmp_path / "norm.onnx")["int8"] == 0


def test_compile_writes_beside_the_model(convnet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "net.onnx"
    model.write_bytes(convnet.read_bytes())
    assert run("compile", model) == 0
    assert "net.apus" in capsys.readouterr().out and (tmp_path / "net.apus").is_file()
    summary = read(capsys, "compile", model, "-o", tmp_path / "other.apus", "--shape", "image=1,1,12,12")
    assert summary["bytes"] == (tmp_path / "other.apus").stat().st_size and summary["int8"] == 0


def test_bf16_compile_verify_inspect(convnet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.apus"
    assert run("compile", convnet, "-o", small, "--precision", "bf16") == 0
    text = capsys.readouterr().out
    assert "in bf16)" in text and "off by at most 7.8e-03 of Σ|w||x|" in text
    whole = read(capsys, "compile", convnet)
    half = read(capsys, "compile", convnet, "-o", small, "--precision", "bf16")
    assert whole["bf16"] == 0 < half["bf16"] and whole["error_bound"] < 2**-7 < half["error_bound"]
    assert half["bytes"] <= whole["bytes"]
    (check,) = read(capsys, "verify", convnet, small, "--shape", "image=1,1,12,12")
    assert check["passed"] and 1e-4 < check["relative"] < check["tolerance"] == 0.02
    for model in (["inspect", small], ["inspect", convnet, "--precision", "bf16"]):
        layers = read(capsys, *model, "--no-time", "--shape", "image=1,1,12,12")
        assert {layer["bits"] for layer in layers if layer["density"] is not None} == {16}
    with pytest.raises(SystemExit):
        run("compile", convnet, "--precision", "fp16")


def test_quantize_compile_verify(convnet: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.onnx"
    summary = read(capsys, "quantize", convnet, "--calibration", data, "-o", small, "--ranges", "percentile")
    assert summary["nodes"]["QuantizeLinear"] > 3
    assert read(capsys, "compile", small)["int8"] == 3
    (check,) = read(capsys, "verify", small, tmp_path / "small.apus", "--data", data)
    assert check["passed"] and check["argmax_pct"] > 90
    assert run("verify", small, tmp_path / "small.apus", "--data", data, "--batch", 4) == 0
    assert "logits" in capsys.readouterr().out


def test_verify_ends_with_1_when_runs_disagree(
    convnet: Path, convnet_apus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(convnet)
    (bias,) = [tensor for tensor in model.graph.initializer if tensor.name == "b3"]
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 1, "b3"))
    onnx.save(model, tmp_path / "other.onnx")
    assert run("verify", tmp_path / "other.onnx", convnet_apus) == 1
    assert "error: output 'logits'" in capsys.readouterr().err


def test_inspect_names_every_layer(convnet: Path, convnet_apus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timed = read(capsys, "inspect", convnet_apus, "--runs", 3, "--batch", 2)
    assert {"stem", "body", "head"} <= {layer["name"] for layer in timed}
    assert all(layer["microseconds"] >= 0 and layer["kernel"] for layer in timed)
    assert run("inspect", convnet, "--no-time") == 0
    assert "conv 3x3 + relu" in capsys.readouterr().out


def test_bench_compares_and_writes(
    convnet: Path,
    convnet_apus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("apus.bench.turns.WARM_UP_SECONDS", 0.0)
    words = ["bench", convnet_apus, "--onnx", convnet, "--seconds", 0.05, "-o", tmp_path / "out.json"]
    result = read(capsys, *words, "--against", "onnxruntime,openvino")
    assert {row["metric"] for row in result["rows"]} == {"p50_us", "speedup_vs_onnxruntime", "speedup_vs_openvino"}
    assert json.loads((tmp_path / "out.json").read_text())["rows"] == result["rows"]
    assert run("bench", convnet, "--seconds", 0.05) == 0
    assert "onnxruntime" in capsys.readouterr().out


def test_bench_says_what_an_engine_cannot_read(convnet_apus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("bench", convnet_apus) == 2
    assert "give the ONNX model it was compiled from with --onnx" in capsys.readouterr().err
    assert run("bench", convnet_apus, "--against", "torch") == 2
    assert "give --torch FILE.pt2" in capsys.readouterr().err


def test_doctor_lists_machine_extras_and_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("APUS_DATA", str(tmp_path))
    report = read(capsys, "doctor")
    assert report["machine"]["can force"].startswith("scalar")
    assert report["extras"]["compile"]["onnx"] == onnx.__version__
    assert set(report["extras"]["tpu"]) == {"torch_tpu", "libtpu"}
    assert command_for("xla_plugins") == "pip install 'apus-ml[tpu-check]'"
    assert set(report["data"]) >= {"mnist", "fashion-mnist"}
    monkeypatch.setattr("apus.cli.doctor.version", lambda package: None)
    assert run("doctor") == 0
    assert "pip install 'apus-ml[train]'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compil"], "no command 'compil'; did you mean 'compile'"),
        (["compile", "missing.onnx"], "no file missing.onnx"),
        (["compile"], "required: model"),
        (["quantize", "x.onnx"], "required: --calibration"),
        (["inspect", "{model}", "--shape", "image"], "write it as NAME=1,3,224,224"),
        (["inspect", "{model}", "--shape", "imag=1,1,12,12"], "no input 'imag'; did you mean 'image'"),
        (["inspect", "{model}", "--threads", "0"], "threads=0"),
        (["compile", "{model}", "-o", "/no/such/net.apus"], "there is no folder /no/such"),
        (["quantize", "{model}", "--calibration", "x.npz", "-o", "/no/such/q.onnx"], "there is no folder /no/such"),
        (["bench", "{model}", "-o", "/no/such/out.json"], "there is no folder /no/such"),
        (["compile", "{model}", "-o", "{model}"], "is the model itself, which would be lost"),
        (
            ["quantize", "{model}", "--calibration", "x.npz", "-o", "{model}"],
            "is the model itself, which would be lost",
        ),
        (["quantize", "{model}", "--calibration", "x.npz", "--percentile", "90"], "90 needs --ranges percentile"),
        (["compile", "{model}", "--threads", "2"], "--threads 2: 1 or more, of the measurement that --allow"),
        (["serve", "{model}", "--port", "99999"], "ports are 0 to 65535"),
        (["inspect", "/dev/null"], "/dev/null is a device or a pipe"),
        (["bench", "{model}", "--against", "tvm"], "no contender 'tvm'"),
        (["bench", "{model}", "--threads", "99"], "CPUs are usable"),
        (["bench", "{model}", "--seconds", "-1"], "-1 is no number of 0 or more"),
        (["bench", "{model}", "--tolerance", "nan"], "nan is no number of 0 or more"),
        (["inspect", "{model}", "--batch", "0"], "0 is no whole number of 1 or more"),
        (["inspect", "{model}", "--batch", "-3"], "-3 is no whole number of 1 or more"),
        (["inspect", "{model}", "--runs", "0"], "0 is no whole number of 1 or more"),
        (["compile", "{apus}"], "it was compiled already"),
        (["bench", "{apus}", "--against", "tvm"], "no contender 'tvm'"),
        (["bench", "{custom}"], "onnxruntime cannot load"),
        (["inspect", "{custom}"], "com.acme.Frob of node 'y'"),
        (["verify", "{custom}", "{apus}"], "the judge, cannot open"),
        (["verify", "{other}", "{apus}"], "is it another model?"),
        (["compile", "{beside}"], "copy it beside the model"),
    ],
)
def test_an_error_is_one_line_and_2(
    words: list[str], message: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = run(*[word.format(**files) for word in words])
    except SystemExit as end:  # argparse's own way out
        status = end.code
    captured = capsys.readouterr()
    assert status == 2
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1 and message in captured.err


def test_a_near_file_is_named(convnet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compile", convnet.with_name("convnt.onnx")) == 2
    assert f"did you mean {convnet}" in capsys.readouterr().err


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, convnet: Path) -> None:
    monkeypatch.setenv("APUS_DEBUG", "1")
    with pytest.raises(RunError):
        run("bench", convnet, "--threads", 99)


def test_an_absent_package_becomes_a_command(
    monkeypatch: pytest.MonkeyPatch, convnet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(options: object) -> int:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("apus.cli.inspect.run", absent)
    assert run("inspect", convnet) == 2
    assert "torch is not installed: pip install 'apus-ml[train]'" in capsys.readouterr().err


def test_ctrl_c_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, convnet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("apus.cli.inspect.run", interrupted)
    assert run("inspect", convnet) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_help_imports_no_sub_command() -> None:
    code = (
        "import sys; from apus.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'onnx', 'rich', 'apus.cli.bench') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]")
    assert all(command in done.stdout for command in cli.COMMANDS)


def test_help_says_what_a_pattern_excludes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("quantize", "--help")
    assert "'/head/*'" in capsys.readouterr().out


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_sub_command_has_help_and_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(command, "--help")
    assert end.value.code == 0 and "--json" in capsys.readouterr().out


def test_tables_need_no_rich(convnet_apus: Path) -> None:
    code = (
        f"import sys; sys.modules['rich'] = None; from apus.cli import main; main(['inspect', {str(convnet_apus)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "layer" in done.stdout and "body" in done.stdout


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "apus.cli", "--version"],
        check=True,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert done.stdout.startswith("apus ")


def test_a_closed_pipe_is_no_error(convnet_apus: Path) -> None:
    shell = f"{sys.executable} -m apus.cli inspect {convnet_apus} --json | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", shell], check=False, capture_output=True, text=True)
    assert done.stdout == "[\n" and done.stderr == ""
