"""That a rung still is the rung before: the same samples, or the same logits under teacher forcing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apus.bench.results import Row, row
from apus.models.wavegru import HOP
from apus.speech.mulaw import decode
from benchmarks.speech.networks import Signal, dense, pruned, signal
from benchmarks.speech.rungs import RUNGS, Rung, bits, drawn, speaker, vocoders
from benchmarks.speech.steps import Step
from benchmarks.speech.stock import Stock, torch_step

FRAMES = 8
SAMPLES = FRAMES * HOP


def proofs(stocks: list[Stock]) -> list[Row]:
    """For each rung, what eager PyTorch makes of the same weights, and what the rung makes of them.

    Args:
        stocks: contenders of rungs 0 to 2, eager first.

    Returns:
        Under teacher forcing `logit_error`, the greatest, `nll_difference_bits`, and `other_samples_pct`, which the
        same draws pick otherwise; `free_samples_equal_pct` of speech that feeds on itself, dense rungs.
    """
    known = signal(FRAMES)
    nets = {s: dense() if s == "dense" else pruned(s) for s in {r.structure for r in RUNGS}}
    truth = {s: Stock("", False, torch_step(Step(net))).force(net, known, SAMPLES) for s, net in nets.items()}
    eager = np.array(stocks[0].prepare(nets["dense"], known)(SAMPLES), np.uint8)
    rows = []
    for stock in stocks:
        spoken = np.array(stock.prepare(nets["dense"], known)(SAMPLES))
        rows += _forced(stock.label, stock.force(nets["dense"], known, SAMPLES), truth["dense"], known)
        rows.append(row(stock.label, "free_samples_equal_pct", 100 * float((spoken == eager).mean()), "%"))
    made = vocoders()
    for rung in RUNGS:
        found = made[rung.case].force(known.features, known.codes)[1]
        rows += _forced(rung.case, found, truth[rung.structure], known)
        rows += _free(rung, {t: speaker(made[rung.case], known, t)(SAMPLES) for t in (1, 2)}, decode(eager))
    return rows


def _free(rung: Rung, audio: dict[int, NDArray[np.float32]], eager: NDArray[np.float32]) -> list[Row]:
    rows = [row(rung.case, "two_threads_equal_pct", 100 * float((audio[1] == audio[2]).mean()), "%")]
    if rung.structure == "dense":
        rows.append(row(rung.case, "free_samples_equal_pct", 100 * float((audio[1] == eager).mean()), "%"))
    return rows


def _forced(case: str, found: NDArray[np.float32], truth: NDArray[np.float32], known: Signal) -> list[Row]:
    nll = bits(found, known.codes) - bits(truth, known.codes)
    other = 100 * float((drawn(found, known.draws) != drawn(truth, known.draws)).mean())
    detail: dict[str, Any] = {"against": "eager PyTorch, same weights", "samples": SAMPLES}
    detail["largest_logit"] = float(abs(truth).max())
    return [
        row(case, "logit_error", float(abs(found - truth).max()), "", detail=detail),
        row(case, "nll_difference_bits", nll, "bit", detail=detail),
        row(case, "other_samples_pct", other, "%", detail=detail),
    ]
