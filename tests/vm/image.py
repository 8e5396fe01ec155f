# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The image of the virtual machine: built once for a set of scripts and package versions, kept in .cache/vm.

The law here: its key is a hash of everything that goes into it, so that nobody has to remember to build it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent.parent
RECIPE = Path(__file__).resolve().parent / "image"
CACHE = ROOT / ".cache" / "vm"
KEPT = 2
"""Images that stay: the one of this branch and the one of the branch before; each takes half a gigabyte."""
PYTHON = (3, 11)
"""Debian bookworm's: wheels that this machine makes have to fit it."""


def image() -> Path:
    """The directory of the image that belongs to this checkout; builds it when there is none, which takes minutes."""
    directory = CACHE / key()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once build one image
        if not (directory / "base.qcow2").exists():
            _build(directory)
        directory.touch()
        for old in sorted(CACHE.glob("*/"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            _remove(old)
    return directory


def key() -> str:
    """Hash of the recipe, of the Python packages' versions and of Debian's."""
    digest = hashlib.sha256()
    for path in sorted(path for path in RECIPE.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(RECIPE)}\0".encode() + path.read_bytes())
    digest.update("\n".join((*requirements(), *constraints())).encode())
    packages = [line for line in (RECIPE / "packages").read_text().splitlines() if line and not line.startswith("#")]
    packages.append("linux-image-amd64")  # kernel.sh takes that one or an older: a new one in the archive builds anew
    policy = subprocess.run(["apt-cache", "policy", *packages], capture_output=True, text=True, check=True).stdout
    digest.update("\n".join(line for line in policy.splitlines() if "Candidate:" in line).encode())
    return digest.hexdigest()[:16]


def wheel(into: Path) -> Path:
    """The project itself, as it is now, as a wheel."""
    _pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(into), str(ROOT))
    return next(into.glob("spreekkamer-*.whl"))


def make_wheels(into: Path) -> None:
    """What the project needs in the field and what the recipe adds, in the versions of this checkout's `.venv`."""
    if sys.version_info[:2] != PYTHON:
        raise SystemExit(f"the image has Python {PYTHON[0]}.{PYTHON[1]}, and its wheels are made by the same one")
    into.mkdir(parents=True)
    (into / "constraints").write_text("\n".join(constraints()))
    constraint = ("--constraint", str(into / "constraints"))
    _pip("wheel", "--quiet", "--wheel-dir", str(into), *constraint, *requirements())


def _build(directory: Path) -> None:
    _remove(directory)
    wheels = directory / "wheels"
    make_wheels(wheels)
    print(f"building the machine's image, some minutes: {directory}", flush=True)  # noqa: T201 - a tool speaks
    with (directory / "build.log").open("w") as log:
        done = subprocess.run([RECIPE / "build.sh", directory, wheels], stdout=log, stderr=log, check=False)
    if done.returncode:
        raise SystemExit(f"the image could not be built; the end of {directory}/build.log:\n{_end(directory)}")
    shutil.rmtree(wheels)
    kernel = [line for line in (directory / "build.log").read_text().splitlines() if " Linux " in line]
    print(*kernel, sep="\n", flush=True)  # noqa: T201


def _remove(directory: Path) -> None:
    """A build that was killed may have left the machine's own /proc, /sys and /dev mounted in it: not through those."""
    mounts = Path("/proc/mounts").read_text()
    if f" {directory}/" in mounts:
        raise SystemExit(f"{directory} has mounts in it (findmnt); unmount them first")
    shutil.rmtree(directory, ignore_errors=True)


def _end(directory: Path) -> str:
    return "\n".join((directory / "build.log").read_text().splitlines()[-15:])


def requirements() -> list[str]:
    """What the project needs in the field, and what the recipe adds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    added = [line for line in (RECIPE / "wheels").read_text().splitlines() if line and not line.startswith("#")]
    return [*project["dependencies"], *added]


def constraints() -> list[str]:
    """The versions that `make test` has of these: one set of packages, on the bench and in the machine."""
    found: dict[str, str] = {}
    wanted = [Requirement(text).name for text in requirements()]
    while wanted:
        name = canonicalize_name(wanted.pop())
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # a driver, which only the machine has; the recipe names its version
        if name not in found:
            found[name] = f"{name}=={installed.version}"
            needs = [Requirement(text) for text in installed.requires or ()]
            wanted += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return sorted(found.values())


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True)


if __name__ == "__main__":
    print(image())  # noqa: T201 - as above
