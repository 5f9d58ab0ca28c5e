"""A user's own network, data and loss from a recipe to a verified `.apus`, by the command."""

import json
import time

import numpy as np
import pytest

import apus as engine
from apus.artifact import read

SECONDS_OF_WORK = 8


def test_from_own_parts_to_a_verified_file(apus, workplace):
    planned = json.loads(apus("compress", "own.toml", "--dry-run", "--json").stdout)
    assert [row["stage"] for row in planned][:4] == ["teacher", "student", "prune", "quantize"]
    assert not (workplace / "runs").exists()

    report = json.loads(apus("compress", "own.toml", "--json").stdout)
    value = {(row["case"], row["metric"]): row["value"] for row in report["rows"]}
    assert value["teacher", "accuracy_pct"] > 85
    assert value["student", "accuracy_pct"] > 80
    assert value["student", "size_ratio"] > 1.5
    assert {"p50_us", "bytes", "speedup_vs_teacher_onnxruntime", "speedup_vs_dense_int8_peer"} <= {m for _, m in value}
    run = workplace / "runs" / "own"
    verified = json.loads((run / "verify.json").read_text())
    assert all(each["passed"] for each in verified["against"].values())
    assert verified["against"]["onnxruntime"]["agreement_pct"] == 100
    assert (run / "report.html").stat().st_size > 1000
    assert [stage["stage"] for stage in report["stages"]] == ["teacher", "student", "prune", "quantize"]

    graph = read(run / "student.apus")
    assert graph.metadata["recipe"]["name"] == "own"
    x = np.zeros((3, 2, 10, 10), np.float32)
    assert engine.Session(run / "student.apus", threads=1).run(None, {"input": x})[0].shape == (3, 4)

    began = time.monotonic()
    again = apus("compress", "own.toml")
    assert time.monotonic() - began < SECONDS_OF_WORK + 20
    assert again.stderr.count("done before") == 9
    states = json.loads(apus("compress", "own.toml", "--dry-run", "--json").stdout)
    assert {row["state"] for row in states} == {"done"}

    changed = (workplace / "own.toml").read_text().replace("learning_rate = 0.002", "learning_rate = 0.003")
    (workplace / "own.toml").write_text(changed)
    states = json.loads(apus("compress", "own.toml", "--dry-run", "--json").stdout)
    assert [row["stage"] for row in states if row["state"] == "done"] == ["teacher", "student", "prune"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("own_parts:teacher", "own_parts:techer", "[teacher] model = 'own_parts:techer': own_parts has no 'techer'"),
        ("sparsity = 0.6", "sparsety = 0.6", "[prune]: unknown key 'sparsety'; did you mean 'sparsity'"),
        ("width = 32", "widht = 32", "[teacher] model: calling it with {'widht': 32} failed"),
        ('"own_parts:data"', '"no/such/folder"', "[data] source = 'no/such/folder': no such folder of images"),
    ],
)
def test_errors_come_first_and_in_one_line(apus, workplace, old, new, said):
    (workplace / "own.toml").write_text((workplace / "own.toml").read_text().replace(old, new))
    done = apus("compress", "own.toml", check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (workplace / "runs" / "own" / "teacher").exists()
