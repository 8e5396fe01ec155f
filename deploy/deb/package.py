# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A package: the laid-out files, what dpkg has to know of them, and its scripts, as one .deb."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

from deploy.deb import tree, wheels
from deploy.deb.targets import HERE, Edition, project

GLIBC = "28"
"""The minor number of the C library that the newest of the wheels asks for."""
NEEDS = (
    "python3 (>= {python}~)",
    "python3 (<< {after}~)",
    "libc6 (>= 2.{glibc})",
    "libstdc++6",
    "libgcc-s1",
    "zlib1g",  # PyAV's and Pillow's wheels carry everything else that they are linked to
    "openssh-client",  # ssh-keygen signs what the recorder and the keeper write
    "python3-lgpio (>= {lgpio})",  # without it no button is read
    "python3-numpy (>= {numpy})",  # the recorder looks at its pictures by it, and starts in every room
    "systemd (>= 252)",
    "tzdata",  # a policy names its time zone
)
RECOMMENDED = (
    "python3-pyaudio (>= {pyaudio})",
    "python3-picamera2 (>= {picamera2})",
)
"""A room that records nothing does without; Debian itself has no picamera2, Raspberry Pi OS has."""
DESCRIPTION = """\
Description: panic button and pre-event recorder of an interview room
 A unit of one Raspberry Pi: its alarm goes out over MQTT until a receiver has
 stored it; the last seconds of sound and image are kept in memory, sealed, and
 are written only when somebody presses. Nobody who administers it can open
 what it recorded.
 .
 Settings are the site's: /usr/share/doc/spreekkamer/install.md says what to do
 after the installation.
"""
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


def build(edition: Edition, into: Path, work: Path, *, compress: bool = True) -> Path:
    """Builds one package into a directory and returns its file.

    `work`: a directory of its own for the files, emptied first. `compress`: for people; a test installs a package once.
    """
    tree.clear(work)
    tree.lay_out(edition, work, wheels.fetch(edition.target))
    if unmet := wheels.unmet(edition.target, tree.site_packages(edition.target, work)):
        raise wheels.LockError("\n".join(["the lock is not whole; make lock renews it", *unmet]))
    return pack(edition, work, into, compress=compress)


def pack(edition: Edition, root: Path, into: Path, *, compress: bool = True) -> Path:
    """Describes laid-out files and packs them."""
    describe(edition, root)
    into.mkdir(parents=True, exist_ok=True)
    # One thread, because another number of them would make other bytes; the lowest level takes a quarter of the time.
    options = ["--root-owner-group", "--threads-max=1", *(["-Zxz", "-z1"] if compress else ["-Znone"])]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(edition.epoch_s)}
    part = into / f"{edition.file}.part"
    command = ["dpkg-deb", *options, "--build", str(root), str(part)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return part.rename(into / edition.file)


def describe(edition: Edition, root: Path) -> None:
    """What dpkg reads of a package, beside its laid-out files."""
    about = root / "DEBIAN"
    about.mkdir()
    (about / "md5sums").write_text(_sums(root))
    (about / "control").write_text(control(edition, _kilobytes(root)))
    suite = edition.target.suite
    words = {"VERSION": edition.version, "PYTHON": suite.python, "RELEASE": str(suite.release)}
    for name in SCRIPTS:
        script = about / name
        text = (HERE / "scripts" / name).read_text(encoding="utf-8")
        script.write_text(re.sub("@([A-Z]+)@", lambda found: words[found[1]], text))
        script.chmod(0o755)
    tree.settle(root, edition.epoch_s)


def control(edition: Edition, kilobytes: int) -> str:
    """What dpkg and apt know of a package."""
    python = edition.target.suite.python
    after = f"3.{int(python.partition('.')[2]) + 1}"
    words = {"python": python, "after": after, "glibc": GLIBC, **from_the_system()}
    fields = {
        "Package": "spreekkamer",
        "Version": edition.version,
        "Architecture": edition.target.architecture,
        "Maintainer": tree.MAINTAINER,
        "Installed-Size": str(kilobytes),
        "Depends": ", ".join(need.format(**words) for need in NEEDS),
        "Recommends": ", ".join(need.format(**words) for need in RECOMMENDED),
        "Section": "misc",
        "Priority": "optional",
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items()) + DESCRIPTION


def from_the_system() -> dict[str, str]:
    """The lowest versions that pyproject takes of what the system brings, by name in small letters."""
    about = project()["project"]
    lines = [*about["dependencies"], *about["optional-dependencies"]["unit"]]
    bounds = (re.match(r"([\w-]+)>=([\d.]+)$", line) for line in lines)
    return {found[1].lower(): found[2] for found in bounds if found}


def _sums(root: Path) -> str:
    lines = []
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink()):
        inside = path.relative_to(root)
        if inside.parts[0] != "DEBIAN":
            lines.append(f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {inside}\n")
    return "".join(lines)


def _kilobytes(root: Path) -> int:
    """As Debian counts it: files rounded up to a kilobyte, a kilobyte for everything else."""
    sizes = (path.lstat().st_size if path.is_file() and not path.is_symlink() else 1 for path in root.rglob("*"))
    return sum(-(-size // 1024) for size in sizes)
