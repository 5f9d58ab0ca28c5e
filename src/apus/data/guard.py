"""The items that an echo holds: how many bytes they take, and whether somebody edits them in place."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from apus.errors import DataError


def leaves(value: Any) -> Iterator[Any]:
    """Tensors, arrays and other atoms inside tuples, lists and dicts."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def size(value: Any) -> int:
    """Bytes of a value, counting what its arrays, tensors, strings and bytes hold."""
    return sum(
        leaf.nbytes if isinstance(leaf, np.ndarray | Tensor) else len(leaf) if isinstance(leaf, bytes | str) else 32
        for leaf in leaves(value)
    )


class Held:
    """Items that will be emitted again.

    A NumPy array among them is made read-only, so that an edit in place fails where it happens; a tensor's version
    counter is compared at each later emission.

    Args:
        cap: most bytes to hold.
        place: name of the stage, for messages.
    """

    def __init__(self, cap: int, place: str) -> None:
        self.cap, self.place, self.bytes = cap, place, 0
        self._items: dict[int, tuple[Any, int, list[int]]] = {}

    def __contains__(self, index: int) -> bool:
        return index in self._items

    def __len__(self) -> int:
        return len(self._items)

    def put(self, index: int, value: Any, again: bool) -> None:
        """Hold a value.

        Args:
            index: the item.
            value: what to hold.
            again: it will be emitted more than once, hence be guarded.

        Raises:
            DataError: the bytes held would pass the cap.
        """
        bytes_ = size(value)
        self.bytes += bytes_
        if self.bytes > self.cap:
            raise DataError(
                f"echo {self.place} would hold {len(self) + 1} items, {self.bytes:,} bytes, over its cap of "
                f"{self.cap:,}: echo earlier in the pipeline, where items are small, lower its size or raise max_bytes"
            )
        if again:
            for leaf in leaves(value):
                if isinstance(leaf, np.ndarray):
                    leaf.flags.writeable = False
        self._items[index] = value, bytes_, versions(value)

    def get(self, index: int) -> tuple[Any, list[int]]:
        """The value, if no tensor of it was edited in place, and the versions of its tensors when it was put here."""
        value, _, seen = self._items[index]
        check(value, seen, index, self.place)
        return value, seen

    def drop(self, index: int) -> None:
        """Hold it no longer."""
        self.bytes -= self._items.pop(index)[1]


def versions(value: Any) -> list[int]:
    """How often each tensor in a value was written to."""
    return [leaf._version for leaf in leaves(value) if isinstance(leaf, Tensor) and not leaf.is_inference()]


def check(value: Any, seen: list[int], number: int, place: str) -> None:
    """Compare the tensors' versions.

    Args:
        value: as it is now.
        seen: versions as they were.
        number: of the item, for the message.
        place: of the echo, for the message.

    Raises:
        DataError: they are not those that were seen.
    """
    if versions(value) != seen:
        raise DataError(
            f"item {number} was changed in place after the echo {place} emitted it, so its next copy would be "
            "wrong: use out-of-place operations (x + y, not x += y), or clone first"
        )
