"""The stages that hand over: every trained network as ONNX, and as `.apus`."""

from pathlib import Path

from apus import __version__
from apus.artifact import write
from apus.compile import compile_model
from apus.compress.folder import Done
from apus.compress.job import ORDER, Job, last_trained
from apus.compress.recipe import Recipe
from apus.compress.recipe_file import to_table
from apus.export import export


def models(recipe: Recipe, folder: Path, suffix: str) -> dict[str, Path]:
    """Stage → file of its network: the teacher's and the final student's stand first, the others under `stages/`.

    Args:
        recipe: says which stages there are.
        folder: of the run.
        suffix: `.onnx` or `.apus`.

    Returns:
        In the order of the road.
    """
    last = last_trained(recipe)
    stages = [s for s in ORDER if s in ("teacher", "student") or getattr(recipe, s).enabled]
    names = {s: f"stages/{s}" for s in stages} | {"teacher": "teacher", last: "student"}
    return {stage: folder / f"{names[stage]}{suffix}" for stage in stages}


def to_onnx(job: Job, mark: str) -> Done:
    """Export the network of each stage."""
    sizes = {}
    for stage, path in models(job.recipe, job.folder.path, ".onnx").items():
        export(job.trained(stage), job.example, path, name=f"{job.recipe.name}-{stage}")
        sizes[stage] = path.stat().st_size
    return {"bytes": sizes}


def to_apus(job: Job, mark: str) -> Done:
    """Compile the network of each stage; the recipe travels in the file."""
    onnx, sizes = models(job.recipe, job.folder.path, ".onnx"), {}
    for stage, path in models(job.recipe, job.folder.path, ".apus").items():
        graph = compile_model(onnx[stage])
        graph.metadata |= {"recipe": to_table(job.recipe), "stage": stage, "producer": f"apus {__version__}"}
        path.parent.mkdir(parents=True, exist_ok=True)
        write(graph, path)
        sizes[stage] = path.stat().st_size
    return {"bytes": sizes}
