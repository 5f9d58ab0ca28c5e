"""Running a plan allocates nothing, whatever the operators and threads: counted by replacing operator new."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import bytes_graph, float_graph, int8_graph

from apus.artifact import Graph, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """allocations.cc, linked with the core that the extension was built from."""
    cores = sorted((ROOT / "build").glob("cp*/libapus_core.a"), key=lambda path: path.stat().st_mtime)
    if not cores:
        pytest.skip("no build to link with")
    program = tmp_path_factory.mktemp("allocations") / "allocations"
    words = ["g++", "-std=c++20", "-O1", f"-I{ROOT / 'cpp'}", str(Path(__file__).with_name("allocations.cc"))]
    subprocess.run([*words, str(cores[-1]), "-pthread", "-o", str(program)], check=True)
    return program


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [int8_graph, float_graph, bytes_graph])
def test_a_run_allocates_nothing(make: Callable[[], Graph], threads: int, counter: Path, tmp_path: Path) -> None:
    write(make(), tmp_path / "model.apus")
    words = [str(counter), str(tmp_path / "model.apus"), str(threads)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "0\n"
