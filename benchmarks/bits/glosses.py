"""MiniLM that reads definitions, its 6 layers and its embeddings in learned widths: how many bits, how right, how fast.

The fine-tuned teacher of recipes/text.toml is the float network, the start and the teacher at once. Every weight of the
encoder and of the embeddings costs the same for a bit, whatever is multiplied by it; inputs of layers and of GELU have
8 bits.
"""

from dataclasses import replace

import numpy as np
from benchmarks.bits.report import mean_bits
from benchmarks.glosses import RECIPE, TEXT, median_length

import apus
from apus.bench import compare, contender
from apus.bench.results import Row, row
from apus.compress import Recipe
from apus.compress.recipe_stages import BitsPart, StudentPart
from apus.data.glosses import load_glosses
from apus.export import INPUT

MU = 0.01
STAGES = ["student", "bits"]
SHARED = {"embed": "embed", "head": "head"}
PARTS = {"encoder": "layers.", "embeddings": "embed."}
CALIBRATION, SECONDS = 256, 3.0
TOLERANCE = 0.5  # of the largest output: each file rounds in its own way; a guard against wrong wiring


def variant(mu: float) -> Recipe:
    """The recipe with a student that is the teacher, and learns widths."""
    part, large = RECIPE.student, RECIPE.teacher
    layers = {f"layers.{i}": f"layers.{i}" for i in range(6)}
    copy = StudentPart(large.model, large.arguments, train=replace(part.train, epochs=0.0), initialise=layers | SHARED)
    bits = BitsPart(
        enabled=True,
        mu=mu,
        activation_bits=8,
        per_channel=True,
        prune="none",
        prices={"embed.*": 1.0, "layers.*": 1.0},
        open=2.0,
        freeze=0.6,
        rate=2e-3,
        skip=["head"],
        curves=["layers.*"],
        distil=replace(RECIPE.quantize.distil, hidden=layers),
        train=replace(part.train, epochs=2.0, learning_rate=1e-4, weight_decay=0.0),
    )
    recipe = replace(RECIPE, student=copy, prune=replace(RECIPE.prune, enabled=False))
    return replace(recipe, quantize=replace(RECIPE.quantize, enabled=False), bits=bits)


def rows(mu: float = MU) -> list[Row]:
    """Bits a weight and accuracy on 5,000 unseen definitions; trains what is not finished."""
    large, small = TEXT.teacher(), TEXT.walked(_name(mu), variant(mu), STAGES)
    layers = small["layers"]
    detail = {"mu": mu, "layers": layers, "steps": small["steps"], "seconds": small["seconds"]}
    made = [row("minilm-glosses", "accuracy_pct", small["accuracy_pct"], "%", detail=detail)]
    made.append(row("minilm-glosses", "drop_points", large["accuracy_pct"] - small["accuracy_pct"], "points"))
    for part, stem in PARTS.items():
        bits = mean_bits([layer for layer in layers if layer["name"].startswith(stem)])
        made.append(row(f"minilm-glosses-{part}", "mean_weight_bits", bits, "bits"))
    return made


def times(mu: float = MU) -> list[Row]:
    """Learned widths against 8 bits everywhere, in our engine and in ONNX Runtime; a definition of median length."""
    TEXT.walked(_name(mu), variant(mu), [*STAGES, "export", "compile"])
    own, learned = TEXT.folder(0), TEXT.folder(0) / "variants" / _name(mu)
    static, texts = own / "teacher-int8.onnx", load_glosses()
    if not static.exists():
        apus.quantize(own / "teacher.onnx", {INPUT: texts.train.x[:CALIBRATION]}, static, batch=1)
    feed = {INPUT: np.ascontiguousarray(texts.test.x[median_length(texts.test.x)][None])}
    contenders = [
        contender("apus", learned / "student.apus", label="learned", network="learned"),
        contender("apus", static, label="int8", network="static"),
        contender("onnxruntime", static, label="onnxruntime-int8", network="static"),
    ]
    found = compare(contenders, feed, threads=1, seconds=SECONDS, tolerance=TOLERANCE)
    took = {one.contender: one.p50_us for one in found}
    sizes = {"learned": (learned / "student.apus").stat().st_size, "float": (own / "teacher.apus").stat().st_size}
    detail = {"us": took, "bytes": sizes}
    return [row("minilm-glosses", "speedup_vs_own_int8", took["int8"] / took["learned"], "x", detail=detail)]


def _name(mu: float) -> str:
    return f"bits-{mu:g}-curves"
