from apus.artifact import _crc


def test_table_and_extension_give_the_published_check_value() -> None:
    assert _crc._by_table(b"123456789") == _crc.crc32c(b"123456789") == 0xE3069283


def test_table_and_extension_agree_at_every_length() -> None:
    data = bytes(range(256)) * 2
    assert all(_crc._by_table(data[:n]) == _crc.crc32c(data[:n]) for n in range(0, 300, 7))
