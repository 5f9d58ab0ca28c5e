"""Sessions: shapes, errors, memory, threads, forks, forced instruction sets."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np
import pytest
from engine_graphs import load, packed_weights, quantised, real, single

from apus import _native
from apus.artifact import Array, Graph, Node, Value, to_bytes
from apus.errors import ArtifactError, IsaError, RunError


def chain(length: int = 12, shape: tuple[int | str, ...] = ("N", 64)) -> Graph:
    """y = x + 1, `length` times."""
    graph = Graph("chain", ["v0"], [f"v{length}"], {"v0": real(*shape)}, tensors={"one": np.float32(1)})
    for i in range(length):
        graph.values[f"v{i + 1}"] = real(*shape)
        graph.nodes.append(Node("binary", f"n{i}", [f"v{i}", "one"], [f"v{i + 1}"], {"function": "add"}))
    return graph


def small_network() -> Graph:
    """quantize, int8 conv, linear on its flattened result; any batch."""
    conv = {"kernel": [3, 3], "strides": [1, 1], "pads": [1] * 4, "dilations": [1, 1], "groups": 1}
    graph = Graph("net", ["x"], ["y", "q"])
    graph.values = {"x": real("N", 3, 12, 12), "q": quantised("N", 3, 12, 12), "c": quantised("N", 16, 12, 12)}
    graph.values |= {"f": quantised("N", 2304), "y": real("N", 10)}
    for prefix, roles in (("c", packed_weights(16, 27, "int8")), ("l", packed_weights(10, 2304, "int8"))):
        graph.tensors |= {f"{prefix}.{role}": array for role, array in roles.items()}
    roles = ("values", "columns", "strips", "bias", "multiplier")
    graph.nodes = [
        Node("quantize", "in", ["x"], ["q"]),
        Node(
            "conv", "conv", ["q"], ["c"], conv | {"channels": 16, "format": "block16x1"}, {r: f"c.{r}" for r in roles}
        ),
        Node("flatten", "flat", ["c"], ["f"], {"axis": 1}),
        Node("linear", "fc", ["f"], ["y"], {"channels": 10, "format": "block16x1"}, {r: f"l.{r}" for r in roles}),
    ]
    return graph


def images(n: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, 3, 12, 12)).astype(np.float32)


def test_shapes_change_from_run_to_run_beyond_the_cache() -> None:
    session = load(small_network())
    whole = session.run([images(20)])[0]
    for n in [*range(20, 0, -1), *range(1, 21)]:
        np.testing.assert_array_equal(session.run([images(20)[:n]])[0], whole[:n])


def test_an_output_that_others_read_is_given_too() -> None:
    x = images(2)
    _, q = load(small_network()).run([x])
    expected = np.clip(np.rint(x / np.float32(0.05)) + 117, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(q, expected)


def test_results_are_fresh_arrays_and_inputs_stay() -> None:
    session, x = load(chain(1)), np.zeros((2, 64), np.float32)
    first = session.run([x])[0]
    second = session.run([x + 5])[0]
    assert first.max() == 1 and second.max() == 6 and x.max() == 0
    assert first.flags.owndata and first.flags.writeable


def test_read_only_input_is_taken() -> None:
    x = np.zeros((2, 64), np.float32)
    x.flags.writeable = False
    assert load(chain(1)).run([x])[0].max() == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([], "takes 1 inputs, got 0"),
        ([np.zeros((2, 64))], "float32"),
        ([np.zeros((2, 64), np.int32)], "float32"),
        ([np.zeros((2, 65), np.float32)], r"\[2, 65\]"),
        ([np.zeros(64, np.float32)], r"\[64\]"),
        ([np.zeros((64, 2), np.float32).T], "contiguous"),
        ([np.zeros(2 * 64 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(2, 64)], "aligned"),
        (["text"], "contiguous"),
    ],
)
def test_wrong_inputs_are_named(arrays: list[Array], message: str) -> None:
    with pytest.raises(RunError, match=message):
        load(chain(1)).run(arrays)


def test_inner_shape_that_disagrees_is_an_error() -> None:
    graph = chain(1)
    graph.values["v1"] = real(7, 64)
    with pytest.raises(RunError, match=r"'v1'.*\[2, 64\].*\[7, 64\]"):
        load(graph).run([np.zeros((2, 64), np.float32)])


def test_memory_is_reused_along_a_chain() -> None:
    """A long chain of large values must not need more than a few of them at once."""
    script = (
        "import resource, sys, numpy as np; sys.path.insert(0, 'tests/engine');"
        "from test_engine_sessions import chain, load; session = load(chain(60, ('N', 1 << 20)));"
        "x = np.zeros((4, 1 << 20), np.float32); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "session.run([x]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4 * 16 * 1024  # KiB; one value has 16 MiB


def test_two_threads_give_what_one_gives() -> None:
    x = images(5)
    one, two = (load(small_network(), threads).run([x]) for threads in (1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_threads_never_exceed_usable_cores() -> None:
    model = _native.Model.from_bytes(to_bytes(chain()))
    assert _native.Session(model, 64).threads == _native.cpu()["cores"]
    assert _native.Session(model, 0).threads == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_python_threads_share_a_session(threads: int) -> None:
    session = load(small_network(), threads)
    expected = {n: session.run([images(n, n)]) for n in range(1, 12)}

    def work(seed: int) -> bool:
        n = seed % 11 + 1
        return all(np.array_equal(a, b) for a, b in zip(session.run([images(n, n)]), expected[n], strict=True))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(300)))


def test_the_interpreter_runs_on_while_the_engine_computes() -> None:
    session, x = load(chain(200)), np.zeros((20_000, 64), np.float32)
    counted, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1

    counter = threading.Thread(target=count)
    counter.start()
    before = counted[0]
    session.run([x])
    after = counted[0]
    stop.set()
    counter.join()
    assert after - before > 1000


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_runs_and_the_parent_goes_on() -> None:
    session, x = load(small_network(), 2), images(4)
    expected = session.run([x])[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(session.run([x])[0], expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(session.run([x])[0], expected)


def test_profile_and_plan_describe_each_node() -> None:
    session = load(small_network())
    nodes = session.profile([images(1)], 5)
    assert [n["op"] for n in nodes] == ["quantize", "conv", "flatten", "linear"]
    conv = nodes[1]
    assert conv["name"] == "conv" and conv["macs"] == 16 * 27 * 144 and conv["shape"] == [1, 16, 12, 12]
    assert 0 < conv["nonzero_macs"] < conv["macs"] and 0 < conv["density"] < 1
    assert conv["isa"] in _native.isas() and conv["weight_bytes"] > 0 and conv["microseconds"] > 0
    plan = session.plan([[1, 3, 12, 12]])
    assert [{k: v for k, v in n.items() if k != "microseconds"} for n in nodes] == plan
    with pytest.raises(RunError, match="runs"):
        session.profile([images(1)], 0)
    with pytest.raises(RunError, match="1 inputs"):
        session.plan([])


def test_denormals_flush_inside_and_survive_outside() -> None:
    tiny = np.full((1, 4), 1e-39, np.float32)
    graph, _ = single("binary", [real(1, 4), np.float32(1)], real(1, 4), function="mul")
    assert load(graph).run([tiny])[0].max() == 0
    assert (tiny * np.float32(1)).max() > 0


def in_process(isa: str, code: str) -> subprocess.CompletedProcess[str]:
    script = f"from apus import _native; {code}"
    return subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"APUS_ISA": isa}, capture_output=True, text=True
    )


@pytest.mark.parametrize("isa", _native.isas())
def test_forced_isa_is_obeyed(isa: str) -> None:
    done = in_process(isa, "print(_native.isa())")
    assert done.stdout.strip() == isa, done.stderr


@pytest.mark.parametrize("isa", ["neon", "avx1024", "AVX2"])
def test_unavailable_isa_lists_what_there_is(isa: str) -> None:
    done = in_process(isa, "_native.isa()")
    assert IsaError.__name__ in done.stderr and " ".join(_native.isas()) in done.stderr


def test_cpu_and_crc() -> None:
    cpu = _native.cpu()
    assert cpu["brand"] and 1 <= cpu["cores"] <= (os.cpu_count() or 1)
    assert _native.crc32c(b"123456789") == 0xE3069283
    data = np.random.default_rng(0).bytes(20_001)
    for cut in (0, 1, 7, 3072, 9999, 20_001):
        assert _native.crc32c(memoryview(data)[cut:], _native.crc32c(data[:cut])) == _native.crc32c(data)


def test_pads_that_no_memory_holds_are_refused_before_allocation() -> None:
    huge = 2**31 - 1
    graph, _ = single("pad", [real(1, 1, 1)], Value("float32", ["a", "b", "c"]), pads=[huge] * 6, mode="constant")
    with pytest.raises((RunError, ArtifactError), match=r"too large|overflow"):
        load(graph).run([np.ones((1, 1, 1), np.float32)])


def test_a_thread_that_waits_for_a_busy_core_keeps_nobody_waiting() -> None:
    graph, feed = chain(64, (256, 64)), [np.ones((256, 64), np.float32)]
    one, two = load(graph), load(graph, threads=2)
    taken: dict[int, list[float]] = {1: [], 2: []}
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        for _ in range(40):
            for threads, session in ((1, one), (2, two)):
                began = time.perf_counter()
                session.run(feed)
                taken[threads].append(time.perf_counter() - began)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    assert median(taken[2]) < 20 * median(taken[1])  # hundreds, where threads wait for each other after every step
