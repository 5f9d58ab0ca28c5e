"""Ours alone on one thread and on two, in turns within one run: what the second core brings."""

import tempfile
from pathlib import Path

import apus
from apus.bench import compare, contender
from apus.bench.protocol import Contender, Inputs, Runner
from apus.bench.results import Row, row
from benchmarks.kernels.cases import CASES, LAYERS, samples, write_files

THREADS = (1, 2)


class OnThreads:
    """A contender that keeps to its own number of threads, whatever the others use."""

    def __init__(self, inner: Contender, threads: int) -> None:
        self.inner, self.threads = inner, threads
        self.label, self.network = f"{inner.label}-t{threads}", inner.network

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Its own number of threads."""
        return self.inner.load(inputs, self.threads)

    def settings(self) -> dict[str, object]:
        """Those of the contender, and its threads."""
        return {**self.inner.settings(), "threads": self.threads}


def rows(name: str, seconds: float) -> list[Row]:
    """`two_cores_speedup` of a case, int8 and fp32."""
    case = CASES[name.removesuffix("-cores")]
    x, made = {"x": samples(case, 1)[0]}, []
    with tempfile.TemporaryDirectory() as folder:
        for precision, path in write_files(case, Path(folder)).items():
            file = apus.compile(path, Path(folder) / f"{precision}.apus")
            inner = contender("apus", file, label=precision, network=precision)
            one, two = compare([OnThreads(inner, t) for t in THREADS], x, threads=2, seconds=seconds)
            us = {t: m.p50_us / LAYERS for t, m in zip(THREADS, (one, two), strict=True)}
            spread = {"low": one.low_us / two.high_us, "high": one.high_us / two.low_us, "runs": two.runs}
            made.append(
                row(f"{name}-{precision}", "two_cores_speedup", us[1] / us[2], "x", **spread, detail={"layer_us": us})
            )
    return made


NAMES = ("linear-1024-n128-s90-cores", "conv1x1-256-28-s90-cores", "conv3x3-128-28-s90-cores")
