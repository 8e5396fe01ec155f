# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The root that is booted as a container: Debian with what our package asks of it, in a file system of fixed size.

Built once for a set of packages and kept in .cache/machine, as the virtual machine's image is; a session boots a copy.
The law here: its key is a hash of all that goes into it, and a tree with mounts in it is never copied or removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.deb.targets import ROOT

HERE = Path(__file__).resolve().parent
CACHE = ROOT / ".cache" / "machine"
SIZE = "2560M"
"""Debian's packages take 0.9 GB, ours 0.2 a version; what a test writes is bounded by the rest, not by this machine's
disk."""
LGPIO = {"bookworm": "lgpio==0.2.2.0"}
"""Raspberry Pi OS has a package of it, Debian none. For Debian 12 PyPI's wheel stands in for it; for Debian 13 there
is no wheel, and an empty package does: a container has no header."""
MASKED = ("systemd-networkd-wait-online.service", "mosquitto.service", "getty.target", "console-getty.service")


def image(suite: str) -> Path:
    """The file of the root of a suite; builds it where there is none, which takes two minutes."""
    return kept(CACHE, suite, _key(suite), _build)


def kept(cache: Path, suite: str, key: str, build: Callable[[str, Path], None]) -> Path:
    """A suite's file in a cache; where there is none of this key it is built, and takes the place of an older one."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = cache / f"{suite}-{key}.ext4"
        if not found.exists():
            for old in cache.glob(f"{suite}-*.ext4"):
                old.unlink()
            build(suite, found)
    return found


@contextlib.contextmanager
def mounted(file: Path, at: Path) -> Iterator[Path]:
    """A file system in a file, for as long as the block runs."""
    at.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(file), str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--recursive", str(at)], check=True)


def _packages() -> list[str]:
    lines = (HERE / "packages").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _key(suite: str) -> str:
    digest = hashlib.sha256(suite.encode())
    for path in (HERE / "packages", Path(__file__)):
        digest.update(path.read_bytes())
    policy = subprocess.run(["apt-cache", "policy", *_packages()], capture_output=True, text=True, check=True).stdout
    digest.update("\n".join(line for line in policy.splitlines() if "Candidate:" in line).encode())
    return digest.hexdigest()[:16]


def _build(suite: str, file: Path) -> None:
    print(f"building the machine's root, two minutes: {file}", flush=True)  # noqa: T201 - a tool speaks
    with made(file, SIZE) as (root, work):
        unread = [f"--dpkgopt=path-exclude=/usr/share/{kind}/*" for kind in ("doc", "man", "locale", "info", "lintian")]
        quickly = "--dpkgopt=force-unsafe-io"  # a root that a power cut spoils is built anew
        needs = f"--include={','.join(_packages())}"
        bootstrap(work, "--quiet", "--variant=minbase", *unread, quickly, needs, suite, str(root))
        shutil.copy(_lgpio(suite, work), root / "lgpio.deb")
        _inside(root, "dpkg", "--install", "/lgpio.deb")
        (root / "lgpio.deb").unlink()
        shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
        for unit in MASKED:
            (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
        (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
        (root / "etc/hostname").write_text("unit\n")
        (root / "etc/hosts").write_text("127.0.0.1 localhost unit\n")


@contextlib.contextmanager
def made(file: Path, size: str) -> Iterator[tuple[Path, Path]]:
    """A new file system, mounted, and a directory beside it: what the block puts there is `file` once it ends well."""
    work = file.with_suffix(".work")
    work.mkdir(exist_ok=True)
    part = work / "part"
    part.unlink(missing_ok=True)
    subprocess.run(["truncate", "-s", size, str(part)], check=True)
    subprocess.run(["mke2fs", "-q", "-m", "0", "-t", "ext4", str(part)], check=True)
    with mounted(part, work / "root") as root:
        (root / "lost+found").rmdir()
        yield root, work
    part.rename(file)
    shutil.rmtree(work, ignore_errors=True)


def bootstrap(work: Path, *words: str) -> None:
    """Runs mmdebstrap as root; what it says is in `work`, and the end of that in the error."""
    with (work / "log").open("w") as log:
        done = subprocess.run(["mmdebstrap", "--mode=root", *words], stdout=log, stderr=log, check=False)
    if done.returncode:
        raise SystemExit(f"the root could not be built: {work / 'log'}\n{(work / 'log').read_text()[-2000:]}")


def _lgpio(suite: str, work: Path) -> Path:
    """The package python3-lgpio."""
    root = work / "lgpio"
    modules = root / "usr/lib/python3/dist-packages"
    modules.mkdir(parents=True)
    (root / "DEBIAN").mkdir()
    if suite in LGPIO:
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        system = ["--python-version", "3.11", "--platform", "manylinux_2_34_x86_64"]
        subprocess.run([*fetch, *system, "--dest", str(work), LGPIO[suite]], check=True)
        with zipfile.ZipFile(next(work.glob("lgpio-*.whl"))) as wheel:
            wheel.extractall(modules)
    (root / "DEBIAN/control").write_text(
        "Package: python3-lgpio\nVersion: 0.2.2\nArchitecture: amd64\nMaintainer: tests\n"
        "Description: stands for the package of Raspberry Pi OS\n"
    )
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", root, work / "lgpio.deb"], check=True, stdout=subprocess.DEVNULL
    )
    return work / "lgpio.deb"


def _inside(root: Path, *command: str) -> None:
    subprocess.run(["chroot", str(root), *command], check=True, stdout=subprocess.DEVNULL)
