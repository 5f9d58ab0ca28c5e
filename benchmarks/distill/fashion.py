"""A student in the mobile style, a twentieth of its teacher's parameters, on Fashion-MNIST.

The student is that of recipes/phone.toml, the teachers are those of recipes/images.toml, one for each of three seeds.
Alone and distilled it has the same steps, augmentation and grid of learning rates, tuned with a quarter of the steps
on 5,000 images held out of training; it is judged on the test images.
"""

from dataclasses import replace
from pathlib import Path
from statistics import mean

from apus.bench.results import Row, row
from apus.compress import Recipe, read_recipe
from benchmarks.clothes import CLOTHES
from benchmarks.variants import ALONE, Facts, Study

PHONE = Study(replace(read_recipe(Path("recipes/phone.toml")), threads=1), "phone-study")
SEEDS, RATES, TUNING = (0, 1, 2), (0.05, 0.1, 0.2), 1 / 4


def recipe(who: str, seed: int, rate: float, share: float = 1.0) -> Recipe:
    """The phone's, with a trained teacher, another learning rate and a share of the steps."""
    weights = CLOTHES.folder(seed) / "teacher" / "weights.safetensors"
    base, student = PHONE.of_seed(seed), PHONE.recipe.student
    options = replace(student.train, learning_rate=rate, epochs=student.train.epochs * share)
    student = replace(student, train=options, distil=ALONE if who == "alone" else student.distil)
    return replace(base, teacher=replace(base.teacher, weights=str(weights)), student=student)


def student(who: str, seed: int, rate: float, share: float = 1.0) -> Facts:
    """What a student scores, alone or distilled."""
    CLOTHES.teacher(seed)
    name = f"{who}-{rate:g}" + ("-tuning" if share < 1 else "")
    return PHONE.walked(name, recipe(who, seed, rate, share), ["teacher", "student"])


def rows() -> list[Row]:
    """Accuracies, what the student loses against its teacher, and what the teacher is worth to it."""
    tuning = {
        who: {rate: student(who, SEEDS[0], rate, TUNING)["valid_accuracy_pct"] for rate in RATES}
        for who in ("alone", "distilled")
    }
    rates = {who: max(found, key=found.__getitem__) for who, found in tuning.items()}
    facts = {who: [student(who, seed, rates[who]) for seed in SEEDS] for who in rates}
    facts["teacher"] = [CLOTHES.teacher(seed) for seed in SEEDS]
    found = {who: [each["accuracy_pct"] for each in seeds] for who, seeds in facts.items()}
    made = []
    for who, each in found.items():
        detail = {name: facts[who][0][name] for name in ("parameters", "steps", "seconds")}
        if who in rates:
            detail |= {"learning_rate": rates[who], "held_out_pct": {f"{r:g}": a for r, a in tuning[who].items()}}
        made.append(_row(f"fashion-mobile-{who}", "accuracy_pct", each, detail))
    drops = [large - small for large, small in zip(found["teacher"], found["distilled"], strict=True)]
    gains = [taught - own for taught, own in zip(found["distilled"], found["alone"], strict=True)]
    return [*made, _row("fashion-mobile", "drop_points", drops), _row("fashion-mobile", "gain_points", gains)]


def _row(case: str, metric: str, values: list[float], detail: Facts | None = None) -> Row:
    unit = "%" if metric.endswith("pct") else "points"
    return row(case, metric, mean(values), unit, low=min(values), high=max(values), runs=len(values), detail=detail)
