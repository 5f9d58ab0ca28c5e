"""Networks of a study: trained once, kept with what they scored, and taken up again after a kill."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from apus.data import Batches
from apus.training import Plugs, Stateful, TrainOptions, fit
from benchmarks.finished import recall, remember

Result = dict[str, Any]


def options_key(options: TrainOptions) -> dict[str, Any]:
    """What of the options shapes the result."""
    return {name: value for name, value in asdict(options).items() if not name.startswith("checkpoint")}


def trained(
    folder: Path,
    key: Mapping[str, Any],
    model: nn.Module,
    batches: Callable[[], Batches],
    options: TrainOptions,
    judge: Callable[[nn.Module], Result],
    *,
    loss: Callable[[], Any] | None = None,
    network: nn.Module | None = None,
    after_step: Callable[[int, int], None] | None = None,
    extra: Mapping[str, Stateful] | None = None,
    finish: Callable[[], None] = lambda: None,
    during: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Result:
    """Train a network, or load it if this very run was finished before.

    Args:
        folder: of the study.
        key: everything that shapes the run besides its options; its `who` names the files.
        model: is trained or loaded in place.
        batches: makes the training data.
        options: of the run.
        judge: of the trained network.
        loss: makes the loss term; None is the plain one.
        network: what the loop trains, where it is more than the model.
        after_step: as of the loop.
        extra: as of the loop.
        finish: called when the last step is done.
        during: a context of the training, such as taps.

    Returns:
        What `judge` found, with loss, steps and seconds.
    """
    wanted = {**key, **options_key(options)}
    name = f"{key['who']}-" + hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:10]
    weights, finished = folder / f"{name}.pt", folder / "finished.jsonl"
    if weights.exists() and (found := recall(finished, wanted)):
        model.load_state_dict(torch.load(weights, weights_only=True))
        model.eval()
        return found
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    with during():
        plugs = Plugs(loss=loss(), after_step=after_step) if loss else Plugs(after_step=after_step)
        history = fit(
            network or model,
            batches(),
            options,
            plugs,
            folder=place,
            fingerprint=name,
            seed=int(key["seed"]),
            label=name,
            extra=extra,
        )
    finish()
    last = history[-1]
    result = judge(model.eval()) | {"loss": last["loss"], "steps": last["step"], "seconds": last["seconds"]}
    torch.save(model.state_dict(), weights)
    shutil.rmtree(place)
    print(f"{name} {dict(key)}: {result}", flush=True)
    return remember(finished, wanted, lambda: result)
