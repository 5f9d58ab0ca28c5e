"""Draw the pages of every public module from its docstrings: `python docs/build.py FOLDER`."""

import pkgutil
import sys
from pathlib import Path

import pdoc

import apus


def main(folder: Path) -> None:
    """Write HTML below `folder`, a page for each module."""
    pdoc.render.configure(docformat="google", footer_text="Apus", math=True)
    names = [m.name for m in pkgutil.walk_packages(apus.__path__, "apus.") if m.ispkg]
    pdoc.pdoc("apus", *names, output_directory=folder)
    print(f"{sum(1 for _ in folder.rglob('*.html'))} pages in {folder}/")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
