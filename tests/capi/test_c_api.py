"""The C API: the example against apus.Session, every promise of the header from C, and the installed archive."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_graphs import packed_weights, quantised, real

import apus
from apus.artifact import Graph, Node, to_bytes

ROOT = Path(__file__).parents[2]
C99 = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1"]
LINK = ["-lstdc++", "-lm", "-pthread"]


def command(*words: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program and check its exit status."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def build(folder: Path, *options: str) -> Path:
    """The archive and the example, by CMake."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is not on the PATH")
    command(cmake, "-S", ROOT, "-B", folder, *options)
    command(cmake, "--build", folder, "-j2")
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What to link with: our three files beside the core that the extension was built from, or a whole build."""
    folder = tmp_path_factory.mktemp("capi")
    cores = sorted((ROOT / "build").glob("cp*/libapus_core.a"), key=lambda path: path.stat().st_mtime)
    if not cores:
        return [str(build(folder) / "libapus.a")]
    sources = sorted((ROOT / "cpp/c").glob("*.cc"))
    flags = ["-std=c++20", "-O1", "-fvisibility=hidden", f"-I{ROOT / 'cpp'}"]
    for source in sources:
        command("g++", *flags, "-c", source, "-o", folder / f"{source.stem}.o")
    return [*(str(folder / f"{source.stem}.o") for source in sources), str(cores[-1])]


@pytest.fixture(scope="module")
def example(archive: list[str]) -> Path:
    """examples/run_apus.c, compiled as its users would."""
    program = Path(archive[0]).with_name("run_apus")
    command("gcc", *C99, f"-I{ROOT / 'cpp/c'}", ROOT / "examples/run_apus.c", *archive, *LINK, "-o", program)
    return program


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A sparse layer behind a subtraction; two inputs, two outputs, any batch."""
    graph = Graph("net", ["a", "b"], ["y", "difference"])
    graph.values = {"a": real("N", 24), "b": real("N", 24), "difference": real("N", 24), "y": real("N", 10)}
    graph.tensors = {f"w.{role}": array for role, array in packed_weights(10, 24, "float32").items()}
    roles = {role: f"w.{role}" for role in ("values", "columns", "strips", "bias")}
    graph.nodes = [
        Node("binary", "sub", ["a", "b"], ["difference"], {"function": "sub"}),
        Node("linear", "fc", ["difference"], ["y"], {"channels": 10, "format": "block16x1"}, roles),
    ]
    path = tmp_path / "model.apus"
    path.write_bytes(to_bytes(graph))
    return path


def compare(program: list[str | Path], model: Path, rows: int = 7) -> None:
    """What the example writes is what `apus.Session` gives."""
    random, folder = np.random.default_rng(0), model.parent
    feed = {name: random.standard_normal((rows, 24)).astype(np.float32) for name in ("a", "b")}
    for name, array in feed.items():
        array.tofile(folder / f"{name}.raw")
    files = [folder / f"{name}.raw" for name in ("a", "b", "y", "d")]
    said = command(*program, model, str(rows), *files).stdout
    assert said == f"y: float32 {rows} 10\ndifference: float32 {rows} 24\n"
    y, difference = apus.Session(model, threads=1).run(None, feed)
    np.testing.assert_array_equal(np.fromfile(folder / "d.raw", np.float32).reshape(rows, 24), difference)
    np.testing.assert_allclose(np.fromfile(folder / "y.raw", np.float32).reshape(rows, 10), y, rtol=1e-5, atol=1e-5)


def test_the_example_agrees_with_the_session(example: Path, model: Path) -> None:
    compare([example], model)


def test_a_missing_file_is_named(example: Path, tmp_path: Path) -> None:
    said = command(example, tmp_path / "none.apus", "1", "a", "b", status=2).stderr
    assert said.startswith("APUS_MISSING_FILE: ") and "none.apus" in said


def test_a_damaged_file_is_refused(example: Path, model: Path) -> None:
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    said = command(example, model, "1", "a", "b", "y", "d", status=2).stderr
    assert said.startswith("APUS_BAD_MODEL: ") and "model.apus" in said and "damaged" in said


def test_an_unknown_instruction_set_is_refused(example: Path, model: Path) -> None:
    said = command("env", "APUS_ISA=abacus", example, model, "1", "a", "b", status=2).stderr
    assert said.startswith("APUS_BAD_ISA: ") and "abacus" in said


def contract_model(folder: Path) -> Path:
    """What contract.c expects."""
    graph = Graph("net", ["a", "b"], ["difference", "levels"], metadata={"made_by": "a test"})
    graph.values = {"a": real("N", 8), "b": real("N", 8), "difference": real("N", 8)}
    graph.values["levels"] = quantised("N", 8, scale=0.5, zero_point=100)
    graph.nodes = [
        Node("binary", "sub", ["a", "b"], ["difference"], {"function": "sub"}),
        Node("quantize", "levels", ["difference"], ["levels"]),
    ]
    path = folder / "contract.apus"
    path.write_bytes(to_bytes(graph))
    return path


def test_the_header_keeps_its_promises(archive: list[str], tmp_path: Path) -> None:
    source, program = ROOT / "tests/capi/contract.c", tmp_path / "contract"
    command("gcc", *C99, f"-I{ROOT / 'cpp/c'}", source, *archive, *LINK, "-o", program)
    assert command(program, contract_model(tmp_path)).stdout.startswith("kept on ")


def test_the_header_is_cpp_too(tmp_path: Path) -> None:
    (tmp_path / "face.cc").write_text('#include "apus.h"\nstatic_assert(noexcept(apus_error()));\n')
    command(
        "g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'cpp/c'}", "-fsyntax-only", tmp_path / "face.cc"
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_installed_archive_needs_nothing_of_the_repository(tmp_path: Path, model: Path) -> None:
    folder, prefix = build(tmp_path / "build"), tmp_path / "prefix"
    compare([folder / "run_apus"], model)
    command("cmake", "--install", folder, "--prefix", prefix)
    shutil.rmtree(folder)
    source, library = tmp_path / "mine.c", next(prefix.rglob("libapus.a"))
    shutil.copy(ROOT / "examples/run_apus.c", source)
    command(
        "gcc", *C99, f"-I{prefix / 'include'}", source, f"-L{library.parent}", "-lapus", *LINK, "-o", tmp_path / "mine"
    )
    compare([tmp_path / "mine"], model)
    assert (library.parent / "pkgconfig/apus.pc").exists()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_arm_processor_runs_it(tmp_path: Path, model: Path) -> None:
    emulator, compiler = shutil.which("qemu-aarch64"), shutil.which("aarch64-linux-gnu-g++")
    if emulator is None or compiler is None:
        pytest.skip("needs qemu-user and g++-aarch64-linux-gnu")
    options = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", "-DCMAKE_EXE_LINKER_FLAGS=-static"]
    options += [f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc"]
    folder = build(tmp_path / "build", *options)
    compare([emulator, folder / "run_apus"], model)
    source, program = ROOT / "tests/capi/contract.c", tmp_path / "contract"
    link = ["-static", f"-I{ROOT / 'cpp/c'}", source, folder / "libapus.a", *LINK]
    command("aarch64-linux-gnu-gcc", *C99, *link, "-o", program)
    assert command(emulator, program, contract_model(tmp_path)).stdout == "kept on dotprod\n"
