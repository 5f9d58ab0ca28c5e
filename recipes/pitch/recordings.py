"""Sounds of a real speaker: Asterisk's English prompts, read by Allison Smith (CC-BY-SA 3.0), 25 minutes at 16 kHz.

Debian's `asterisk-core-sounds-en-g722`; `apt-get download` needs no root. `pip install G722` decodes them.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apus.data.fetch import cache_folder
from apus.errors import DataError, MissingExtraError
from apus.models.crepe import RATE

PACKAGE, INSIDE = "asterisk-core-sounds-en-g722", "usr/share/asterisk/sounds/en_US_f_Allison"
SHORTEST = RATE // 2


def folder() -> Path:
    """Where the prompts are: under `$APUS_DATA`, or in the cache, got from Debian if need be.

    Raises:
        DataError: they are nowhere on this machine and cannot be got.
    """
    cache = cache_folder() / "asterisk"
    for place in (Path(os.environ.get("APUS_DATA", "data")) / "asterisk", cache / INSIDE):
        if any(place.glob("*.g722")):
            return place
    cache.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=cache, check=True, capture_output=True)
        [package] = cache.glob(f"{PACKAGE}_*.deb")
        subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=cache, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise DataError(f"no {PACKAGE} here, and it cannot be got: {error}") from error
    return folder()


def clips() -> list[NDArray[np.float32]]:
    """Recordings of half a second and more, in the order of their names; samples within [-1, 1] at 16 kHz.

    Raises:
        MissingExtraError: their decoder is not installed.
    """
    try:
        from G722 import G722
    except ImportError as error:
        raise MissingExtraError("the recordings need a decoder: pip install G722") from error
    found = []
    for path in sorted(folder().glob("*.g722")):
        sound = np.asarray(G722(RATE, 64000).decode(path.read_bytes()), np.float32) / 32768
        if len(sound) >= SHORTEST:
            found.append(sound)
    return found
