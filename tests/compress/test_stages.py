"""What each stage leaves: learn, deliver, verify, measure, collect, and the plan of road."""

import base64
import dataclasses
import io
import json

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from apus.artifact import read
from apus.compress import collect, deliver, plan, run, stages_of, verify
from apus.compress.job import Job
from apus.compress.measure import OURS, PEERS, TEACHER
from apus.compress.recipe import VerifyPart
from apus.compress.recipe_stages import PrunePart, QuantizePart
from apus.errors import RecipeError, VerificationError

STAGES = ("teacher", "student", "prune", "quantize")


def changed(job, **parts):
    return Job(dataclasses.replace(job.recipe, **parts), job.folder, job.sources, job.splits)


def test_learn_keeps_weights_history_and_facts(finished):
    job, _ = finished
    for stage in STAGES:
        done = job.folder.record(stage)
        assert {"accuracy_pct", "valid_accuracy_pct", "parameters", "seconds", "fingerprint"} <= set(done)
        assert job.folder.read_json(f"{stage}/history.json")[-1]["step"] == done["steps"]
        assert (job.folder.stage(stage) / "weights.safetensors").exists()


def test_pruned_blocks_stay_zero_to_the_end(finished):
    job, _ = finished
    pruned, quantised = (job.trained(stage) for stage in ("prune", "quantize"))
    dead = pruned.point.weight == 0
    assert dead.float().mean() == pytest.approx(0.6, abs=0.05)
    assert (quantised.point.layer.weight[dead] == 0).all()
    assert {row["name"] for row in job.folder.record("prune")["layers"]} == {"stem", "deep", "point", "head"}


def test_a_trained_network_comes_back_the_same(finished):
    job, _ = finished
    with torch.no_grad():
        assert torch.equal(job.trained("quantize")(job.example), job.trained("quantize")(job.example))


def test_delivered_files_by_stage(finished):
    job, _ = finished
    files = deliver.models(job.recipe, job.folder.path, ".onnx")
    names = [str(path.relative_to(job.folder.path)) for path in files.values()]
    assert names == ["teacher.onnx", "stages/student.onnx", "stages/prune.onnx", "student.onnx"]
    for path in files.values():
        onnx.checker.check_model(path)
    for stage, path in deliver.models(job.recipe, job.folder.path, ".apus").items():
        assert read(path).metadata["stage"] == stage
    short = dataclasses.replace(job.recipe, prune=PrunePart(enabled=False), quantize=QuantizePart(enabled=False))
    assert [p.name for p in deliver.models(short, job.folder.path, ".apus").values()] == [
        "teacher.apus",
        "student.apus",
    ]


@pytest.mark.parametrize(
    ("bounds", "said"),
    [(VerifyPart(agreement=100.5), "100.00 % of classes agree .bound 100.5 %"), (VerifyPart(torch_steps=-1), "torch")],
)
def test_a_broken_bound_stops_the_run(finished, bounds, said):
    with pytest.raises(VerificationError, match=said):
        verify.verify(changed(finished[0], verify=bounds), "")


def test_differences_are_counted_in_steps():
    reference = np.array([[0.0, 255.0], [255.0, 0.0]], np.float32)
    facts = verify.compare(reference + np.float32([[0, 3], [0, 0]]), reference, 2.0, 99.0)
    assert (facts["max_steps"], facts["agreement_pct"], facts["passed"]) == (3.0, 100.0, False)
    assert verify.compare(reference[::-1], reference, 1000.0, 99.0)["agreement_pct"] == 0


def test_measure_times_everybody(finished):
    job, _ = finished
    (setting,) = job.folder.read_json("measure.json")["settings"]
    timed = [row["contender"] for row in setting["rows"]]
    stages = [f"{stage} stage in apus" for stage in ("teacher", "student", "prune")]
    assert timed == [TEACHER, *PEERS, OURS, *stages]
    assert all(row["p50_us"] > 0 for row in setting["rows"])
    assert job.folder.read_json("measure.json")["layers"]


def test_report_has_the_rows_of_the_design(finished):
    job, _ = finished
    report = json.loads((job.folder / "report.json").read_text())
    rows = {(row["case"], row["metric"]): row for row in report["rows"]}
    for case in ("teacher", "student"):
        assert {"accuracy_pct", "bytes", "p50_us"} <= {metric for c, metric in rows if c == case}
    for metric in ("size_ratio", "speedup_vs_teacher_onnxruntime", "speedup_vs_dense_int8_peer"):
        row = rows["student", metric]
        assert row["low"] <= row["value"] <= row["high"]
    assert rows["student", "speedup_vs_dense_int8_peer"]["detail"]["best_peer"] in PEERS
    assert rows["student", "bytes"]["value"] == (job.folder / "student.apus").stat().st_size
    assert set(report["history"]) == set(STAGES)
    assert report["recipe"]["name"] == "own"


def test_mistakes_are_images_the_teacher_knew(finished):
    job, _ = finished
    one = np.zeros((1, 4, 4), np.uint8)
    one[0, 0, 0] = 255
    image = Image.open(io.BytesIO(base64.b64decode(collect._png(one))))
    assert image.size == (4, 4)
    assert image.getpixel((0, 0)) == 255
    assert json.loads((job.folder / "report.json").read_text())["mistakes"] == []  # two channels are no picture


def test_road_skips_what_is_done_and_says_so(finished):
    job, lines = finished
    (table,) = (line for line in lines if "imbalance" in line)
    assert "point" in table and len(lines) == 2 * 9 + 1
    again = []
    run(job.recipe, job.sources, job.folder, say=again.append)
    assert len(again) == 9
    assert all("done before" in line for line in again)


def test_a_change_reaches_all_stages_after_it(finished):
    job, _ = finished
    other = dataclasses.replace(job.recipe, prune=dataclasses.replace(job.recipe.prune, sparsity=0.5))
    open_stages = [p.stage for p in plan(other, job.sources, job.folder) if p.done is None]
    assert open_stages == stages_of(job.recipe)[2:]
    measured = dataclasses.replace(job.recipe, measure=dataclasses.replace(job.recipe.measure, seconds=9.0))
    assert [p.stage for p in plan(measured, job.sources, job.folder) if p.done is None] == ["measure", "report"]


def test_stages_alone(finished, tmp_path):
    job, _ = finished
    lines = []
    run(job.recipe, job.sources, job.folder, ["compile"], True, lines.append)
    assert [line for line in lines if "compile done in" in line]
    with pytest.raises(RecipeError, match="no stage 'fly'"):
        run(job.recipe, job.sources, job.folder, ["fly"])
    with pytest.raises(RecipeError, match="stage teacher is not done, and export needs it"):
        run(job.recipe, job.sources, type(job.folder)(tmp_path), ["export"])
