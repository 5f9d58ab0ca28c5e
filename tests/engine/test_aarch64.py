"""The engine's cases on an emulated AArch64: integers bit for bit as here, floats as near the oracle as here.

`make test-aarch64`; needs qemu-user and g++-aarch64-linux-gnu.
"""

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
CPUS = {"max": ["scalar"], "cortex-a53": ["scalar"]}


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
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment or None)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def replay() -> Path:
    compiler, program = shutil.which("aarch64-linux-gnu-g++"), BUILD / "replay"
    if shutil.which("qemu-aarch64") is None or compiler is None:
        pytest.skip("needs qemu-user and g++-aarch64-linux-gnu")
    processor = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", f"-DCMAKE_CXX_COMPILER={compiler}"]
    command(CMAKE, "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DAPUS_EXAMPLES=OFF", *processor)
    command(CMAKE, "--build", BUILD)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-static", f"-I{ROOT / 'cpp/c'}"]
    source, library = Path(__file__).with_name("replay.c"), BUILD / "libapus.a"
    command("aarch64-linux-gnu-gcc", *flags, source, library, "-lstdc++", "-lpthread", "-lm", "-o", program)
    return program


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    path, found = tmp_path_factory.mktemp("aarch64") / "cases", cases()
    path.write_bytes(b"".join(map(record, found)))
    return path, len(found)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("cpu", "isa"), [(cpu, isa) for cpu, isas in CPUS.items() for isa in isas])
def test_every_case(cpu: str, isa: str, replay: Path, recorded: tuple[Path, int]) -> None:
    path, count = recorded
    for threads in (1, 2):
        said = command("qemu-aarch64", "-cpu", cpu, replay, path, threads, APUS_ISA=isa)
        assert said == f"{isa}: {count} right, 0 wrong"
