"""Arrays by name from an `.npz` file, which may be damaged or hostile."""

from pathlib import Path

import numpy as np

from apus._files import existing_file
from apus.errors import DataError
from apus.runtime.feed import Array


def load_npz(path: str | Path) -> dict[str, Array]:
    """Arrays by name; nothing in the file is executed.

    Args:
        path: an archive of plain arrays, as `numpy.savez` writes it.

    Returns:
        The arrays.

    Raises:
        FileNotFoundError: there is no such file; names the nearest.
        DataError: the file is no `.npz` archive of plain arrays, or holds none.
    """
    with existing_file(path).open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except Exception as error:  # a damaged archive raises anything from zipfile, zlib or NumPy's parser
            raise DataError(f"{path} is not an .npz archive of plain arrays: {error}") from error
    if not arrays:
        raise DataError(f"{path} is an .npz archive without any array: save it with numpy.savez(path, name=array)")
    return arrays
