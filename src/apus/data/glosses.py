"""What nouns mean: WordNet's definitions, and to tell from one which of 26 kinds of noun it defines.

The kinds are the lexicographers' files of WordNet 3.0. Split: of the different definitions in the file's order, a
permutation by Philox(0) gives the first 5,000 for validation, the next 5,000 for the end, the rest to learn from.

Source: Fellbaum (ed.), "WordNet: An Electronic Lexical Database", 1998; lexnames(5WN), wndb(5WN).
"""

import gzip
import hashlib
import io
from pathlib import Path

import numpy as np

from apus._files import write_atomically
from apus.data.arrays import Dataset
from apus.data.fetch import cache_folder, find
from apus.data.texts import Texts
from apus.data.wordpieces import encode, minilm_folder
from apus.errors import DataError

FIRST_KIND = 3  # files 0 to 2 hold adjectives and adverbs
KINDS = (
    "Tops", "act", "animal", "artifact", "attribute", "body", "cognition", "communication", "event", "feeling", "food",
    "group", "location", "motive", "object", "person", "phenomenon", "plant", "possession", "process", "quantity",
    "relation", "shape", "state", "substance", "time",
)  # fmt: skip
LENGTH = 32


def read_glosses(path: str | Path = "") -> dict[str, int]:
    """Read the definitions, without their examples.

    Args:
        path: of `data.noun` or `data.noun.gz`; empty finds or gets it as `fetch.find` does.

    Returns:
        Definition → kind, 0..25, in the file's order; of equal definitions the first.

    Raises:
        DataError: the file is missing, or a line is not of its format.
    """
    file = Path(path) if path else find("wordnet") / "data.noun.gz"
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    content = file.read_bytes()
    text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode("latin-1")
    glosses: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("  "):  # the licence
            continue
        head, bar, gloss = line.partition(" | ")
        kind = head.split()[1:2]
        if not bar or not kind or not kind[0].isdigit() or not 0 <= int(kind[0]) - FIRST_KIND < len(KINDS):
            raise DataError(f"{file}, line {number}: not of WordNet's data.noun: {line[:40]!r}")
        glosses.setdefault(gloss.split('; "')[0].strip(), int(kind[0]) - FIRST_KIND)
    return glosses


def load_glosses(path: str = "", length: int = LENGTH, valid: int = 5000, test: int = 5000, limit: int = 0) -> Dataset:
    """The definitions as tokens of MiniLM, in three splits; the tokens are kept in the cache.

    Args:
        path: as of `read_glosses`.
        length: T, tokens of a row.
        valid: definitions held out for validation.
        test: definitions held out for the end.
        limit: most definitions to learn from; 0 means all.

    Returns:
        Three splits, x int64 (N, T), y int64 (N,).

    Raises:
        DataError: fewer definitions than are to be held out.
        MissingExtraError: the tokenizer or MiniLM's package is not installed.
    """
    glosses = read_glosses(path)
    if valid + test >= len(glosses):
        raise DataError(f"{valid + test} of {len(glosses)} definitions are to be held out: hold out fewer")
    x, y = _tokens(list(glosses), length), np.fromiter(glosses.values(), np.int64)
    order = np.random.Generator(np.random.Philox(0)).permutation(len(y))
    held, last, rest = (Texts(x[rows], y[rows]) for rows in np.split(order, [valid, valid + test]))
    return Dataset("glosses", rest[: limit or None], held, last, KINDS)


def _tokens(texts: list[str], length: int) -> np.ndarray:
    digest = hashlib.sha256("\n".join(texts).encode())
    digest.update((minilm_folder() / "tokenizer.json").read_bytes())
    kept = cache_folder() / "glosses" / f"{digest.hexdigest()[:16]}-{length}.npz"
    if kept.is_file():
        return np.asarray(np.load(kept)["x"], np.int64)
    rows, content = encode(texts, length), io.BytesIO()
    np.savez_compressed(content, x=rows.astype(np.uint16))
    write_atomically(kept, content.getvalue())
    return rows
