"""Voices that have a name: hibari's, and the one that was trained here, each in a package of its own."""

import os
from importlib import util
from pathlib import Path

from apus._files import existing_file_or_folder
from apus.errors import MissingExtraError

PACKAGES = {"hibari": ("hibari", "hibari-tts", "assets/hibari.onnx"), "apus": ("apus_voice", "apus-ml-voice", "")}
"""Name → the package to import, the one to install, and where in it the voice lies."""
DEFAULT = "hibari"


def package(name: str) -> Path:
    """The folder of the package that a voice comes in.

    Args:
        name: one of `PACKAGES`.

    Returns:
        Its path.

    Raises:
        MissingExtraError: it is not installed.
    """
    imported, installed, _ = PACKAGES[name]
    spec = util.find_spec(imported)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"{installed} is not installed: pip install 'apus-ml[speech]'")
    return Path(spec.submodule_search_locations[0])


def locate(voice: str | os.PathLike[str]) -> Path:
    """Where a voice lies.

    Args:
        voice: a name, or the path of an ONNX file or of a folder.

    Returns:
        A file of hibari's architecture, or the folder of a voice that was trained here.

    Raises:
        MissingExtraError: its package is not installed.
        FileNotFoundError: it is no name, and there is no such path.
    """
    name = os.fspath(voice)
    if name in PACKAGES:
        return package(name) / PACKAGES[name][2]
    try:
        return existing_file_or_folder(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; by name there are {' and '.join(sorted(PACKAGES))}") from error
