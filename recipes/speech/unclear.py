"""`python -m recipes.speech.unclear`: a recogniser hears the corpus, and trainings leave out what it hears too wrong.

Beside each shard goes a JSON file with the sentences of which more than a fifth of the words are heard wrong, names
above all; a shard that has one is not heard again. Those held out are kept: who leaves out there flatters himself.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apus._files import write_atomically
from recipes.speech.corpus import HELD_OUT, default_folder, sentences_of
from recipes.speech.recogniser import wrong_words

SHARE = 0.2
Hear = Callable[[str, NDArray[np.float32]], tuple[int, int]]


def listen(folder: Path, hear: Hear = wrong_words, share: float = SHARE) -> tuple[int, int]:
    """Hear the shards that were not heard before.

    Args:
        folder: of the corpus.
        hear: text and (T,) samples -> words heard wrong, words there are.
        share: of the words of a sentence that may be wrong.

    Returns:
        Sentences left out, and sentences there are, without those held out.
    """
    left_out = total = 0
    for path in sorted(folder.glob("*.npz")):
        known = [(index, one) for index, one in sentences_of(path) if index % HELD_OUT != HELD_OUT - 1]
        page = path.with_suffix(".json")
        if not page.exists():
            counts = [(index, *hear(one["text"], one["audio"].astype(np.float32) / 32767)) for index, one in known]
            write_atomically(page, json.dumps([index for index, wrong, words in counts if wrong > share * words]))
        left_out, total = left_out + len(json.loads(page.read_text())), total + len(known)
    return left_out, total


def main() -> None:
    """Hear all, and say what is left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=default_folder(), help="what recipes.speech.corpus made")
    left_out, total = listen(parser.parse_args().corpus)
    print(f"{left_out} of {total} sentences are left out")


if __name__ == "__main__":
    main()
