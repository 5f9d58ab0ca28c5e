"""Seeded mutations of an `.apus` file, from blind ones to ones that keep every checksum right."""

import copy
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from apus.artifact._crc import crc32c
from apus.artifact.container import join

Random = np.random.Generator
_ODD: list[Any] = [
    *(
        None,
        True,
        False,
        "",
        "x",
        [],
        {},
        [[]],
        0,
        1,
        -1,
        2,
        3,
        255,
        256,
        4095,
        2**31 - 1,
        2**31,
        -(2**31),
        -(2**31) - 1,
    ),
    *(2**32, 2**63 - 1, 2**63, 10**30, 0.5, -0.0, 1e-45, 1e38, 1e39, 1e308, "uint8", "int8", "float32", "relu", "clip"),
    *([0], [1, 1], [-1], [2**31 - 1] * 8, [1] * 9, [1, 2, 3, 4], "none", "batch", {"a": 1}),
]


def truncate(data: bytes, random: Random) -> bytes:
    return data[: int(random.integers(len(data)))]


def flip_bits(data: bytes, random: Random) -> bytes:
    array = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        array[int(random.integers(len(array)))] ^= 1 << int(random.integers(8))
    return bytes(array)


def splice(data: bytes, random: Random) -> bytes:
    """Insert, delete, repeat or append a run of bytes."""
    start, length = int(random.integers(len(data))), int(random.integers(1, 200))
    run = data[start : start + length]
    noise = random.bytes(length)
    return [
        data[:start] + noise + data[start:],
        data[:start] + data[start + length :],
        data[:start] + run + data[start:],
        data + noise,
        data + bytes(4096),
    ][int(random.integers(5))]


def edit_header(data: bytes, random: Random) -> bytes:
    """Change one header field to an odd number, and make the header's checksum right again."""
    offset, size = [(8, 2), (10, 2), (12, 4), (16, 8), (24, 8), (32, 8), (40, 8), (48, 4), (52, 4)][
        int(random.integers(9))
    ]
    old = int.from_bytes(data[offset : offset + size], "little")
    odd = [0, 1, old + 1, old - 1, old + 4096, old * 2, 2**31, 2**32 - 1, 2**63, 2**64 - 1, len(data), len(data) - old]
    new = (odd[int(random.integers(len(odd)))] % 2 ** (8 * size)).to_bytes(size, "little")
    head = data[:offset] + new + data[offset + size : 60]
    return head + struct.pack("<I", crc32c(head)) + data[64:]


def split(data: bytes) -> tuple[bytes, bytes]:
    """JSON and payload."""
    length, start = struct.unpack("<IQ", data[12:24])
    return data[64 : 64 + length], data[start:]


def critical(data: bytes) -> int:
    """Feature bits."""
    return int.from_bytes(data[40:48], "little")


def edit_json_bytes(data: bytes, random: Random) -> bytes:
    """Change the JSON's text blindly, and make both checksums right again."""
    text, payload = split(data)
    array = bytearray(text)
    for _ in range(int(random.integers(1, 3))):
        place = int(random.integers(len(array)))
        choice = int(random.integers(4))
        if choice == 0:
            array[place] = int(random.integers(256))
        elif choice == 1:
            array[place] = b'0123456789.-+eE"\\[]{},: \nNtfu'[int(random.integers(29))]
        elif choice == 2:
            del array[place : place + int(random.integers(1, 8))]
        else:
            array[place:place] = array[place : place + int(random.integers(1, 40))]
    return join(bytes(array), payload, critical(data))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in entries:
        yield node, key
        yield from _places(child)


def _change(parent: Any, key: Any, other: Any, random: Random) -> None:
    choice = int(random.integers(7))
    old = parent[key]
    if choice == 0:
        del parent[key]
    elif choice == 1 and isinstance(parent, dict):
        parent[random.choice(["extra", "scale", "zero_point", "bias", "clip", "alpha", "activation"])] = old
    elif choice == 2 and isinstance(parent, list):
        parent.insert(int(random.integers(len(parent) + 1)), copy.deepcopy(old))
    elif choice == 3 and isinstance(old, int | float):
        parent[key] = old + [1, -1, 64, -64, 0.5][int(random.integers(5))]
    elif choice == 4:
        parent[key] = copy.deepcopy(other)
    else:
        parent[key] = copy.deepcopy(_ODD[int(random.integers(len(_ODD)))])


def edit_graph(data: bytes, random: Random) -> bytes:
    """Change one or two entries of the JSON tree, and make both checksums right again."""
    text, payload = split(data)
    tree = json.loads(text)
    for _ in range(int(random.integers(1, 3))):
        places = list(_places(tree))
        parent, key = places[int(random.integers(len(places)))]
        other_parent, other_key = places[int(random.integers(len(places)))]
        _change(parent, key, other_parent[other_key], random)
    return join(json.dumps(tree, separators=(",", ":")).encode(), payload, critical(data))


def edit_payload(data: bytes, random: Random) -> bytes:
    """Change bytes of one constant, and make every checksum right again."""
    text, payload = split(data)
    tree, array = json.loads(text), bytearray(payload)
    entries = [entry for entry in tree["tensors"].values() if entry["length"]]
    if not entries:
        return flip_bits(data, random)
    entry = entries[int(random.integers(len(entries)))]
    start, end = entry["offset"], entry["offset"] + entry["length"]
    for _ in range(int(random.integers(1, 4))):
        array[int(random.integers(start, end))] = [0, 255, int(random.integers(256))][int(random.integers(3))]
    entry["crc"] = crc32c(bytes(array[start:end]))
    return join(json.dumps(tree, separators=(",", ":")).encode(), bytes(array), critical(data))


BLIND: list[Callable[[bytes, Random], bytes]] = [truncate, flip_bits, splice]
INFORMED: list[Callable[[bytes, Random], bytes]] = [edit_header, edit_json_bytes, edit_graph, edit_graph, edit_payload]
