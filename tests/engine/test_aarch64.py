"""The engine's cases on emulated AArch64 processors: integers bit for bit as here, floats as near the oracle as here.

`make test-aarch64`; needs qemu-user and g++-aarch64-linux-gnu. The emulator shows what is right, never what is fast.
"""

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_cases import cases
from engine_graphs import Case, run

from apus.artifact import to_bytes

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "aarch64"
CMAKE = shutil.which("cmake", path=Path(sys.executable).parent) or "cmake"
DTYPES = ["float32", "uint8", "int8", "int32", "int64", "bool", "float64", "int16", "uint16", "uint32", "uint64"]
# Of each CPU what it offers, best last; cortex-a53 is older than the dot product.
CPUS = {"max": ["scalar", "neon", "dotprod"], "cortex-a53": ["scalar", "neon"]}

MULTIPLY = r"(?:fmla|sdot|smlal2?|smull2?)\t"


def text(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def record(case: Case) -> bytes:
    """What replay.c reads. The engine's integers are exact on every ISA; the oracle checks them elsewhere."""
    (here,) = run(case.graph, case.feed, 1)
    want = case.expected()[0].astype(np.float32) if here.dtype == np.float32 else here
    parts = [text(case.name.encode()), text(to_bytes(case.graph)), struct.pack("<I", len(case.feed))]
    for name, array in case.feed.items():
        head = struct.pack("<II8q", DTYPES.index(str(array.dtype)), array.ndim, *array.shape, *[0] * (8 - array.ndim))
        parts += [text(name.encode()), head, text(np.ascontiguousarray(array).tobytes())]
    parts += [struct.pack("<Id", DTYPES.index(str(here.dtype)), case.tolerance), text(want.tobytes())]
    return b"".join(parts)


def command(*words: object, **environment: str) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def library() -> Path:
    """libapus.a for AArch64."""
    compiler = shutil.which("aarch64-linux-gnu-g++")
    if shutil.which("qemu-aarch64") is None or compiler is None:
        pytest.skip("needs qemu-user and g++-aarch64-linux-gnu")
    processor = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", f"-DCMAKE_CXX_COMPILER={compiler}"]
    command(CMAKE, "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DAPUS_EXAMPLES=OFF", *processor)
    command(CMAKE, "--build", BUILD)
    return BUILD / "libapus.a"


@pytest.fixture(scope="module")
def replay(library: Path) -> Path:
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-static", f"-I{ROOT / 'cpp/c'}"]
    source, program = Path(__file__).with_name("replay.c"), BUILD / "replay"
    command("aarch64-linux-gnu-gcc", *flags, source, library, "-lstdc++", "-lpthread", "-lm", "-o", program)
    return program


@pytest.fixture(scope="module")
def against_scalar(library: Path) -> Path:
    flags = ["-std=c++20", "-Wall", "-Wextra", "-Wno-restrict", "-Werror", "-O1", "-static", f"-I{ROOT / 'cpp'}"]
    sources, program = (ROOT / "tests/kernels/against_scalar").glob("*.cc"), BUILD / "against_scalar"
    command("aarch64-linux-gnu-g++", *flags, *sources, library, "-lpthread", "-o", program)
    return program


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    path, found = tmp_path_factory.mktemp("aarch64") / "cases", cases()
    path.write_bytes(b"".join(map(record, found)))
    return path, len(found)


def rows(isas: list[str]) -> set[str]:
    """The kernels that the tables name for these sets: such as matmul, those that are told apart by nothing but their
    set have no name of their own."""
    names = "|".join(isas)
    tables = [path.read_text() for path in (ROOT / "cpp/kernels").glob("*/table.inc")]
    found = re.findall(rf"(?:BLOCK16|SINGLE|SLOT)_KERNEL\((?:{names}),.*?(\w+)\)$", "\n".join(tables), re.M)
    assert found
    return set(found)


def loops(code: str) -> list[list[str]]:
    """The innermost loops of a disassembled function, by its backward branches."""
    steps = [(int(at, 16), what) for at, what in re.findall(r"^ +([0-9a-f]+):\t(.*)$", code, re.M)]
    branches = [(at, re.match(r"(?:b\.\w+|b|cbn?z|tbn?z)\t(?:.*, )?([0-9a-f]+) <", what)) for at, what in steps]
    spans = [(int(to[1], 16), at) for at, to in branches if to and int(to[1], 16) <= at]
    inner = [(a, b) for a, b in spans if not any((a, b) != (c, d) and a <= c and d <= b for c, d in spans)]
    return [[what for at, what in steps if first <= at <= last] for first, last in inner]


@pytest.mark.slow
def test_sums_stay_in_registers(library: Path) -> None:
    """The loop that multiplies most keeps no vector on the stack, which an emulator would not notice."""
    left = rows(["neon", "dotprod"])
    for file in library.parent.glob("CMakeFiles/apus_core.dir/cpp/kernels/*/arm_*.o"):
        text = command("aarch64-linux-gnu-objdump", "-d", "-C", "--no-show-raw-insn", file)
        for name in [one for one in left if f"<apus::{one}(" in text]:
            code = text.partition(f"<apus::{name}(")[2].partition("\n\n")[0]
            hot = max(loops(code), key=lambda loop: sum(bool(re.match(MULTIPLY, step)) for step in loop))
            assert sum(bool(re.match(MULTIPLY, step)) for step in hot) >= 4, name
            assert not [step for step in hot if re.search(r"\t[qdv]\d+.*\[sp", step)], name
            left.remove(name)
    assert not left


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("cpu", CPUS)
def test_every_kernel_against_the_scalar_one(cpu: str, against_scalar: Path) -> None:
    ran = set(command("qemu-aarch64", "-cpu", cpu, against_scalar).split())
    assert rows(CPUS[cpu]) <= ran, "a row of a table was not run"
    assert not ran & (rows(["neon", "dotprod"]) - rows(CPUS[cpu])), "a kernel ran on a CPU that lacks its instructions"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("cpu", "isa"), [(cpu, isa) for cpu, isas in CPUS.items() for isa in isas])
def test_every_case(cpu: str, isa: str, replay: Path, recorded: tuple[Path, int], tmp_path: Path) -> None:
    """On two threads only with the best of a CPU: how work is shared does not depend on the set."""
    path, count = recorded
    for threads in (1, 2) if isa == CPUS[cpu][-1] else (1,):
        said = command("qemu-aarch64", "-cpu", cpu, replay, path, threads, APUS_ISA=isa, XDG_CACHE_HOME=str(tmp_path))
        assert said == f"{isa}: {count} right, 0 wrong"
    (measured,) = tmp_path.glob(f"apus/machine-{isa}-*.txt")
    assert {f"cycle {name}" for name in rows([isa]) if "depthwise" not in name} <= set(
        re.findall(r"^(cycle \w+)", measured.read_text(), re.M)
    ), "the planner has calibrated every kernel that it weighs"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_set_that_the_cpu_lacks_is_named(replay: Path, recorded: tuple[Path, int]) -> None:
    for isa in ("dotprod", "avx2"):
        words = ["qemu-aarch64", "-cpu", "cortex-a53", str(replay), str(recorded[0]), "1"]
        done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"APUS_ISA": isa})
        assert done.returncode != 0
        assert f"APUS_ISA={isa}: this CPU and build offer: scalar neon" in done.stderr
