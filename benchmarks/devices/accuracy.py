"""`make bench-devices.accuracy`: does bf16 cost accuracy? The images recipe's own teacher stage, in bf16 and in fp32.

Data, network, optimizer, schedule and epochs are the recipe's; only `bf16` differs, and the seed, alike on both sides.
It takes an hour, goes on where it was stopped, and writes `benchmarks/results/devices.accuracy.json` after each pair.
"""

import dataclasses
import json
import statistics
from pathlib import Path

import torch

from apus.bench.results import row, write_results
from apus.compress.recipe import Recipe
from apus.compress.recipe_file import read_recipe
from apus.compress.sources import Sources, Splits, evaluation_batches, from_recipe, training_batches
from apus.training import fit, outputs, score
from apus.training.checkpoint import seed_all

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "devices.accuracy.json"
SEEDS = (0, 1, 2)


def accuracy(recipe: Recipe, sources: Sources, splits: Splits, seed: int, bf16: bool) -> float:
    """Percent of the test images that the teacher gets right, trained from one seed; a finished run is kept."""
    folder = ROOT / "runs" / "devices" / f"teacher-{seed}-{'bf16' if bf16 else 'fp32'}"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "accuracy.json"
    if not kept.exists():
        part = recipe.teacher
        seed_all(seed)
        model = sources.teacher()
        batches = training_batches(splits.train, part.train.batch, part.augment, seed)
        options = dataclasses.replace(part.train, bf16=bf16)
        fit(model, batches, options, folder=folder, fingerprint=f"{seed} {bf16}", seed=seed, label=folder.name)
        found = score(*outputs(model, evaluation_batches(splits.test)), sources.judge())
        kept.write_text(json.dumps(found.accuracy_pct))
    answer: float = json.loads(kept.read_text())
    return answer


def main() -> None:
    """Train pair after pair, and write the means of those done."""
    torch.set_num_threads(1)
    recipe = read_recipe(ROOT / "recipes" / "images.toml")
    sources = from_recipe(recipe)
    splits = sources.splits()
    fp32: list[float] = []
    bf16: list[float] = []
    for seed in SEEDS:
        fp32.append(accuracy(recipe, sources, splits, seed, bf16=False))
        bf16.append(accuracy(recipe, sources, splits, seed, bf16=True))
        detail = {"fp32": fp32, "bf16": bf16, "epochs": recipe.teacher.train.epochs, "of": "test images, a pair a seed"}
        differences = [low - full for low, full in zip(bf16, fp32, strict=True)]
        rows = [
            row(
                "cpu-bf16",
                "accuracy_change_points",
                statistics.mean(differences),
                "points",
                low=min(differences),
                high=max(differences),
                runs=len(differences),
                detail=detail,
            )
        ]
        write_results(RESULTS, "devices.accuracy", "make bench-devices.accuracy", rows, threads=1)
        print(rows[0]["value"], detail, flush=True)


if __name__ == "__main__":
    main()
