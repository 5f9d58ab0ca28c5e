import gzip
import hashlib
import stat

import pytest

from apus.data import fetch
from apus.errors import DataError


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without data, cache, apt or network."""
    monkeypatch.delenv("APUS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(
        fetch, "ORIGINS", {"fashion-mnist": fetch.Origin((tmp_path / "site").as_uri() + "/", ("",) * 4, "package")}
    )
    return tmp_path


def put(folder, content=b"data"):
    folder.mkdir(parents=True)
    for file in fetch.FILES:
        (folder / file).write_bytes(content)
    return folder


def test_own_folder_comes_first_then_cache(bare, monkeypatch):
    cache = put(bare / "cache" / "apus" / "fashion-mnist")
    assert fetch.find("fashion-mnist") == cache
    own = put(bare / "own" / "fashion-mnist")
    monkeypatch.setenv("APUS_DATA", str(bare / "own"))
    assert fetch.find("fashion-mnist") == own
    monkeypatch.setenv("APUS_DATA", str(own))
    assert fetch.find("fashion-mnist") == own


def test_official_address_is_checked(bare, monkeypatch):
    put(bare / "site", b"good")
    md5 = hashlib.md5(b"good").hexdigest()
    origin = fetch.Origin((bare / "site").as_uri() + "/", (md5,) * 4, "package")
    monkeypatch.setattr(fetch, "ORIGINS", {"fashion-mnist": origin})
    found = fetch.find("fashion-mnist")
    assert found == bare / "cache" / "apus" / "fashion-mnist"
    assert (found / fetch.FILES[0]).read_bytes() == b"good"


def test_a_damaged_download_is_not_kept(bare):
    put(bare / "site", b"bad")
    with pytest.raises(DataError, match="wrong MD5"):
        fetch.find("fashion-mnist")
    assert not any((bare / "cache" / "apus" / "fashion-mnist" / f).exists() for f in fetch.FILES)


def test_apt_needs_no_root(bare):
    apt = "#!/bin/sh\n: > $2.deb\n"
    files = " ".join(f"unpacked/usr/share/{f}" for f in fetch.FILES)
    dpkg = f"#!/bin/sh\n/bin/mkdir -p unpacked/usr/share\nfor f in {files}; do echo packaged > $f; done\n"
    for name, text in (("apt-get", apt), ("dpkg-deb", dpkg)):
        (bare / "bin" / name).write_text(text)
        (bare / "bin" / name).chmod(stat.S_IRWXU)
    found = fetch.find("fashion-mnist")
    assert (found / fetch.FILES[3]).read_bytes() == b"packaged\n"


def test_nowhere_says_what_was_tried(bare):
    with pytest.raises(DataError, match=r"lacks train-images.*from apt: no apt-get.*from address.*APUS_DATA"):
        fetch.find("fashion-mnist")


def test_a_package_may_hold_the_file_unpacked(bare, monkeypatch):
    monkeypatch.setattr(fetch, "ORIGINS", {"wordnet": fetch.Origin(package="words", files=("data.noun.gz",))})
    scripts = {"apt-get": ": > $2.deb", "dpkg-deb": "/bin/mkdir unpacked; echo nouns > unpacked/data.noun"}
    for name, text in scripts.items():
        (bare / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (bare / "bin" / name).chmod(stat.S_IRWXU)
    assert fetch.missing("wordnet", bare) == ["data.noun.gz"]
    assert gzip.decompress((fetch.find("wordnet") / "data.noun.gz").read_bytes()) == b"nouns\n"


def test_a_place_without_an_address_is_not_tried(bare, monkeypatch):
    monkeypatch.setattr(fetch, "ORIGINS", {"wordnet": fetch.Origin(package="words", files=("data.noun.gz",))})
    with pytest.raises(DataError, match=r"from apt: no apt-get[^;]*\. Put data\.noun\.gz in \$APUS_DATA/wordnet/"):
        fetch.find("wordnet")
