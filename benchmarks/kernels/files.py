"""What the cases read, made once under `runs/bench-kernels`: ONNX files for everybody, `.apus` files of ours."""

import tempfile
from pathlib import Path

import apus
from benchmarks.kernels.cases import Case, write_files

FOLDER = Path(__file__).parents[2] / "runs" / "bench-kernels"


def onnx_files(case: Case) -> dict[str, Path]:
    """`fp32` and `int8`."""
    paths = {precision: FOLDER / f"{case.name}-{precision}.onnx" for precision in ("fp32", "int8")}
    if not all(path.exists() for path in paths.values()):
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as name:
            for precision, path in write_files(case, Path(name)).items():
                path.rename(paths[precision])
    return paths


def ours(case: Case, *, keep: bool = True) -> dict[str, Path]:
    """The same compiled. Without `keep` the ONNX files go, which a sweep has many of."""
    paths = {precision: FOLDER / f"{case.name}-{precision}.apus" for precision in ("fp32", "int8")}
    if not all(path.exists() for path in paths.values()):
        sources = onnx_files(case)
        for precision, path in paths.items():
            apus.compile(sources[precision], path)
            if not keep:
                sources[precision].unlink()
    return paths
