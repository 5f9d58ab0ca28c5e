"""A text encoder of half the layers: what its teacher's layers, states and answers are worth to it.

Teacher and student are those of recipes/text.toml: MiniLM's 6 layers, fine-tuned to tell 26 kinds of noun by their
definitions, and 3 layers that start from every second of them. `alone` starts from the same layers and learns from the
labels, `random` starts from nothing, with embeddings that learn. All have the same steps and a learning rate tuned over
the same grid with a sixth of them on the held-out definitions. `dq-B-8` is the student with weights of B bits and
activations of 8, joint with distillation (DQ-BART).
"""

from dataclasses import replace

from apus.bench.results import Row, row
from apus.compress import Recipe
from benchmarks.glosses import RECIPE, TEXT
from benchmarks.variants import ALONE, Facts

RATES, TUNING = (1e-4, 2e-4, 4e-4), 1 / 6
BITS = {"8-8": (8, 0.5), "2-8": (2, 3.0)}


def variant(who: str) -> Recipe:
    """The recipe with another student."""
    part = RECIPE.student
    if who == "distilled":
        return RECIPE
    part = replace(part, distil=ALONE)
    if who == "random":
        part = replace(part, initialise={}, arguments=part.arguments | {"frozen": False})
    return replace(RECIPE, student=part)


def at(recipe: Recipe, rate: float, share: float = 1.0) -> Recipe:
    """With another learning rate and share of the steps."""
    options = recipe.student.train
    options = replace(options, learning_rate=rate, epochs=options.epochs * share)
    return replace(recipe, student=replace(recipe.student, train=options))


def tuned(who: str) -> tuple[Facts, dict[float, float]]:
    """What the best rate gives, and what each gave on the held-out definitions after a sixth of the steps."""
    found = {
        rate: TEXT.walked(f"{who}-{rate:g}-tuning", at(variant(who), rate, TUNING), ["student"])["valid_accuracy_pct"]
        for rate in RATES
    }
    best = max(found, key=found.__getitem__)
    if who == "distilled" and best == RECIPE.student.train.learning_rate:
        return TEXT.student(), found
    return TEXT.walked(f"{who}-{best:g}", at(variant(who), best), ["student"]), found


def quantised(bits: int, epochs: float) -> Facts:
    """The dense student in few bits."""
    part = RECIPE.quantize
    part = replace(part, weight_bits=bits, train=replace(part.train, epochs=epochs, learning_rate=1e-4))
    recipe = replace(RECIPE, prune=replace(RECIPE.prune, enabled=False), quantize=part)
    return TEXT.walked(f"dq-{bits}-8", recipe, ["quantize"])


def rows() -> list[Row]:
    """Accuracies on 5,000 unseen definitions, what is kept of the teacher's, and what each help is worth."""
    large, dense = TEXT.teacher(), TEXT.student()
    best = large["accuracy_pct"]
    made = [row("glosses-teacher", "accuracy_pct", best, "%", detail=_sizes(large))]
    found = {}
    for who in ("distilled", "alone", "random"):
        facts, tuning = tuned(who)
        found[who] = facts["accuracy_pct"]
        detail = _sizes(facts) | {"tuning": {f"{rate:g}": each for rate, each in tuning.items()}}
        made.append(row(f"glosses-3layer-{who}", "accuracy_pct", found[who], "%", detail=detail))
    made.append(row("glosses-3layer", "kept_pct", 100 * found["distilled"] / best, "%"))
    made.append(row("glosses-3layer", "drop_points", best - found["distilled"], "points"))
    for who in ("alone", "random"):
        made.append(row(f"glosses-3layer-{who}", "gain_points", found["distilled"] - found[who], "points"))
    for name, (bits, epochs) in BITS.items():
        drop = dense["accuracy_pct"] - quantised(bits, epochs)["accuracy_pct"]
        made.append(row(f"glosses-dq-{name}", "drop_points", drop, "points", detail={"epochs": epochs}))
    return made


def _sizes(facts: Facts) -> dict[str, float]:
    return {name: facts[name] for name in ("parameters", "steps", "seconds", "valid_accuracy_pct")}
