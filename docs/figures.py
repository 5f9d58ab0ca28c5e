"""Draw README's tables and plots from the JSON under `benchmarks/results/`, so that no number is typed by hand.

`python docs/figures.py` rewrites what stands between `<!-- NAME -->` and `<!-- /NAME -->` in `PAGES`, and the
plots in docs/images;
`python docs/figures.py --check` fails when a page says anything else than the JSON.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tables import bits, demo, devices, distil, echo, kernels, models, sparsity, speech, voice
from tables.read import Results

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TABLES: dict[str, Callable[[Results], str]] = {
    "bits": bits.bits,
    "demo": demo.demo,
    "quantize": demo.quantize,
    "kernels": kernels.kernels,
    "kernels:density": kernels.density,
    "kernels:formats": kernels.formats,
    "kernels:unstructured": kernels.unstructured,
    "models": models.models,
    "onnx": models.onnx,
    **{f"distill:{part}": draw for part, draw in distil.EXPERIMENTS.items()},
    "echo": echo.echo,
    "devices": devices.devices,
    "devices.accuracy": devices.accuracy,
    "sparsity": sparsity.text,
    "sparsity:mnist": sparsity.mnist,
    "sparsity:clothes": sparsity.clothes,
    "sparsity:widths": sparsity.widths,
    "speech": speech.ladder,
    "speech-xeon": speech.elsewhere,
    "speech:voices": speech.voices,
    "speech:judged": voice.judged,
    "speech:own": voice.own,
}
PAGES = {
    "README.md": ("demo", "quantize", "kernels", "models", "onnx", "bits", "echo"),
    "docs/bits.md": ("bits",),
    "docs/echo.md": ("echo",),
    "docs/distil.md": (
        "sparsity",
        "sparsity:mnist",
        "sparsity:clothes",
        "sparsity:widths",
        "distill:mnist",
        "distill:fashion",
        "distill:g2p",
        "distill:pitch",
        "distill:clipart",
    ),
    "docs/devices.md": ("devices", "devices.accuracy"),
    "docs/kernels.md": ("kernels", "kernels:density", "kernels:formats", "kernels:unstructured"),
    "docs/speech.md": ("speech", "speech-xeon", "speech:voices", "speech:judged", "speech:own"),
}
PLOTS = (
    "bits",
    "demo",
    "kernels",
    "sparsity",
    "speech",
)  # each drawn by benchmarks/NAME/plots.py; the rest when they are measured


def rendered(page: str) -> str:
    """A page with every block of its own drawn anew."""
    text = (ROOT / page).read_text()
    for name in PAGES[page]:
        source = name.partition(":")[0]
        drawn = TABLES[name](json.loads((RESULTS / f"{source}.json").read_text()))
        block = f"<!-- {name} -->\n{drawn}\n<!-- /{name} -->"
        text, count = re.subn(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"{page} needs exactly one block <!-- {name} --> … <!-- /{name} -->, has {count}")
    return text


def main(check: bool) -> int:
    """Rewrite pages and plots, or only compare."""
    new = {ROOT / page: rendered(page) for page in PAGES}
    if check:
        wrong = [path.name for path, text in new.items() if path.read_text() != text]
        print(f"{', '.join(wrong)}: run python docs/figures.py" if wrong else "The pages agree with the results")
        return len(wrong)
    for path, text in new.items():
        path.write_text(text)
    sys.path.insert(0, str(ROOT))
    for name in PLOTS:
        draw = importlib.import_module(f"benchmarks.{name}.plots").draw
        draw(json.loads((RESULTS / f"{name}.json").read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
