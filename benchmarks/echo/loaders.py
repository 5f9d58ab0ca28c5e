"""Images a second of loaders on the same work: decode OpenClipart, resize, batch of 32; two workers each, in turns."""

import io
import tarfile
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from apus.bench.results import Row, row
from apus.data.pipeline import Pipeline
from benchmarks.echo import clipart
from benchmarks.echo.memory import remember

WORKERS, BATCH, IMAGES, ROUNDS = 2, 32, 960, 11
EDGE = 5  # batches not timed at both ends: some loaders run ahead while they start, and finish from their buffers


class Drawings(Dataset[Any]):
    """The files as a map-style data set."""

    def __init__(self) -> None:
        pairs = clipart.splits()["train"]
        order = np.random.Generator(np.random.Philox(5)).permutation(len(pairs))[:IMAGES]
        self.pairs = [pairs[i] for i in order]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Any:
        path, label = self.pairs[index]
        return clipart.decode(path), label


def torch_loader() -> Iterable[Any]:
    """torch.utils.data.DataLoader, two processes."""
    return DataLoader(Drawings(), BATCH, num_workers=WORKERS)


def ours(processes: bool = False) -> Iterable[Any]:
    """Ours, two threads (or processes)."""
    return Pipeline(Drawings(), shuffle=False).read(workers=WORKERS, processes=processes).batch(BATCH)


def spdl() -> Iterable[Any]:
    """SPDL, two threads."""
    from spdl.pipeline import PipelineBuilder

    data = Drawings()
    built = (
        PipelineBuilder()
        .add_source(range(len(data)))
        .pipe(data.__getitem__, concurrency=WORKERS, output_order="input")
        .aggregate(BATCH)
        .pipe(default_collate)
        .add_sink(4)
        .build(num_threads=WORKERS)
    )
    with built.auto_stop():
        yield from built.get_iterator()


def webdataset() -> Iterable[Any]:
    """webdataset over tar files, two processes."""
    import webdataset as wds

    stream = wds.WebDataset(tars(), shardshuffle=False).map(
        lambda s: (clipart.decode(io.BytesIO(s["png"])), int(s["cls"]))
    )
    return wds.WebLoader(stream.batched(BATCH, collation_fn=default_collate), batch_size=None, num_workers=WORKERS)


def tars() -> list[str]:
    """The same files in two tar files, one for each worker."""
    made = [Path(f"runs/echo/clipart-{IMAGES}-{i}.tar") for i in range(WORKERS)]
    for i, path in enumerate(made):
        if not path.exists():
            with tarfile.open(path, "w", dereference=True) as archive:
                for number, (file, label) in enumerate(Drawings().pairs[i::WORKERS]):
                    archive.add(file, f"{number:06}.png")
                    text = Path("runs/echo/label.cls")
                    text.write_text(str(label))
                    archive.add(text, f"{number:06}.cls")
    return [str(path) for path in made]


def grain() -> Iterable[Any]:
    """grain, two threads."""
    import grain.python as g

    data = g.MapDataset.source(Drawings()).to_iter_dataset(
        g.ReadOptions(num_threads=WORKERS, prefetch_buffer_size=BATCH)
    )
    return data.batch(BATCH)


def grain_processes() -> Iterable[Any]:
    """grain, two processes."""
    import grain.python as g

    data = g.MapDataset.source(Drawings()).to_iter_dataset(g.ReadOptions(num_threads=1, prefetch_buffer_size=BATCH))
    return data.batch(BATCH).mp_prefetch(g.MultiprocessingOptions(num_workers=WORKERS))


LOADERS: dict[str, Callable[[], Iterable[Any]]] = {
    "apus-threads": ours,
    "apus-processes": lambda: ours(processes=True),
    "torch": torch_loader,
    "spdl": spdl,
    "webdataset": webdataset,
    "grain-threads": grain,
    "grain-processes": grain_processes,
}


def speed(make: Callable[[], Iterable[Any]]) -> float:
    """Images a second, in the steady state."""
    stream = iter(make())
    for _ in islice(stream, EDGE):
        pass
    begin = perf_counter()
    seen = sum(len(x) for x, _ in islice(stream, IMAGES // BATCH - 2 * EDGE))
    taken = perf_counter() - begin
    for _ in stream:
        pass
    return seen / taken


def rows() -> list[Row]:
    """Median images a second; ours over a peer's in the same turn, median and quartiles."""
    torch.set_num_threads(1)
    found: dict[str, list[float]] = {name: [] for name in LOADERS}
    for turn in range(ROUNDS):
        for name, make in LOADERS.items():
            found[name].append(remember(f"loader {name} {IMAGES} {turn}", lambda m=make: {"speed": speed(m)})["speed"])
            print(f"{name:16} {found[name][-1]:.0f} images/s", flush=True)
    made = [
        row(f"loader-{name}", "images_per_s", median(v), "1/s", low=min(v), high=max(v), runs=ROUNDS)
        for name, v in found.items()
    ]
    peers = {name: median(v) for name, v in found.items() if not name.startswith("apus")}  # images a second
    best = max(peers, key=peers.__getitem__)
    for kind in ("threads", "processes"):
        for metric, peer in (("speedup_vs_torch", "torch"), ("speedup_vs_best_peer", best)):
            turns = [a / b for a, b in zip(found[f"apus-{kind}"], found[peer], strict=True)]
            detail = {"peer": peer, "images_per_s": peers, "workers": WORKERS}
            low, _, high = quantiles(turns, n=4)
            spread = {"low": low, "high": high, "runs": ROUNDS, "detail": detail}
            made.append(row(f"loader-{kind}", metric, median(turns), "x", **spread))
    return made


if __name__ == "__main__":
    rows()
