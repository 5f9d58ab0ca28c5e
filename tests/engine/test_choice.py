"""The planner: what it weighs, what it keeps on disk, and that results do not hang on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_graphs import load

import apus
from apus import _native
from apus.artifact import Graph, Node, Value, pack, pack_unstructured, to_bytes
from apus.bench.layers import _shared

MOST_TRIES = 4
BURN = "import time; end = time.time() + 30\nwhile time.time() < end: pass"
SCRIPT = """
import sys, time, numpy as np, apus
start = time.perf_counter()
plan = apus.Session(sys.argv[1], threads=int(sys.argv[2])).plan({"x": [16, 256]})
print(time.perf_counter() - start)
"""


def linear(rows: int, density: float, seed: int = 0, features: int = 256) -> Graph:
    """One float32 linear layer, [rows, features] → [rows, features]."""
    rng = np.random.default_rng(seed)
    keep = np.repeat(rng.random((features // 16, features)) < density, 16, axis=0)
    blocks = pack((rng.normal(size=(features, features)) * keep).astype(np.float32))
    values = {name: Value("float32", [rows, features]) for name in ("x", "y")}
    attributes = {"channels": features, "format": "block16x1"}
    node = Node("linear", "layer", ["x"], ["y"], attributes, {role: role for role in blocks._fields})
    return Graph("one", ["x"], ["y"], values, [node], blocks._asdict(), {})


def plan(graph: Graph, threads: int = 1, **options: bool) -> list[dict]:
    session = _native.Session(_native.Model.from_bytes(to_bytes(graph)), threads, **options)
    return session.plan([graph.values["x"].shape])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_every_kernel_is_weighed_and_the_best_is_first() -> None:
    (layer,) = plan(linear(16, 0.2))
    assert {"rows", "planes"} <= {option["kernel"].split("_")[2] for option in layer["options"]}
    best, second = layer["options"][:2]
    assert layer["kernel"] == best["kernel"] and layer["threads"] == best["threads"] == 1
    assert all(option["estimated_us"] > 0 for option in layer["options"])
    assert (best["measured_us"] or best["estimated_us"]) <= (second["measured_us"] or second["estimated_us"])
    assert "us" in layer["why"]


def single(rows: int, density: float, features: int = 512, dtype: str = "float32") -> Graph:
    """The same, unstructured."""
    rng = np.random.default_rng(0)
    keep = rng.random((features, features)) < density
    packed = pack_unstructured((rng.integers(-99, 99, (features, features)) * keep).astype(dtype))
    kinds = {"float32": Value("float32", [rows, features]), "int8": Value("uint8", [rows, features], 0.5, 3)}
    roles = packed._asdict() | ({"multiplier": np.full(features, 1e-3, np.float32)} if dtype == "int8" else {})
    attributes = {"channels": features, "format": "unstructured"}
    node = Node("linear", "layer", ["x"], ["y"], attributes, {role: role for role in roles})
    return Graph("one", ["x"], ["y"], dict.fromkeys(("x", "y"), kinds[dtype]), [node], roles, {})


@pytest.mark.parametrize(("rows", "dtype"), [(1, "float32"), (64, "float32"), (1, "int8"), (64, "int8")])
def test_single_weights_are_weighed_against_blocks(rows: int, dtype: str) -> None:
    (few,), (many,) = plan(single(rows, 0.02, dtype=dtype)), plan(single(rows, 1.0, dtype=dtype))
    by = {"single" if "slots" in o["kernel"] or "unstructured" in o["kernel"] else "blocks" for o in few["options"]}
    assert by == {"blocks", "single"} or (dtype == "int8" and "vnni" not in _native.isas())
    if "avx512" in _native.isas() and (dtype == "float32" or "vnni" in _native.isas()):
        assert "slots" in few["kernel"] or "unstructured" in few["kernel"], few["options"]
        assert few["density"] < 0.03
        assert not ("slots" in many["kernel"] or "unstructured" in many["kernel"]), many["options"]


def test_a_deterministic_plan_measures_nothing_and_is_the_same_for_any_threads() -> None:
    for rows in (1, 8, 12, 64):
        graph = linear(rows, 0.3)
        one, two = (plan(graph, threads, deterministic=True)[0] for threads in (1, 2))
        assert one["kernel"] == two["kernel"]
        assert all(option["measured_us"] == 0 for option in one["options"] + two["options"])


def test_results_are_the_same_whoever_is_chosen() -> None:
    graph = linear(12, 0.3)
    x = np.random.default_rng(1).normal(size=(12, 256)).astype(np.float32)
    data = to_bytes(graph)
    a, b = (apus.Session(data, threads=1, deterministic_plan=d).run(None, {"x": x})[0] for d in (False, True))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    forced = load(graph, threads=2).run([x])[0]
    np.testing.assert_array_equal(load(graph, threads=1).run([x])[0], forced)


def test_threads_that_share_a_layer_say_how_evenly() -> None:
    if apus.runtime.usable_cores() < 2:
        pytest.skip("one core")
    graph = linear(200, 0.1, features=512)
    (layer,) = load(graph, threads=2).plan([[200, 512]])
    assert layer["threads"] == 2 and 0 < layer["imbalance"] <= 0.03
    assert "2 threads within" in _shared(layer) and _shared({}) == ""
    (alone,) = plan(graph)
    assert alone["threads"] == 1 and alone["imbalance"] == 0


def test_small_work_stays_on_one_thread() -> None:
    if apus.runtime.usable_cores() < 2:
        pytest.skip("one core")
    tiny = plan(linear(1, 0.05, features=64), 2, deterministic=True)[0]
    large = plan(linear(64, 1.0, features=512), 2, deterministic=True)[0]
    assert tiny["threads"] == 1 and large["threads"] == 2


def run_script(path: Path, cache: Path, threads: int = 1) -> float:
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), str(threads)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_the_machine_is_measured_once_and_kept(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.apus"
    path.write_bytes(to_bytes(linear(16, 0.2)))
    run_script(path, cache)
    kept = measurements(cache)
    assert kept.read_text().startswith("apus machine") and "cycle linear_block16" in kept.read_text()
    for _ in range(MOST_TRIES - 1):  # fewer where the machine was calm at once
        forget_plans(cache)
        run_script(path, cache)
    text = kept.read_text()
    assert tries(kept)["kernels"] == MOST_TRIES
    forget_plans(cache)
    run_script(path, cache)
    assert kept.read_text() == text, "measured again"
    if apus.runtime.usable_cores() > 1:
        run_script(path, cache, threads=2)
        assert "barrier 2" in kept.read_text() and 1 <= tries(kept)["pool 2"] <= MOST_TRIES


def test_every_kernel_of_the_planner_has_its_own_figure(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.apus"
    path.write_bytes(to_bytes(linear(16, 0.2)))
    run_script(path, cache)
    kept = measurements(cache)
    for kernel in ("rows_f32_f32", "planes_f32_f32", "rows_u8_u8", "runs_u8_u8", "runs_u8_f32", "planes_u8_f32"):
        assert f"cycle linear_block16_{kernel}" in kept.read_text()


def test_what_a_busy_machine_said_is_measured_again_and_the_least_stays(cache: Path, tmp_path: Path) -> None:
    """Three processes on one CPU: none gets it for itself, which their CPU time shows."""
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        pytest.skip("processes of real time do not share a CPU")
    path = tmp_path / "one.apus"
    path.write_bytes(to_bytes(linear(16, 0.2)))
    cpu = min(os.sched_getaffinity(0))
    burners = [subprocess.Popen(["taskset", "-c", str(cpu), sys.executable, "-c", BURN]) for _ in range(2)]
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {cpu})
        run_script(path, cache)
    finally:
        os.sched_setaffinity(0, before)
        for burner in burners:
            burner.kill()
            burner.wait()
    kept = measurements(cache)
    assert tries(kept) == {"kernels": 1}
    first = figures(kept)
    name = next(name for name in first if name.startswith("cycle linear_block16_rows_f32"))
    kept.write_text(kept.read_text().replace(f"{name} ", f"{name} 9"))  # as if measured under much more
    forget_plans(cache)
    run_script(path, cache)
    assert tries(kept)["kernels"] in (2, MOST_TRIES)
    assert all(figures(kept)[n] <= first[n] for n in first if n.startswith("cycle") and n != name)
    assert figures(kept)[name] < 9


def measurements(cache: Path) -> Path:
    (kept,) = (cache / "apus").glob("machine-*")
    return kept


def forget_plans(cache: Path) -> None:
    """So that the next process has to plan."""
    shutil.rmtree(cache / "apus" / "plans")


def figures(kept: Path) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.split()[-1]) for line in kept.read_text().splitlines()[1:]}


def tries(kept: Path) -> dict[str, float]:
    return {name.removeprefix("tries "): n for name, n in figures(kept).items() if name.startswith("tries ")}


@pytest.mark.parametrize(
    "text", ["", "apus machine 0\ntries kernels 4\n", "apus machine 5\ntries kernels -4\n", "apus machine 5\nx"]
)
def test_a_spoilt_cache_is_measured_anew(text: str, cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.apus"
    path.write_bytes(to_bytes(linear(16, 0.2)))
    run_script(path, cache)
    kept = measurements(cache)
    kept.write_text(text)
    forget_plans(cache)
    run_script(path, cache)
    assert "cycle linear_block16" in kept.read_text()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "one.apus"
    path.write_bytes(to_bytes(linear(16, 0.2)))
    (tmp_path / "file").write_text("")
    run_script(path, tmp_path / "file" / "beneath")
