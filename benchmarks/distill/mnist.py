"""Hinton's MNIST experiment: two hidden layers of 1200 teach two of 800, which never see a moved digit.

The teacher learns from images moved by up to two pixels, with dropout. The student has neither: alone it learns from
labels, distilled from labels and the teacher's answers to the images as they are, softened; once more, its hidden
layers are also drawn to the teacher's. All have the same steps, and tune their learning rate over the same grid, on
10,000 images held out of training, with half of the steps, a seed and a teacher of their own, whose training is whole:
one that knows little tunes nothing. Then three seeds, each with its own teacher, learn from all 60,000 images and are
judged on the 10,000 test images.

Source: Hinton, Vinyals, Dean 2015, arXiv:1503.02531, §3: 67 errors, alone 146, distilled 74.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apus.bench.results import Row, row
from apus.data import ArrayBatches, Arrays, Augment, load
from apus.errors import DivergedError
from apus.techniques.distill import HiddenLoss, Taps, Teacher, cached_outputs, distil_loss, soft_targets
from apus.techniques.sparsity import Masks, gradually
from apus.training import Plugs, Stateful, TrainOptions, fit, outputs
from benchmarks.finished import recall, remember

FOLDER = Path("runs/distill/mnist")
FINISHED = FOLDER / "finished.jsonl"
TEMPERATURE, ALPHA, JITTER = 4.0, 0.9, 2
HIDDEN, WEIGHT = ("2", "5"), 30.0  # what the hidden layers give, and the weight of their loss
STUDENTS = ("alone", "distilled", "hidden")
PUBLISHED = {"teacher": 67, "alone": 146, "distilled": 74}
DROPOUT = 0.25  # in 40 epochs 0.5 learns too little
SEEDS, TUNING_SEED, HELD_OUT = (0, 1, 2), 100, 10_000
RATES = (0.05, 0.1, 0.2)
TEACHER_RATE, TEACHER_BATCH, TEACHER_EPOCHS = 0.1, 128, 40.0
BATCH, EPOCHS, TUNING_EPOCHS = 64, 20.0, 10.0
BEGIN, END, EVERY = 0.2, 0.6, 100  # of pruning: shares of the steps, and steps between two choices
Key = dict[str, object]


@cache
def splits() -> dict[str, Arrays]:
    """Images (N, 1, 28, 28) uint8 and classes: train (50,000), held (10,000), all of both, and test (10,000)."""
    data = load("mnist", valid=HELD_OUT)
    if data.name != "mnist":
        raise SystemExit("MNIST is not to be had here; set APUS_DATA to the folder that holds it")
    both = Arrays(np.concatenate([data.train.x, data.valid.x]), np.concatenate([data.train.y, data.valid.y]))
    return {"train": data.train, "held": data.valid, "all": both, "test": data.test}


def network(width: int, seed: int, dropout: float = 0.0) -> nn.Module:
    """784-width-width-10, ReLU."""
    torch.manual_seed(seed)
    first = [nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*first, nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))


def errors(model: nn.Module, split: str) -> int:
    """How many images of a split the network gets wrong."""
    z, y = outputs(model, ArrayBatches(splits()[split], 1000, shuffle=False, whole=False))
    return int((z.argmax(1) != y).sum())


def options(who: str, split: str, rate: float) -> TrainOptions:
    """Of teacher and student alike; shorter for the student's tuning."""
    if who == "teacher":
        return TrainOptions(TEACHER_EPOCHS, TEACHER_BATCH, learning_rate=rate, weight_decay=0.0, warmup=0.05)
    epochs = EPOCHS if split == "all" else TUNING_EPOCHS
    return TrainOptions(epochs, BATCH, learning_rate=rate, weight_decay=0.0, warmup=0.05)


def key(who: str, seed: int, split: str, rate: float) -> Key:
    """All that shapes a run."""
    plain = {
        name: value for name, value in asdict(options(who, split, rate)).items() if not name.startswith("checkpoint")
    }
    shaping = (
        {"temperature": TEMPERATURE, "alpha": ALPHA, "taught_by": [TEACHER_EPOCHS, TEACHER_BATCH]}
        if who in ("distilled", "hidden")
        else {}
    )
    shaping |= {"hidden": WEIGHT} if who == "hidden" else {}
    teacher = {"jitter": JITTER, "dropout": DROPOUT} if who != "alone" else {}
    return {"who": who, "seed": seed, "split": split, **plain, **shaping, **teacher}


def teacher(seed: int, split: str) -> tuple[nn.Module, dict]:
    """The trained teacher of a seed, and its errors."""
    model, wanted = network(1200, seed, DROPOUT), key("teacher", seed, split, TEACHER_RATE)
    kept = FOLDER / f"teacher-{_mark(wanted)}.pt"
    if kept.exists() and (found := recall(FINISHED, wanted)):
        model.load_state_dict(torch.load(kept, weights_only=True))
        return model, found
    how = options("teacher", split, TEACHER_RATE)
    batches = ArrayBatches(splits()[split], how.batch, seed=seed, augment=Augment(shift=JITTER))
    found = _train(wanted, model, batches, Plugs(), how, seed, split)
    torch.save(model.state_dict(), kept)
    return model, remember(FINISHED, wanted, lambda: found)


def student(who: str, seed: int, split: str, rate: float, zeros: float = 0.0) -> dict:
    """Errors of one of `STUDENTS`; a share of its hidden layers' 16x1 blocks may go as it learns."""
    wanted = key(who, seed, split, rate) | ({"zeros": zeros} if zeros else {})

    def train() -> dict:
        examples, plugs, model = splits()[split], Plugs(), network(800, seed)
        if who != "alone":
            examples, plugs = _taught(seed, split), Plugs(loss=_soft)
        masks = Masks(model, "16x1", skip=["7"]) if zeros else None
        if masks:
            plugs = replace(plugs, after_step=gradually(masks, zeros, begin=BEGIN, end=END, every=EVERY))
        batches, how = ArrayBatches(examples, BATCH, seed=seed), options(who, split, rate)
        with ExitStack() as stack:
            if who == "hidden":
                model, plugs = _matched(model, teacher(seed, split)[0].eval(), stack)
            return _train(wanted, model, batches, plugs, how, seed, split, {"masks": masks} if masks else {})

    return remember(FINISHED, wanted, train)


class _Matched(nn.Module):
    """A student, and what projects its hidden layers to the teacher's."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student, self.losses = student, nn.ModuleList(HiddenLoss(800, 1200) for _ in HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.student(x)
        return z


def _matched(student: nn.Module, large: nn.Module, stack: ExitStack) -> tuple[_Matched, Plugs]:
    """A distilled student whose hidden layers learn, too: as shares of the variance of the teacher's."""
    model = _Matched(student)
    own, theirs = (stack.enter_context(Taps(each, *HIDDEN)) for each in (student, large))
    with torch.no_grad():
        large(torch.from_numpy(splits()["train"].x[:10_000]).float() / 255)
    scale = [WEIGHT / float(theirs[name].var()) for name in HIDDEN]

    def loss(z: Tensor, y: Tensor, x: Tensor) -> Tensor:
        with torch.no_grad():
            large(x)
        pairs = zip(scale, model.losses, HIDDEN, strict=True)
        return sum((by * each(own[name], theirs[name]) for by, each, name in pairs), _soft(z, y, x))

    return model, Plugs(loss=loss)


def _taught(seed: int, split: str) -> Arrays:
    """The examples with the teacher's answers beside their classes, y (N, 1 + 10)."""
    model, examples = teacher(seed, split)[0], splits()[split]
    images = torch.from_numpy(examples.x).float() / 255
    answers = cached_outputs(FOLDER / f"answers-{split}-{seed}.safetensors", Teacher(model), images, 1000)
    return Arrays(examples.x, np.concatenate([examples.y[:, None].astype(np.float32), answers.numpy()], 1))


def _soft(z: Tensor, y: Tensor, x: Tensor) -> Tensor:
    hard = F.cross_entropy(z, y[:, 0].long())
    return distil_loss(hard, soft_targets(z, y[:, 1:], TEMPERATURE), ALPHA)


def _mark(wanted: Key) -> str:
    return (
        f"{wanted['who']}-{wanted['split']}-{wanted['seed']}-" + hashlib.sha256(repr(wanted).encode()).hexdigest()[:8]
    )


def _train(
    wanted: Key,
    model: nn.Module,
    batches: ArrayBatches,
    plugs: Plugs,
    how: TrainOptions,
    seed: int,
    split: str,
    extra: Mapping[str, Stateful] | None = None,
) -> dict:
    name = _mark(wanted)
    place = FOLDER / name
    place.mkdir(parents=True, exist_ok=True)
    history = fit(model, batches, how, plugs, folder=place, fingerprint=name, seed=seed, label=name, extra=extra)
    shutil.rmtree(place)
    result = {"errors": errors(model, "test" if split == "all" else "held"), "loss": history[-1]["loss"]}
    print(f"{name} learning rate {how.learning_rate}: {result}", flush=True)
    return result | {"steps": history[-1]["step"], "seconds": history[-1]["seconds"]}


def _tried(who: str, rate: float) -> int:
    """Errors on the held-out images after half of the steps; all of them at a rate that diverges."""
    try:
        return int(student(who, TUNING_SEED, "train", rate)["errors"])
    except DivergedError as error:
        print(error, flush=True)
        return HELD_OUT


def tuned(who: str) -> tuple[float, dict[float, int]]:
    """The best learning rate on the held-out images, and the errors of all."""
    found = {rate: _tried(who, rate) for rate in RATES}
    return min(found, key=found.__getitem__), found


def rows() -> list[Row]:
    """Train everything, then the counts of errors and the share of the gap that distillation closes."""
    torch.set_num_threads(1)
    chosen = {who: tuned(who) for who in STUDENTS}
    counts = {who: [student(who, seed, "all", chosen[who][0])["errors"] for seed in SEEDS] for who in chosen}
    counts["teacher"] = [teacher(seed, "all")[1]["errors"] for seed in SEEDS]
    return list(_rows(counts, {who: chosen[who][0] for who in chosen}, {who: chosen[who][1] for who in chosen}))


def _rows(counts: dict[str, list[int]], rates: dict[str, float], tuning: dict[str, dict[float, int]]) -> Iterator[Row]:
    for who, found in counts.items():
        detail = {"errors": found, "published": PUBLISHED.get(who)}
        if who in rates:
            detail |= {"learning_rate": rates[who], "held_out_errors": tuning[who]}
        yield row(f"mnist-mlp-{who}", "test_errors", mean(found), "", low=min(found), high=max(found), runs=3) | {
            "detail": detail
        }
    for who in STUDENTS[1:]:
        each = [
            100 * (a - d) / (a - t) for a, d, t in zip(counts["alone"], counts[who], counts["teacher"], strict=True)
        ]
        alone, taught, best = (mean(counts[name]) for name in ("alone", who, "teacher"))
        closed = 100 * (alone - taught) / (alone - best)
        spread = {"low": min(each), "high": max(each), "runs": len(each)}
        yield row(f"mnist-mlp-{who}", "gap_closed_pct", closed, "%", **spread)
