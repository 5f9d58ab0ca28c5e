"""CRC-32C (Castagnoli): by the CPU's own instruction when the extension is built, else by table."""

from functools import cache


@cache
def _table() -> list[int]:
    def entry(byte: int) -> int:
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # the reversed Castagnoli polynomial
        return byte

    return [entry(byte) for byte in range(256)]


def _by_table(data: bytes | memoryview) -> int:
    table, crc = _table(), 0xFFFFFFFF
    for byte in bytes(data):
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def crc32c(data: bytes | memoryview) -> int:
    """CRC-32C of `data`.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    try:
        from apus._native import crc32c as native
    except ImportError:  # a file must be readable where the extension is not built
        return _by_table(data)
    return int(native(data))
