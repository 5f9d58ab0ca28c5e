"""Finished runs are kept, so that an interrupted study goes on where it stopped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILE = Path("runs/echo/finished.jsonl")


def remember(key: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result of `run`, from the file if it was finished before."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    for line in FILE.read_text().splitlines() if FILE.exists() else []:
        entry = json.loads(line)
        if entry["key"] == key:
            return dict(entry["result"])
    result = run()
    with FILE.open("a") as file:
        file.write(json.dumps({"key": key, "result": result}) + "\n")
    return json.loads(json.dumps(result))
