"""Header, JSON and payload as bytes (SPEC.md §1): nothing here knows what a network is."""

import struct

from apus.artifact._crc import crc32c
from apus.errors import ArtifactError

MAGIC = b"\x89APUS\r\n\x1a"
MAJOR, MINOR = 1, 0
SEGMENTS = 1  # a critical feature bit: parts of the network are files of their own (SPEC.md §7)
HEADER_BYTES, PAGE_BYTES, ENTRY_BYTES = 64, 4096, 64
MAX_JSON_BYTES = 64 << 20
_HEADER = struct.Struct("<8sHHIQQQQI8s")  # the 60 bytes that header_crc covers


def round_up(n: int, step: int) -> int:
    """The first multiple of `step` that is ≥ n."""
    return -(-n // step) * step


def join(json_bytes: bytes, payload: bytes, critical: int = 0) -> bytes:
    """A whole file from its JSON, its payload and its critical feature bits."""
    return head(json_bytes, len(payload), critical) + payload


def head(json_bytes: bytes, payload_length: int, critical: int = 0) -> bytes:
    """What comes before the payload: header, JSON and zeros up to the next page."""
    start = round_up(HEADER_BYTES + len(json_bytes), PAGE_BYTES)
    fields = _HEADER.pack(
        MAGIC,
        MAJOR,
        MINOR,
        len(json_bytes),
        start,
        payload_length,
        start + payload_length,
        critical,
        crc32c(json_bytes),
        bytes(8),
    )
    return (fields + struct.pack("<I", crc32c(fields)) + json_bytes).ljust(start, b"\0")


def split(data: memoryview) -> tuple[bytes, memoryview, int]:
    """JSON bytes, payload and critical feature bits of a file, after every check that needs no JSON.

    Args:
        data: the whole file.

    Returns:
        The JSON (checked by its CRC), a view of the payload (each entry has a CRC of its own), and the bits.

    Raises:
        ArtifactError: a field breaks a rule of SPEC.md §1; the message gives its offset.
    """
    if len(data) < HEADER_BYTES:
        raise ArtifactError(
            f"offset 0: not an .apus file: {len(data)} bytes are fewer than the header's {HEADER_BYTES}"
        )
    magic, major, _, json_length, start, length, size, critical, json_crc, reserved = _HEADER.unpack(data[:60])
    if magic != MAGIC:
        raise ArtifactError("offset 0: not an .apus file: the magic number is missing")
    if struct.unpack("<I", data[60:64])[0] != crc32c(data[:60]):
        raise ArtifactError("offset 60: the header is damaged: its CRC-32C differs")
    if major != MAJOR:
        raise ArtifactError(
            f"offset 8: needs Apus with format ≥ {major}; this one reads {MAJOR}: install a newer apus-ml"
        )
    if critical & ~SEGMENTS:
        raise ArtifactError(f"offset 40: needs features {critical:#x} that this version lacks: install a newer apus-ml")
    if any(reserved):
        raise ArtifactError("offset 52: reserved bytes are not zero")
    if size != len(data):
        raise ArtifactError(f"offset 32: the file should be {size} bytes but is {len(data)}: truncated or appended to")
    if not 2 <= json_length <= MAX_JSON_BYTES:
        raise ArtifactError(f"offset 12: JSON length {json_length} is outside 2..{MAX_JSON_BYTES}")
    end = HEADER_BYTES + json_length
    if start != round_up(end, PAGE_BYTES):
        raise ArtifactError(f"offset 16: payload offset {start} is not the first page after byte {end}")
    if start > size or length != size - start:
        raise ArtifactError(f"offset 24: payload of {length} bytes at {start} does not end the file of {size} bytes")
    json_bytes = bytes(data[HEADER_BYTES:end])
    if crc32c(json_bytes) != json_crc:
        raise ArtifactError("offset 64: the JSON is damaged: its CRC-32C differs")
    if any(data[end:start]):
        raise ArtifactError(f"offset {end}: bytes between JSON and payload are not zero")
    return json_bytes, data[start:], critical
