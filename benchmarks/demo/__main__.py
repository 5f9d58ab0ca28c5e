"""`make bench-demo`: run the demo to its end, and keep the rows of its report as `benchmarks/results/demo.json`.

The demo resumes, so this costs seconds after `make demo`. Pictures, histories and layers stay in the
report.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ("benchmark", "date", "command", "env", "rows", "stages")


def main() -> None:
    """Run, copy, draw."""
    subprocess.run([sys.executable, "-m", "apus.cli", "compress", "recipes/images.toml"], cwd=ROOT, check=True)
    report = json.loads((ROOT / "runs" / "images" / "report.json").read_text())
    results = {key: report[key] for key in KEPT} | {"command": "make demo"}
    path = ROOT / "benchmarks" / "results" / "demo.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    subprocess.run([sys.executable, "docs/figures.py"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
