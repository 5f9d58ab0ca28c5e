"""Find a named data set on this machine, or get it: `$APUS_DATA`, the cache, apt, then the official address."""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apus._files import write_atomically
from apus.errors import DataError

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@dataclass(frozen=True)
class Origin:
    """Where a data set comes from: an official address, the MD5 of each of its files there, a Debian package."""

    address: str = ""
    md5: tuple[str, ...] = ()
    package: str = ""
    files: tuple[str, ...] = FILES


ORIGINS = {
    "fashion-mnist": Origin(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        "dataset-fashion-mnist",
    ),
    "mnist": Origin(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "wordnet": Origin(package="wordnet-base", files=("data.noun.gz",)),
}


def cache_folder() -> Path:
    """Where Apus keeps what it downloads: `$XDG_CACHE_HOME/apus` or `~/.cache/apus`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "apus"


def find(name: str) -> Path:
    """Find the folder that holds a named data set, getting it if need be.

    Args:
        name: a key of `ORIGINS`.

    Returns:
        A folder with the files of its `Origin`.

    Raises:
        DataError: it is nowhere on this machine and cannot be got; says what was tried and what to do.
    """
    tried, origin, target = [], ORIGINS[name], cache_folder() / name
    for place in places(name):
        if not (lacking := missing(name, place)):
            return place
        tried.append(f"{place} lacks {', '.join(lacking)}")
    ways: dict[Callable[[Origin, Path], None], str] = {from_apt: origin.package, from_address: origin.address}
    for way in [way for way, known in ways.items() if known]:
        with tempfile.TemporaryDirectory(prefix="apus-") as scratch:
            try:
                way(origin, Path(scratch))
                _install(origin, Path(scratch), target)
                return target
            except (OSError, DataError, subprocess.SubprocessError) as error:
                tried.append(f"{way.__name__.replace('_', ' ')}: {error}")
    raise DataError(f"no {name} here: {'; '.join(tried)}. Put {', '.join(origin.files)} in $APUS_DATA/{name}/")


def places(name: str) -> list[Path]:
    """Folders where a named data set may lie on this machine, in the order they are tried."""
    own = os.environ.get("APUS_DATA")
    places = [Path(own) / name, Path(own)] if own and Path(own).name == name else [Path(own) / name] if own else []
    return [*places, cache_folder() / name]


def missing(name: str, place: Path) -> list[str]:
    """Which files of a named data set a folder lacks."""
    return [file for file in ORIGINS[name].files if not (place / file).is_file()]


def from_apt(origin: Origin, scratch: Path) -> None:
    """Download and unpack a Debian package; needs neither root nor an installation.

    Args:
        origin: names the package.
        scratch: an empty folder to work in.

    Raises:
        DataError: this machine has no apt or no dpkg, or the package cannot be had.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise DataError("no apt-get and dpkg-deb on this machine")
    call = {"cwd": scratch, "capture_output": True, "text": True, "timeout": 300}
    got = subprocess.run(["apt-get", "download", origin.package], check=False, **call)  # type: ignore[call-overload]
    packages = sorted(scratch.glob("*.deb"))
    if not packages:
        last = got.stderr.strip().splitlines()[-1:] or [f"exit status {got.returncode}"]
        raise DataError(f"apt-get download {origin.package}: {last[0]}")
    subprocess.run(["dpkg-deb", "-x", packages[0].name, "unpacked"], check=True, **call)  # type: ignore[call-overload]


def from_address(origin: Origin, scratch: Path) -> None:
    """Download from the official address and check each file's MD5.

    Args:
        origin: names address and checksums.
        scratch: an empty folder to download to.

    Raises:
        DataError: a file arrives damaged.
    """
    for file, md5 in zip(origin.files, origin.md5, strict=True):
        try:
            with urllib.request.urlopen(origin.address + file, timeout=30) as reply:
                content = reply.read()
        except urllib.error.URLError as error:
            raise DataError(f"{origin.address}{file}: {error.reason}") from None
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise DataError(f"{origin.address}{file}: {len(content)} bytes with a wrong MD5 checksum")
        (scratch / file).write_bytes(content)


def _install(origin: Origin, scratch: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for file in origin.files:
        found, plain = sorted(scratch.rglob(file)), sorted(scratch.rglob(file.removesuffix(".gz")))
        if not found and not plain:
            raise DataError(f"{file} is not in what was downloaded")
        content = found[0].read_bytes() if found else gzip.compress(plain[0].read_bytes(), mtime=0)
        write_atomically(target / file, content)
