"""Draw the pages of every public module from its docstrings: `python docs/build.py FOLDER`."""

import sys
from pathlib import Path

import pdoc


def main(folder: Path) -> None:
    """Write HTML below `folder`; the first page is README's."""
    pdoc.render.configure(docformat="google", footer_text="Apus", math=True)
    pdoc.pdoc("apus", "!apus._native", output_directory=folder)
    print(f"{sum(1 for _ in folder.rglob('*.html'))} pages in {folder}/")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
