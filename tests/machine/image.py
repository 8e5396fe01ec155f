# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The root that is booted as a container: Debian with the project's wheels, in a file system of fixed size.

Built once for a set of packages and kept in .cache/machine, as the virtual machine's image is; a session boots a copy.
The law here: its key is a hash of all that goes into it, and a tree with mounts in it is never copied or removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.vm import image as vm

HERE = Path(__file__).resolve().parent
CACHE = vm.ROOT / ".cache" / "machine"
SUITE = "bookworm"
SIZE = "2560M"
"""Packages and wheels take 1.1 GB; what a test writes is bounded by the rest, and not by this machine's disk."""
MASKED = ("systemd-networkd-wait-online.service", "mosquitto.service", "getty.target", "console-getty.service")


def image() -> Path:
    """The file of the root; builds it where there is none, which takes two minutes."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = CACHE / f"{_key()}.ext4"
        if not found.exists():
            for old in CACHE.glob("*.ext4"):
                old.unlink()
            _build(found)
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


def _key() -> str:
    digest = hashlib.sha256()
    for path in (HERE / "packages", Path(__file__)):
        digest.update(path.read_bytes())
    digest.update("\n".join((*vm.requirements(), *vm.constraints())).encode())
    policy = subprocess.run(["apt-cache", "policy", *_packages()], capture_output=True, text=True, check=True).stdout
    digest.update("\n".join(line for line in policy.splitlines() if "Candidate:" in line).encode())
    return digest.hexdigest()[:16]


def _build(file: Path) -> None:
    print(f"building the machine's root, two minutes: {file}", flush=True)  # noqa: T201 - a tool speaks
    work = file.with_suffix(".work")
    shutil.rmtree(work / "wheels", ignore_errors=True)
    vm.make_wheels(work / "wheels")
    part = work / "part"
    part.unlink(missing_ok=True)
    subprocess.run(["truncate", "-s", SIZE, str(part)], check=True)
    subprocess.run(["mke2fs", "-q", "-m", "0", "-t", "ext4", str(part)], check=True)
    with mounted(part, work / "root") as root, (work / "log").open("w") as log:
        (root / "lost+found").rmdir()
        unread = [f"--dpkgopt=path-exclude=/usr/share/{kind}/*" for kind in ("doc", "man", "locale", "info", "lintian")]
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", *unread]
        command.append("--dpkgopt=force-unsafe-io")  # a root that a power cut spoils is built anew
        command += [f"--include={','.join(_packages())}", SUITE, str(root)]
        done = subprocess.run(command, stdout=log, stderr=log, check=False)
        if done.returncode:
            raise SystemExit(f"the root could not be built: {work / 'log'}\n{(work / 'log').read_text()[-2000:]}")
        shutil.copytree(work / "wheels", root / "wheels")
        _inside(root, "python3", "-m", "venv", "/opt/spreekkamer/venv")
        pip = ("/opt/spreekkamer/venv/bin/pip", "install", "--quiet", "--no-index", "--no-deps")
        _inside(root, "sh", "-c", f"{' '.join(pip)} /wheels/*.whl")
        shutil.rmtree(root / "wheels")
        shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
        for unit in MASKED:
            (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
        (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
        (root / "etc/hostname").write_text("unit\n")
        (root / "etc/hosts").write_text("127.0.0.1 localhost unit\n")
    part.rename(file)
    shutil.rmtree(work, ignore_errors=True)


def _inside(root: Path, *command: str) -> None:
    subprocess.run(["chroot", str(root), *command], check=True, stdout=subprocess.DEVNULL)
