"""Plans kept between processes: nothing is timed again, and no spoilt file is an error or changes a result."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apus import _native
from apus.artifact import Graph, Node, Value, pack, to_bytes

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
from apus import _native
path, rows, threads, options = json.loads(sys.argv[1])
session = _native.Session(_native.Model.from_file(path), threads, **options)
x = np.random.default_rng(7).normal(size=(rows, 96)).astype(np.float32)
print(json.dumps([session.plan([x.shape]), [float(v) for v in session.run([x])[0].ravel()]]))
"""
SPOILT = """
import json, sys
from pathlib import Path
import numpy as np
from apus import _native
path, file, texts = map(Path, sys.argv[1:])
model, found = _native.Model.from_file(str(path)), []
x = np.random.default_rng(7).normal(size=(12, 96)).astype(np.float32)
for text in json.loads(texts.read_text()):
    file.write_text(text, encoding="latin-1")
    session = _native.Session(model, 1)
    (result,) = session.run([x])
    names = [option["kernel"] for row in session.plan([x.shape]) for option in row["options"]]
    found.append([names, [float(v) for v in result.ravel()]])
print(json.dumps(found))
"""
ROWS = 12


def network(seed: int = 0) -> Graph:
    """Linear layers of densities for which this or that kernel is the faster, so that some pair must be timed."""
    draw = np.random.default_rng(seed)
    nodes, tensors, values = [], {}, {"v0": Value("float32", ["N", 96])}
    for i, density in enumerate((0.05, 0.1, 0.2, 0.35, 0.6, 1.0)):
        keep = np.repeat(draw.random((6, 96)) < density, 16, axis=0)
        blocks = pack((draw.normal(size=(96, 96)) * keep / 5).astype(np.float32))
        tensors |= {f"{role}{i}": array for role, array in blocks._asdict().items()}
        roles = {role: f"{role}{i}" for role in blocks._fields}
        nodes.append(Node("linear", f"l{i}", [f"v{i}"], [f"v{i + 1}"], {"channels": 96, "format": "block16x1"}, roles))
        values[f"v{i + 1}"] = Value("float32", ["N", 96])
    return Graph("several", ["v0"], ["v6"], values, nodes, tensors, {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "network.apus"
    file.write_bytes(to_bytes(network()))
    return file


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache whose figures of the machine put the two kernels side by side, so that they are always timed."""
    folder = tmp_path / "cache"
    fresh(tmp_path / "any.apus", folder)
    (machine,) = (folder / "apus").glob("machine-*")
    costs = {row["kernel"]: row for row in fresh(tmp_path / "any.apus", folder)[0][0]["options"]}
    lines = []
    for line in machine.read_text().splitlines():
        name = line.removeprefix("cycle ").split(" ")[0]
        figure = float(line.split(" ")[-1]) if name in costs else 0
        line = "tries kernels 4" if line.startswith("tries kernels") else line  # nothing is measured again
        lines.append(f"cycle {name} {figure / costs[name]['estimated_us']}" if figure else line)
    machine.write_text("\n".join(lines) + "\n")
    for kept in (folder / "apus").glob("plans/*"):
        kept.unlink()
    return folder


def fresh(path: Path, cache: Path, rows: int = ROWS, threads: int = 1, **options: bool) -> Any:
    """The plan and a result, in a process of its own."""
    if not path.exists():
        path.write_bytes(to_bytes(network()))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([str(path), rows, threads, options])],
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kept(cache: Path) -> list[Path]:
    return sorted((cache / "apus" / "plans").glob("*"))


def test_a_second_process_times_nothing_and_says_the_same(path: Path, cache: Path) -> None:
    first = fresh(path, cache)
    assert any(option["measured_us"] > 0 for row in first[0] for option in row["options"])
    (file,) = kept(cache)
    written = file.stat().st_mtime_ns
    second = fresh(path, cache)
    for one, two in zip(first[0], second[0], strict=True):
        assert [o["kernel"] for o in one["options"]] == [o["kernel"] for o in two["options"]]
        figures = [[o["measured_us"] for o in row["options"]] for row in (one, two)]
        assert figures[1] == pytest.approx(figures[0], rel=1e-4)
    assert kept(cache) == [file] and file.stat().st_mtime_ns == written
    assert first[1] == second[1]


def test_what_else_may_decide_has_a_plan_of_its_own(path: Path, cache: Path, tmp_path: Path) -> None:
    fresh(path, cache)
    other = tmp_path / "other.apus"
    other.write_bytes(to_bytes(network(seed=1)))
    for change in (lambda: fresh(other, cache), lambda: fresh(path, cache, fast=True)):
        before = kept(cache)
        change()
        assert len(kept(cache)) == len(before) + 1
    before = kept(cache)
    copied = tmp_path / "elsewhere.apus"
    copied.write_bytes(path.read_bytes())
    fresh(copied, cache)
    assert kept(cache) == before, "the same network from another place is the same network"


def test_a_deterministic_plan_neither_reads_nor_writes(path: Path, cache: Path) -> None:
    fresh(path, cache, deterministic=True)
    assert kept(cache) == []
    fresh(path, cache)
    plan, _ = fresh(path, cache, deterministic=True)
    assert all(option["measured_us"] == 0 for row in plan for option in row["options"])


def test_a_new_measurement_of_the_machine_voids_the_plans(path: Path, cache: Path) -> None:
    fresh(path, cache)
    (file,) = kept(cache)
    (machine,) = (cache / "apus").glob("machine-*")
    machine.unlink()
    before = file.read_text().splitlines()[2]
    fresh(path, cache)
    assert kept(cache) == [file]
    assert file.read_text().splitlines()[2] != before


def tries(cache: Path, count: int | None = None) -> str:
    """How often the kernels were measured; `count` says so in the file before."""
    (machine,) = (cache / "apus").glob("machine-*")
    if count is not None:
        text = machine.read_text()
        machine.write_text(re.sub("(?m)^tries kernels .*", f"tries kernels {count}", text))
    return next(line for line in machine.read_text().splitlines() if line.startswith("tries kernels")).split()[-1]


def test_what_a_busy_machine_chose_serves_the_next_starts_and_is_made_anew_later(path: Path, cache: Path) -> None:
    tries(cache, 1)  # as if the first process had been disturbed
    fresh(path, cache)  # plans, so it measures again
    if tries(cache) == "4":
        (file,) = kept(cache)
        file.write_text(sealed(file.read_text().replace(" settled", " busy")))
        tries(cache, 2)
    (file,) = kept(cache)
    before = file.read_text(), tries(cache)
    assert before[0].splitlines()[2].endswith("busy")
    for _ in range(2):
        fresh(path, cache)
        assert (file.read_text(), tries(cache)) == before, "a start with a plan measures nothing"
    os.utime(file, (1, 1))
    fresh(path, cache)
    assert int(tries(cache)) > int(before[1])
    assert file.stat().st_mtime > 1


def test_a_plan_of_settled_figures_does_not_age(path: Path, cache: Path) -> None:
    fresh(path, cache)
    (file,) = kept(cache)
    os.utime(file, (1, 1))
    fresh(path, cache)
    assert file.stat().st_mtime == 1


def crc(text: str) -> str:
    return f"crc {_native.crc32c(text.encode()):08x}\n"


def sealed(text: str) -> str:
    """With the checksum that belongs to it."""
    body = text[: text.index("crc ")]
    return body + crc(body)


def spoilt(good: str) -> list[str]:
    """Files that are no plan, and some that only seem to be."""
    first, key, figures, alone, count, *choices = good.splitlines()[:-1]
    wrong = [good[: len(good) * n // 7] for n in range(7)]
    wrong += [good.replace("apus plan 2", "apus plan 9"), good + good, "x" * 300, "\0" * 4096, good[:-1] + "\xff"]
    wrong += [good[:at] + chr(ord(good[at]) ^ 1) + good[at + 1 :] for at in (3, len(first) + 4, len(good) - 30)]
    wrong.append("x" * (2 << 20))
    made = [
        [alone, "99999999999999999999"],
        [alone, "999999999", *choices],
        [alone, count, *choices[:-1]],
        [alone, count, "0", *choices[1:]],
        [alone, count, *[line.replace("linear_block16", "conv_block16") for line in choices]],
        [alone, count, *["1 77 1 1.0 0 linear_block16_rows_f32_f32_avx512" for _ in choices]],
        [alone, count, *["1 -1 1 1.0 0 x" for _ in choices]],
        [alone, count, *["1 0 64 1.0 0 " + line.split()[5] for line in choices]],
        [alone, count, *["1 0 1 nan inf " + line.split()[5] for line in choices]],
        [alone, "0"],
        ["alone 1", "0"],
        ["lonely 0", count, *choices],
    ]
    wrong.append(sealed("\n".join([first, key, "figures 0 settled", alone, count, *choices]) + "\ncrc "))
    return wrong + [sealed("\n".join([first, key, figures, *rest]) + "\ncrc ") for rest in made]


def test_a_spoilt_plan_is_made_anew(path: Path, cache: Path, tmp_path: Path) -> None:
    _, wanted = fresh(path, cache)
    (file,) = kept(cache)
    good = file.read_text()
    assert sealed(good) == good
    texts = spoilt(good)
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    command = [sys.executable, "-c", SPOILT, str(path), str(file), str(tmp_path / "texts.json")]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len(results) == len(texts)
    for names, result in results:
        np.testing.assert_allclose(result, wanted, rtol=1e-3, atol=1e-4)
        assert names and all(name.startswith(("linear_block16", "linear_dense")) for name in names)


def test_a_folder_in_the_way_is_no_error(path: Path, cache: Path) -> None:
    fresh(path, cache)
    (file,) = kept(cache)
    file.unlink()
    file.mkdir()
    fresh(path, cache)
    assert kept(cache) == [file]


def test_old_plans_make_room(path: Path, cache: Path) -> None:
    folder = cache / "apus" / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(300):
        (folder / f"{i:016x}.txt").write_text("old")
        os.utime(folder / f"{i:016x}.txt", (i, i))
    fresh(path, cache)
    left = {file.name for file in kept(cache)}
    assert len(left) == 256
    assert f"{299:016x}.txt" in left and f"{0:016x}.txt" not in left


FORK = """
import os, sys, threading, time
import numpy as np
from apus import _native
model = _native.Model.from_file(sys.argv[1])
x = np.ones((12, 96), np.float32)
measuring = threading.Thread(target=lambda: _native.Session(model, 1).run([x]))  # calibrates: the cache is empty
measuring.start()
time.sleep(float(sys.argv[2]))
if child := os.fork():
    measuring.join()
    for _ in range(300):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            sys.exit(os.waitstatus_to_exitcode(status))
        time.sleep(0.1)
    os.kill(child, 9)
    sys.exit("the child hangs")
_native.Session(model, 1).run([x])
os._exit(0)
"""


@pytest.mark.parametrize("after", [0.0, 0.002, 0.01])
def test_a_fork_in_the_middle_of_measuring_the_machine_still_runs(after: float, path: Path, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "empty")}
    command = [sys.executable, "-W", "ignore", "-c", FORK, str(path), str(after)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
