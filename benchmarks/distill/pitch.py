"""Pitch: what recipes/audio.toml delivers against its teacher, CREPE's full network, and against CREPE's own tiny one.

Judged on the test frames that the teacher calls voiced (its best bin at a half or more): the share whose pitch is
within 50 cents of the teacher's. Timed on one frame, one thread; the teacher in the best peer, in float32.
"""

from pathlib import Path

import numpy as np
import torch
from recipes.pitch.frames import cents, heard

from apus import Session
from apus.bench import compare, contender
from apus.bench.results import Row, row
from apus.compress import read_recipe
from apus.export import INPUT, export
from apus.models.crepe import FRAME, pretrained
from benchmarks.variants import Study

PITCH = Study(read_recipe(Path("recipes/audio.toml")), "audio")
STAGES = ("teacher", "student", "quantize", "export", "compile", "verify")
NEAR, VOICED, SECONDS = 50.0, 0.0, 2.0  # cents; a score of 0 is a half


def rows() -> list[Row]:
    """Shares within 50 cents, sizes, and times."""
    delivered = PITCH.walked("", PITCH.recipe, STAGES)
    own = PITCH.folder(0)
    x, scores = heard()
    voiced = scores.max(1) >= VOICED
    student, tiny = Session(own / "student.apus"), pretrained("tiny").eval()
    found = {"student": student.run(None, {INPUT: x})[0]}
    with torch.no_grad():
        found["tiny"] = torch.cat([tiny(part) for part in torch.from_numpy(x).split(256)]).numpy()
    made = []
    for name, each in found.items():
        off = np.abs(cents(each[voiced]) - cents(scores[voiced]))
        detail = {"frames": int(voiced.sum()), "median_cents": float(np.median(off)), "of": len(x)}
        made.append(row(f"audio-{name}", "within_50_cents_pct", 100 * float((off <= NEAR).mean()), "%", detail=detail))
    times = clock()
    teachers = {name: us for name, us in times.items() if name.endswith("full")}
    fastest = min(teachers, key=teachers.__getitem__)
    sizes = {name: (own / name).stat().st_size for name in ("teacher.onnx", "student.apus")}
    detail = {"us": times, "best_peer": fastest, "bytes": sizes, "agreement": delivered["against"]}
    return [*made, row("audio-student", "speedup_vs_teacher", teachers[fastest] / times["apus"], "x", detail=detail)]


def clock() -> dict[str, float]:
    """Median microseconds of a frame: the delivered file, and both of CREPE's own networks in each peer."""
    own, tiny = PITCH.folder(0), PITCH.folder(0) / "tiny.onnx"
    if not tiny.exists():
        export(pretrained("tiny").eval(), torch.zeros(1, FRAME), tiny)
    files = {"full": own / "teacher.onnx", "tiny": tiny}
    made = [
        contender(peer, file, label=f"{peer} {name}", network=name)
        for name, file in files.items()
        for peer in ("onnxruntime", "openvino")
    ]
    feed = {INPUT: heard()[0][:1]}
    ours = contender("apus", own / "student.apus", network="student")
    return {one.contender: one.p50_us for one in compare([ours, *made], feed, threads=1, seconds=SECONDS)}
