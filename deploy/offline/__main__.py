# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer-offline`: Debian's packages that a unit needs and its card lacks, as a signed repository on a stick.

`python -m deploy.offline --suite bookworm --arch arm64 --to /media/stick` on any Debian with a network, as anybody. apt
fetches by the archives' own signatures; what it fetched is signed again with a key that is made here the first time, so
that a unit's apt refuses a byte that changed on the way. The law here: nothing that apt did not verify is signed.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.deb.targets import MACHINES, SUITES

NEEDED = ("python3-lgpio", "python3-numpy", "openssh-client")
"""In every room: what our package depends on, and a card may lack."""
RECORDS = ("python3-pyaudio", "python3-picamera2")
"""Where sound and image are recorded: PyAudio with PortAudio, picamera2 with libcamera."""
DEBIAN, SECURITY = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"
RASPBERRY = "http://archive.raspberrypi.com/debian"
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
HOME = Path("~/.config/spreekkamer-offline")
"""Where the key that signs sticks is kept."""
WHO = "Spreekkamer offline repository"
KEY_FILE, LIST_FILE, REPOSITORY = "spreekkamer-offline.gpg", "spreekkamer-offline.list", "spreekkamer-offline"


class Source(NamedTuple):
    """An archive that packages come from, and who signs it."""

    address: str
    keys: Path
    after: str = ""
    """What stands behind the suite's name there."""


class Asked(NamedTuple):
    """What is wanted."""

    suite: str
    architecture: str
    sources: tuple[Source, ...]
    packages: tuple[str, ...]
    status: Path | None
    """What the card has, as its /var/lib/dpkg/status; None: nothing is known, and all that is needed is fetched."""


class OfflineError(Exception):
    """One sentence for a person."""


def fetch(asked: Asked, work: Path) -> list[Path]:
    """The packages that are missing, each verified by apt. Raises OfflineError with apt's own words."""
    for directory in ("lists/partial", "cache/archives/partial", "etc"):
        (work / directory).mkdir(parents=True)
    status = work / "status"
    status.write_bytes(asked.status.read_bytes() if asked.status else b"")
    lines = (
        f"deb [arch={asked.architecture} signed-by={source.keys}] {source.address} {asked.suite}{source.after} main\n"
        for source in asked.sources
    )
    (work / "sources.list").write_text("".join(lines))
    options = {
        "Dir::State": work, "Dir::State::lists": work / "lists", "Dir::State::status": status,
        "Dir::Cache": work / "cache", "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "-", "Dir::Etc::preferencesparts": "-",
        "Dir::Etc::trusted": "-", "Dir::Etc::trustedparts": "-",
        "APT::Architecture": asked.architecture, "APT::Architectures": asked.architecture,
        "APT::Install-Recommends": "false", "Debug::NoLocking": "true", "APT::Sandbox::User": "root",
        "Acquire::Languages": "none", "Acquire::AllowInsecureRepositories": "false",
    }  # fmt: skip
    apt = ["apt-get", "--quiet", "--yes", *(f"--option={key}={value}" for key, value in options.items())]
    _run(*apt, "update", "--error-on=any")
    _run(*apt, "--download-only", "install", *asked.packages)
    return sorted((work / "cache/archives").glob("*.deb"))


def lay_out(packages: list[Path], place: Path, home: Path, now: datetime.datetime) -> None:
    """A flat repository: the packages, an index, and its signed sum. `home`: of the key, made where there is none."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for package in packages:
        shutil.copyfile(package, place / package.name.replace("%3a", "~"))
    index = "\n".join(_entry(file) for file in sorted(place.glob("*.deb")))
    (place / "Packages").write_text(index)
    data = index.encode()
    (place / "Release").write_text(
        f"Origin: {WHO}\nLabel: {WHO}\nDate: {now:%a, %d %b %Y %H:%M:%S} UTC\n"
        f"SHA256:\n {hashlib.sha256(data).hexdigest()} {len(data)} Packages\n"
    )
    gpg = _key(home)
    _run(*gpg, "--clearsign", "--output", str(place / "InRelease"), str(place / "Release"))
    (place / "Release").unlink()
    _run(*gpg, "--export", "--output", str(place.parent / KEY_FILE), WHO)
    _run("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")  # else it stays, for a directory that may go


def _entry(file: Path) -> str:
    """What an index says of one package."""
    about = _run("dpkg-deb", "--field", str(file))
    data = file.read_bytes()
    return f"{about}Filename: ./{file.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"


def _key(home: Path) -> list[str]:
    """GnuPG with the key that signs sticks: in nobody's name, without a passphrase, readable for who made it alone."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--yes", "--no-tty"]
    if subprocess.run([*gpg, "--list-secret-keys", WHO], capture_output=True, check=False).returncode:
        _run(*gpg, "--passphrase", "", "--quick-generate-key", WHO, "ed25519", "sign", "never")
    return gpg


def _run(*command: str) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise OfflineError(f"{command[0]} is missing: this runs on Debian, with gnupg") from error
    if done.returncode:
        told = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith(("E:", "W:", "gpg:"))]
        raise OfflineError(f"{Path(command[0]).name}: " + "; ".join(told or done.stderr.splitlines()[-1:]))
    return done.stdout


def bring(asked: Asked, to: Path, home: Path, also: tuple[Path, ...], now: datetime.datetime) -> Iterator[str]:
    """Fetches, lays out, says what there is and the sum of its key. Nothing comes onto the stick before all is here."""
    if not to.is_dir():
        raise OfflineError(f"--to {to}: expected a directory that is there, such as a stick's")
    if missing := [str(file) for file in also if not file.is_file()]:
        raise OfflineError(f"--also {missing[0]}: expected a package")
    with tempfile.TemporaryDirectory(prefix="spreekkamer-offline-") as work:
        packages = [*fetch(asked, Path(work) / "apt"), *also]
        part = Path(work) / "out" / REPOSITORY
        lay_out(packages, part, home, now)
        place = put(part, to)
    size = sum(file.stat().st_size for file in place.iterdir())
    yield f"{len(packages)} packages, {size / 1e6:.0f} MB, for {asked.suite} on {asked.architecture}: {place}"
    yield f"sha256 of {KEY_FILE}: {hashlib.sha256((to / KEY_FILE).read_bytes()).hexdigest()}"


def put(part: Path, to: Path) -> Path:
    """Copies a repository and the key beside it onto a stick, in place of an older one; follows no link there.

    Raises OfflineError: before anything is touched if there is too little room or a link in the way; later the stick is
    left without InRelease, so that apt refuses it, if it can still be written.
    """
    place, files = to / REPOSITORY, sorted(part.iterdir(), key=lambda file: file.name == "InRelease")
    need = sum(file.stat().st_size for file in (*files, part.parent / KEY_FILE))
    links = [found for found in (place, to / KEY_FILE) if found.is_symlink()]
    if links:
        raise OfflineError(f"{links[0]}: expected no link")
    older = sum(file.stat().st_size for file in place.glob("*")) if place.is_dir() else 0
    if need > (room := shutil.disk_usage(to).free + older):
        raise OfflineError(f"--to {to}: {need / 1e6:.1f} MB are needed, there is room for {room / 1e6:.1f} MB")
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(exist_ok=True)
        for file, target in (*((file, place / file.name) for file in files), (part.parent / KEY_FILE, to / KEY_FILE)):
            shutil.copyfile(file, target)
            with target.open("rb") as opened:
                os.fsync(opened.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            (place / "InRelease").unlink(missing_ok=True)
        raise OfflineError(f"--to {to}: {error.strerror or error}; what is on it may be incomplete") from error
    return place


def main() -> None:
    """As the file's first line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.offline", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", choices=SUITES, required=True)
    parser.add_argument("--arch", choices=MACHINES, default="arm64")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="a directory, such as a stick's")
    parser.add_argument("--status", type=Path, metavar="F", help="/var/lib/dpkg/status of such a card; none: nothing")
    parser.add_argument("--also", type=Path, action="append", default=[], metavar="DEB", help="a package of one's own")
    parser.add_argument("--raspberry-keys", type=Path, metavar="F", help="the key ring of Raspberry Pi's archive")
    parser.add_argument("--package", action="append", metavar="NAME", help="these, in place of what a unit needs")
    parser.add_argument("--home", type=Path, default=HOME.expanduser(), metavar="DIR", help="where the signing key is")
    given = parser.parse_args()
    sources = [Source(DEBIAN, DEBIAN_KEYS, after) for after in ("", "-updates")]
    sources.append(Source(SECURITY, DEBIAN_KEYS, "-security"))
    if given.raspberry_keys:
        sources.append(Source(RASPBERRY, given.raspberry_keys.resolve()))
    asked = Asked(given.suite, given.arch, tuple(sources), tuple(given.package or (*NEEDED, *RECORDS)), given.status)
    try:
        for line in bring(asked, given.to, given.home, tuple(given.also), datetime.datetime.now(datetime.UTC)):
            sys.stdout.write(f"{line}\n")
    except (OfflineError, OSError) as error:
        sys.exit(f"spreekkamer-offline: {error}")


if __name__ == "__main__":
    main()
