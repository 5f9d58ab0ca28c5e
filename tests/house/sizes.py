"""Print the size of the house and fail on a room that is too large without a reason, or that no test names.

A file may pass 300 lines, or a function 50, only when it stands in `EXCEPTIONS` with its reason.
"""

import ast
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_FILE, MAX_FUNCTION = 300, 50
EXCEPTIONS: dict[str, str] = {}
UNTESTED: dict[str, str] = {}


def files(*patterns: str) -> list[Path]:
    """Paths of the repository that match, relative to its root."""
    return sorted(p.relative_to(ROOT) for pattern in patterns for p in ROOT.glob(pattern))


def functions(path: Path) -> list[tuple[str, int]]:
    """(qualified place, lines) of every function in a Python file, docstring not counted."""
    found = []
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            found.append((f"{path}:{node.lineno} {node.name}", (node.end_lineno or 0) - first.lineno + 1))
    return found


def untested(modules: list[Path]) -> list[str]:
    """Modules of `src/apus` that no test of the same folder is named after or names."""
    missing = []
    for module in modules:
        area = module.parts[2] if len(module.parts) > 3 else "."
        tests = [ROOT / p for p in files(f"tests/{area}/**/*.py", "tests/*.py" if area == "." else "tests/cli/*.py")]
        name = re.compile(rf"\b(test_)?{re.escape(module.stem)}\b")
        if not any(name.search(t.stem) or name.search(t.read_text()) for t in tests):
            missing.append(str(module))
    return missing


def main() -> int:
    """Print medians, then every offender; return how many there are."""
    python = files("src/apus/**/*.py")
    code = [*python, *files("cpp/**/*.cc", "cpp/**/*.h", "cpp/**/*.inc")]
    lines = {str(p): len((ROOT / p).read_text().splitlines()) for p in code}
    sizes = [pair for p in python for pair in functions(p)]
    print(f"{len(lines)} files, {sum(lines.values())} lines, median {statistics.median(lines.values()):.0f}; ", end="")
    print(f"{len(sizes)} Python functions, median {statistics.median(n for _, n in sizes):.0f} lines")
    bad = [f"{p}: {n} lines (> {MAX_FILE})" for p, n in lines.items() if n > MAX_FILE and p not in EXCEPTIONS]
    long = [(p, n) for p, n in sizes if n > MAX_FUNCTION and p.split(":")[0] not in EXCEPTIONS]
    bad += [f"{p}: {n} lines (> {MAX_FUNCTION})" for p, n in long]
    modules = [p for p in python if not p.stem.startswith("__")]
    bad += [f"{p}: no test names it" for p in untested(modules) if p not in UNTESTED]
    print(*bad, sep="\n")
    return len(bad)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
