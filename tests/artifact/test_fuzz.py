"""Damaged and hostile files: both readers give a typed error or accept, and they agree (SPEC.md §6)."""

import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import mutate
import numpy as np
import pytest
from samples import GRAPHS

from apus.artifact import read, to_bytes
from apus.errors import ArtifactError

BLIND_PER_GRAPH, INFORMED_PER_GRAPH = 700, 1400  # of each graph
SLOWEST_READ_S = 2.0


def mutants(graph: str) -> list[tuple[str, bytes]]:
    original = to_bytes(GRAPHS[graph]())
    random = np.random.default_rng(sorted(GRAPHS).index(graph))
    made = []
    for kinds, count in ((mutate.BLIND, BLIND_PER_GRAPH), (mutate.INFORMED, INFORMED_PER_GRAPH)):
        for i in range(count):
            kind = kinds[i % len(kinds)]
            data = kind(original, random)
            if data != original:
                made.append((kind.__name__, data))
    return made


def python_verdict(data: bytes) -> tuple[str, str]:
    started = time.perf_counter()
    try:
        read(data)
        result = "accepted", ""
    except ArtifactError as error:
        result = "refused", str(error)
    assert time.perf_counter() - started < SLOWEST_READ_S
    return result


def native_verdicts(files: list[bytes], folder: Path) -> list[dict[str, str]]:
    records = folder / "records"
    records.write_bytes(b"".join(struct.pack("<I", len(data)) + data for data in files))
    worker = Path(__file__).with_name("native_reader.py")
    done = subprocess.run([sys.executable, worker, records], capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"the reader died at file {len(lines)}: exit {done.returncode}\n{done.stderr[-2000:]}"
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("graph", sorted(GRAPHS))
def test_every_mutant_gets_a_typed_verdict_and_the_readers_agree(graph: str, tmp_path: Path) -> None:
    made = mutants(graph)
    assert len(made) > 2000
    ours = [python_verdict(data) for _, data in made]
    theirs = native_verdicts([data for _, data in made], tmp_path)
    blind = {kind.__name__ for kind in mutate.BLIND}
    assert all(verdict == "refused" for (kind, _), (verdict, _) in zip(made, ours, strict=True) if kind in blind)
    assert any(verdict == "accepted" for verdict, _ in ours)
    disagreements = [
        f"#{i} {kind}: python {mine[0]} ({mine[1]}), native {other['verdict']} ({other['detail']})"
        for i, ((kind, _), mine, other) in enumerate(zip(made, ours, theirs, strict=True))
        if mine[0] != other["verdict"]
    ]
    assert not disagreements, f"{len(disagreements)} disagree:\n" + "\n".join(disagreements[:20])
