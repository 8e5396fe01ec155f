# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A mounted root for arm64 with our package in it, whose programs run here by user-mode emulation."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deploy.deb.targets import ROOT
from tests.arm64.image import compiled, image
from tests.driven import HOME, PYTHON, SOURCES
from tests.machine import editions
from tests.machine.image import mounted

COPIED = ("simulators", "tests/arm64", "tests/recorder")
"""What lies beside the package: the room's simulated devices, and what the tests run in there."""
NOT_HERE = ("Exec format error", "unshare failed")
"""What a kernel says that has no emulator, or no namespaces for who asks."""
NAME = "spreekkamer-arm64"
ELF = r"\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
"""A program for arm64, as the kernel tells it (qemu's own qemu-aarch64.conf)."""


class System:
    """A mounted root, and how a program is run in it."""

    def __init__(self, root: Path, suite: str, shared: Path) -> None:
        self.root, self.suite = root, suite
        self.shared = shared
        self.python = [*self.inside(), PYTHON]
        """The command that is the package's Python."""

    def inside(self) -> list[str]:
        """The command that runs another in the root, with `shared` at the same path as here.

        The emulator is registered in a user namespace of its own: nothing of this machine changes, and registration and
        mounts end with the process. Where the kernel has no such (before 6.7), this machine's own registration counts.
        """
        emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64") or ""
        # F: the kernel opens the emulator now; in the root there is none.
        line = rf":{NAME}:M::{ELF}:{MASK}:{emulator}:F"
        script = f"""
mount -t binfmt_misc binfmt_misc '{self.root}/mnt' && printf '%s' '{line}' > '{self.root}/mnt/register'
set -e
mount --rbind /dev '{self.root}/dev'
mount --rbind /proc '{self.root}/proc'
mount --bind '{self.shared}' '{self.root}{self.shared}'
export PYTHONPATH={SOURCES} HOME=/root LC_ALL=C.UTF-8
unset PYTHONDONTWRITEBYTECODE  # a key is given twenty seconds, and to compile its modules takes longer
exec chroot '{self.root}' "$@"
"""
        own = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "slave"]
        return [*own, "sh", "-c", script, "arm64"]

    def run(self, *command: str, stdin: bytes = b"") -> bytes:
        """Run the package's Python and return its output; a failure is an AssertionError with what it said."""
        done = subprocess.run([*self.python, *command], input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)[:200]}: {done.stderr.decode(errors='replace')[-2000:]}"
        return done.stdout

    def why_not(self) -> str:
        """Why this machine runs no program for arm64; empty: it does. A root that is broken is an AssertionError."""
        done = subprocess.run([*self.inside(), "/usr/bin/python3", "-c", ""], capture_output=True, check=False)
        said = done.stderr.decode(errors="replace").strip()
        assert done.returncode == 0 or any(word in said for word in NOT_HERE), said
        return "" if done.returncode == 0 else said


@contextlib.contextmanager
def system(directory: Path, suite: str) -> Iterator[System]:
    """A copy of the image of a suite, mounted, with this checkout's package for arm64 unpacked in it."""
    directory.mkdir(parents=True, exist_ok=True)
    shared = directory / "shared"
    shared.mkdir()
    file = directory / "root.ext4"
    subprocess.run(["cp", "--sparse=always", str(image(suite)), str(file)], check=True)
    with contextlib.ExitStack() as stack:
        stack.callback(file.unlink)
        root = stack.enter_context(mounted(file, directory / "root"))
        deb = editions.build(directory, editions.edition(suite, architecture="arm64"))
        subprocess.run(["dpkg-deb", "--extract", str(deb), str(root)], check=True)
        (root / HOME[1:] / "venv").symlink_to("packaged")  # as `renew point packaged` of the maintainer script
        for part in COPIED:
            shutil.copytree(ROOT / part, root / SOURCES[1:] / part, ignore=shutil.ignore_patterns("__pycache__"))
        compiled(root, suite, HOME[1:])
        (root / str(shared)[1:]).mkdir(parents=True)
        yield System(root, suite, shared)
