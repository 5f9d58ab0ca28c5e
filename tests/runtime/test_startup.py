"""What it costs to begin, with limits that only a fault can pass, and what a fork and a shared session do."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import pytest

import apus

ROOT = Path(__file__).parents[2]
RELU = onnx.parser.parse_model(
    '<ir_version: 8, opset_import: ["": 17]> m (float[1,4] x) => (float[1,4] y) { y = Relu(x) }'
)
OPEN = """
import sys
from pathlib import Path
from benchmarks.startup.fresh import main
main(sys.argv[1])
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 MB of weights."""
    random = np.random.default_rng(0)
    weights = [
        onnx.numpy_helper.from_array(random.standard_normal((1024, 1024), np.float32), f"w{i}") for i in range(10)
    ]
    nodes = [onnx.helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]) for i in range(10)]
    ends = [onnx.helper.make_tensor_value_info(name, 1, ["N", 1024]) for name in ("x0", "x10")]
    graph = onnx.helper.make_graph(nodes, "wide", ends[:1], ends[1:], weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return apus.compile(model, tmp_path_factory.mktemp("wide") / "wide.apus")


def test_python_costs_a_few_microseconds() -> None:
    session, feed = apus.Session(RELU, threads=1), {"x": np.zeros((1, 4), np.float32)}
    taken = []
    for _ in range(3000):
        start = time.perf_counter_ns()
        session.run(None, feed)
        taken.append(time.perf_counter_ns() - start)
    assert median(taken) < 10_000


def test_a_fresh_process_holds_the_weights_once(wide: Path, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", OPEN, str(wide)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
    found = json.loads(done.stdout)
    assert found["resident_mb"] - wide.stat().st_size / 2**20 < 40
    assert found["first_result_ms"] < 5000


def test_sessions_of_one_file_share_its_pages(wide: Path) -> None:
    def anonymous() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    feed = {"x0": np.ones((1, 1024), np.float32)}
    sessions = [apus.Session(wide, threads=1)]
    sessions[0].run(None, feed)
    before = anonymous()
    sessions += [apus.Session(wide, threads=1) for _ in range(4)]
    for session in sessions:
        session.run(None, feed)
    assert anonymous() - before < 20 * 1024  # kB; four copies would be 160 MB


def test_eight_threads_get_the_bits_that_one_gets(wide: Path) -> None:
    session = apus.Session(wide)
    feeds = [np.random.default_rng(i).standard_normal((1 + i % 2, 1024)).astype(np.float32) for i in range(8)]
    wanted = [session.run(None, {"x0": x})[0] for x in feeds]
    wrong: list[int] = []

    def work(place: int) -> None:
        for _ in range(10):
            if not np.array_equal(session.run(None, {"x0": feeds[place]})[0], wanted[place]):
                wrong.append(place)

    workers = [threading.Thread(target=work, args=[place]) for place in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def _child(
    session: apus.Session, feed: dict[str, np.ndarray], results: "multiprocessing.SimpleQueue[np.ndarray]"
) -> None:
    results.put(session.run(None, feed)[0])


def test_a_fork_in_the_middle_of_planning_still_runs(wide: Path) -> None:
    feed = {"x0": np.ones((1, 1024), np.float32)}
    session = apus.Session(wide)
    planning = threading.Thread(target=session.plan, args=[{"x0": [3, 1024]}])
    planning.start()
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_child, args=(session, feed, results))
    child.start()
    child.join(60)
    planning.join()
    assert child.exitcode == 0
    np.testing.assert_allclose(results.get(), session.run(None, feed)[0], rtol=1e-4, atol=1e-2)


def test_a_file_that_is_replaced_by_renaming_leaves_open_sessions_as_they_were(wide: Path, tmp_path: Path) -> None:
    """It is above 16 MB, so mapped."""
    path, feed = tmp_path / "network.apus", {"x0": np.ones((1, 1024), np.float32)}
    path.write_bytes(wide.read_bytes())
    session = apus.Session(path, threads=1)
    (tmp_path / "newer").write_bytes(b"x" * 100)
    (tmp_path / "newer").replace(path)
    np.testing.assert_array_equal(session.run(None, feed)[0], apus.Session(wide, threads=1).run(None, feed)[0])


CUT = """
import os, sys
import numpy as np
import apus
path, how = sys.argv[1:]
session = apus.Session(path if how == "mapped" else open(path, "rb").read(), threads=1)
os.truncate(path, 4096)
session.run(None, {"x0": np.ones((1, 1024), np.float32)})
"""


@pytest.mark.parametrize(("how", "code"), [("mapped", -signal.SIGBUS), ("copied", 0)])
def test_cutting_a_mapped_file_short_ends_the_process_and_bytes_are_safe(
    how: str, code: int, wide: Path, tmp_path: Path
) -> None:
    path = tmp_path / "network.apus"
    path.write_bytes(wide.read_bytes())
    done = subprocess.run([sys.executable, "-c", CUT, str(path), how], capture_output=True)
    assert done.returncode == code, done.stderr
