"""Print the requirements of an extra of pyproject.toml, our own extras followed, one a line.

The voice's package is taken from its folder in this repository.
"""

import re
import sys
import tomllib
from pathlib import Path

HERE = {"apus-ml-voice": "./voice"}
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def expand(extra: str) -> list[str]:
    """Requirements of `extra` without `apus-ml[...]` itself, which the editable install provides."""
    found = []
    for line in PROJECT["optional-dependencies"][extra]:
        own = re.fullmatch(r"apus-ml\[(.+)\]", line)
        found += [r for name in own[1].split(",") for r in expand(name)] if own else [line]
    return found


if __name__ == "__main__":
    names = {*PROJECT["dependencies"], *expand(sys.argv[1])}
    print(*sorted(HERE.get(name.split(">")[0], name) for name in names), sep="\n")
