"""A student in the mobile style, a twentieth of its teacher's parameters, on Fashion-MNIST.

Alone and distilled it has the same steps, augmentation and grid of learning rates, tuned on 5,000 images held out of
training with a seed of its own and a quarter of the steps; three seeds, each with its own teacher, are judged on test.
The networks, epochs and temperature are those of recipes/phone.toml.
"""

from functools import cache
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apus.bench.results import Row, row
from apus.data import ArrayBatches, Augment, Dataset, load
from apus.models.mobile_cnn import MobileCNN
from apus.models.residual_cnn import ResidualCNN
from apus.techniques.distill import Teacher, distil_loss, soft_targets
from apus.training import TrainOptions, outputs
from benchmarks.trained import Result, trained

FOLDER = Path("runs/distill/fashion")
TEMPERATURE, ALPHA = 4.0, 0.9
SEEDS, TUNING_SEED, RATES = (0, 1, 2), 100, (0.1, 0.2, 0.4)
EPOCHS, TUNING_EPOCHS, BATCH = 24.0, 6.0, 256
AUGMENT = Augment(shift=2, flip=True)


@cache
def data() -> Dataset:
    """Fashion-MNIST, 5,000 training images held out."""
    found = load("fashion-mnist", valid=5000)
    if found.name != "fashion-mnist":
        raise SystemExit("Fashion-MNIST is not to be had here; set APUS_DATA to the folder that holds it")
    return found


def options(epochs: float, rate: float) -> TrainOptions:
    return TrainOptions(epochs, BATCH, learning_rate=rate, weight_decay=1e-4, warmup=0.1, bf16=True)


def accuracy(model: nn.Module) -> Result:
    """On held-out and test images, in percent."""
    splits = {"valid": data().valid, "test": data().test}
    judged = {name: outputs(model, ArrayBatches(split, 500, shuffle=False)) for name, split in splits.items()}
    return {name: 100 * (z.argmax(1) == y).double().mean().item() for name, (z, y) in judged.items()}


def batches(seed: int) -> ArrayBatches:
    return ArrayBatches(data().train, BATCH, seed=seed, augment=AUGMENT)


def teacher(seed: int, epochs: float) -> tuple[nn.Module, Result]:
    """The trained teacher of a seed."""
    torch.manual_seed(seed)
    model = ResidualCNN(widths=(48, 96, 224))
    key = {"who": "teacher", "seed": seed}
    return model, trained(FOLDER, key, model, lambda: batches(seed), options(epochs, 0.1), accuracy)


def student(who: str, seed: int, epochs: float, rate: float) -> Result:
    """A student's accuracies, alone or distilled."""
    torch.manual_seed(seed)
    model, key = MobileCNN(), {"who": who, "seed": seed}
    if who == "distilled":
        key |= {"temperature": TEMPERATURE, "alpha": ALPHA}
    loss = (lambda: _taught(seed, epochs)) if who == "distilled" else None
    return trained(FOLDER, key, model, lambda: batches(seed), options(epochs, rate), accuracy, loss=loss)


def _taught(seed: int, epochs: float):
    answer = Teacher(teacher(seed, epochs)[0].to(memory_format=torch.channels_last), bf16=True)

    def loss(z: Tensor, y: Tensor, x: Tensor) -> Tensor:
        return distil_loss(F.cross_entropy(z, y), soft_targets(z, answer(x), TEMPERATURE), ALPHA)

    return loss


def rows() -> list[Row]:
    """Accuracies, what the student loses against its teacher, and what the teacher is worth to it."""
    torch.set_num_threads(1)
    tuning = {w: {r: student(w, TUNING_SEED, TUNING_EPOCHS, r)["valid"] for r in RATES} for w in ("alone", "distilled")}
    rates = {who: max(found, key=found.__getitem__) for who, found in tuning.items()}
    found = {who: [student(who, seed, EPOCHS, rates[who])["test"] for seed in SEEDS] for who in rates}
    found["teacher"] = [teacher(seed, EPOCHS)[1]["test"] for seed in SEEDS]
    sizes = {"teacher": _size(ResidualCNN(widths=(48, 96, 224))), "alone": _size(MobileCNN())}
    sizes["distilled"] = sizes["alone"]
    made = [
        row(f"fashion-mobile-{who}", "accuracy_pct", mean(each), "%", low=min(each), high=max(each), runs=len(each))
        | {"detail": {"parameters": sizes[who], "learning_rate": rates.get(who, 0.1), "tuning": tuning.get(who)}}
        for who, each in found.items()
    ]
    for metric, less in (("drop_points", "teacher"), ("gain_points", "alone")):
        sign = 1 if metric == "drop_points" else -1
        each = [sign * (a - b) for a, b in zip(found[less], found["distilled"], strict=True)]
        made.append(row("fashion-mobile", metric, mean(each), "points", low=min(each), high=max(each), runs=len(each)))
    return made


def _size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())
