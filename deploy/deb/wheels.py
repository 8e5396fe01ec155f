# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The wheels of a target: fetched by the lock, checked by their hashes, unpacked without running any of their code.

Invariant: a file whose hash does not stand in the lock is never unpacked.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from packaging.requirements import Requirement

from deploy.deb.targets import LOCK, ROOT, Target

CACHE = ROOT / ".cache" / "deb"
PINNED = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?P<hashes>(?:\s+\\\n\s+--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE
)
THE_SYSTEMS = ("numpy", "setuptools")
"""What the system brings; and what colorzero asks for and never imports."""
LEFT_OUT = {"scripts", "headers"}
"""Parts of a wheel for which a unit has no use: commands of its libraries, and what a compiler reads."""


class LockError(Exception):
    """A lock that cannot be read, or a wheel that does not fit it; the text says which."""


class Wheel(NamedTuple):
    """A wheel on this machine's disk, as the lock wants it."""

    name: str
    version: str
    path: Path
    sha256: str


def normal(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each distribution in a lock. Raises LockError for a line that is neither."""
    text = lock.read_text(encoding="utf-8")
    found = {
        normal(m["name"]): (m["version"], frozenset(re.findall(r"[0-9a-f]{64}", m["hashes"])))
        for m in PINNED.finditer(text)
    }
    rest = [line for line in PINNED.sub("", text).splitlines() if line.strip() and not line.startswith("#")]
    if rest or not found:
        raise LockError(f"{lock}: {rest[0] if rest else 'nothing in it'}: expected NAME==VERSION and its hashes")
    return found


def fetch(target: Target) -> list[Wheel]:
    """The wheels of the lock for a target, from the cache; what is missing there comes from the index.

    Builds beside each other wait for the first: two would fetch into one directory.
    """
    directory = CACHE / target.name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return there(directory)
        except LockError:
            shutil.rmtree(directory, ignore_errors=True)
        part = directory.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        _download(target, part)
        part.rename(directory)
        return there(directory)


def _download(target: Target, into: Path) -> None:
    platforms = [option for platform in target.platforms for option in ("--platform", platform)]
    python = target.suite.python
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(into)]
    command += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirement", str(LOCK)]
    command += ["--implementation", "cp", "--python-version", python, "--abi", f"cp{python.replace('.', '')}"]
    command += platforms
    subprocess.run(command, check=True)


def there(directory: Path) -> list[Wheel]:
    """Every wheel of the lock in a directory. Raises LockError where one is missing or another than it should be."""
    files = {
        (normal(name), version): path
        for path in directory.glob("*.whl")
        for name, version in [path.name.split("-")[:2]]
    }
    found = []
    for name, (version, hashes) in locked(LOCK).items():
        path = files.get((name, version))
        if path is None:
            raise LockError(f"{directory}: no wheel of {name} {version}")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha256 not in hashes:
            raise LockError(f"{path}: its hash is not in {LOCK.name}")
        found.append(Wheel(name, version, path, sha256))
    return found


def unmet(target: Target, site_packages: Path) -> list[str]:
    """What the distributions in a directory ask for there, and neither it nor the system has."""
    there = {normal(one.name): one.version for one in metadata.distributions(path=[str(site_packages)])}
    python = target.suite.python
    environment = {
        "python_version": python, "python_full_version": f"{python}.0", "implementation_name": "cpython",
        "platform_python_implementation": "CPython", "os_name": "posix", "sys_platform": "linux",
        "platform_system": "Linux", "platform_machine": target.machine, "extra": "",
    }  # fmt: skip
    found = []
    for one in metadata.distributions(path=[str(site_packages)]):
        for need in map(Requirement, one.requires or ()):
            if normal(need.name) in THE_SYSTEMS or (need.marker and not need.marker.evaluate(environment)):
                continue
            if not need.specifier.contains(there.get(normal(need.name), "0"), prereleases=True):
                found.append(f"{one.name} asks for {need}, and {there.get(normal(need.name), 'none')} is there")
    return found


def unpack(wheel: Wheel, site_packages: Path) -> None:
    """Puts a wheel's modules into a directory of them. Raises LockError where it wants to be elsewhere."""
    with zipfile.ZipFile(wheel.path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            inside = _place(wheel, PurePosixPath(info.filename))
            if inside is None:
                continue
            path = site_packages / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(info))


def _place(wheel: Wheel, path: PurePosixPath) -> PurePosixPath | None:
    """Where a file of a wheel belongs (the wheel format's "spread"); None: nowhere on a unit."""
    if path.is_absolute() or ".." in path.parts:
        raise LockError(f"{wheel.path}: {path}: expected a path inside")
    if not path.parts[0].endswith(".data"):
        return path
    kind = path.parts[1]
    if kind in {"purelib", "platlib"}:
        return PurePosixPath(*path.parts[2:])
    if kind in LEFT_OUT or path.parts[1:3] == ("data", "share"):  # manual pages of those commands
        return None
    raise LockError(f"{wheel.path}: {path}: expected modules, commands or manual pages")
