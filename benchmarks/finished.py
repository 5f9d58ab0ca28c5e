"""Finished runs are kept in a file, so that an interrupted study goes on where it stopped."""

import datetime
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apus.bench.results import Row, write_results
from apus.runtime import cpu


def remember(file: Path, key: Mapping[str, Any], run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result of `run`, from the file if a run of the same key was finished before.

    Args:
        file: of JSON lines; made if it is not there.
        key: everything that shapes the result.
        run: makes the result, of plain numbers and text.

    Returns:
        The result as JSON gives it back.
    """
    found = recall(file, key)
    if found is not None:
        return found
    result = run()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.write(json.dumps({"key": key, "result": result}) + "\n")
    return dict(json.loads(json.dumps(result)))


def recall(file: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The result of a finished run, or None."""
    wanted = json.loads(json.dumps(key))
    for line in file.read_text().splitlines() if file.exists() else []:
        entry = json.loads(line)
        if entry["key"] == wanted:
            return dict(entry["result"])
    return None


def write_parts(path: Path, benchmark: str, parts: Mapping[str, Callable[[], list[Row]]]) -> None:
    """Measure parts of a benchmark one after the other; print their rows and put them in place of former ones.

    Each row says when it was measured and on what processor, as the parts may come from several.

    Args:
        path: of the results.
        benchmark: its name.
        parts: name → makes the rows.
    """
    for part, rows in parts.items():
        found, today = rows(), datetime.datetime.now(datetime.UTC).date().isoformat()
        stamp = {"part": part, "cpu": cpu()["brand"], "date": today}
        made = [r | {"detail": r["detail"] | stamp} for r in found]
        before = json.loads(path.read_text())["rows"] if path.exists() else []
        kept = [r for r in before if r["detail"]["part"] != part]
        write_results(path, benchmark, f"make bench-{benchmark}", kept + made)
        print(*(f"{r['case']:28} {r['metric']:28} {r['value']:10.4f} {r['unit']}" for r in made), sep="\n", flush=True)
