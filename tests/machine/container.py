# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A booted Debian beside this machine's own: systemd as process 1, its own users, network and /run; driven by nsenter.

It boots in two seconds and has no hardware: what a kernel must lend is the virtual machine's (tests/vm).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.deb.targets import ROOT
from tests.driven import COMMAND_S, SOURCES, Driven
from tests.machine import editions, image

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""root's own."""
CALLS, RIGHTS = "bpf @keyring @memlock", "CAP_BPF,CAP_PERFMON,CAP_IPC_LOCK"
"""What nspawn would keep from its systemd: filters of devices and addresses, a service's right to lock memory."""
BOOT_S = 60.0
"""Two seconds on a machine at rest."""
END_S = 60.0
"""systemd kills a service after its TimeoutStopSec, 20 s at most."""
INTO_GROUP = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
"""A line of shell: the rest of its arguments, in the control group that is the first."""


class Container(Driven):
    """One booted container on a copy of the image; `with Container(directory) as machine:`. It has no network."""

    def __init__(self, directory: Path, suite: str = "bookworm") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.suite = directory, suite
        self._stack = contextlib.ExitStack()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._root, self._group = directory / "root", Path()
        self.leader = 0  # the container's first process

    def __enter__(self) -> Self:
        file = self.directory / "root.ext4"
        subprocess.run(["cp", "--sparse=always", str(image.image(self.suite)), str(file)], check=True)
        self._stack.callback(file.unlink)
        self._root = self._stack.enter_context(image.mounted(file, self.directory / "root"))
        self._stack.callback(self.power_off)
        self.power_on()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._stack.close()

    def run(self, *command: str, check: bool = True, stdin: bytes = b"", within_s: float = COMMAND_S) -> str:
        """`Driven.run`."""
        enter = [
            "nsenter",
            "--target",
            str(self.leader),
            "--all",
            "--",
            "env",
            "-i",
            f"PATH={PATH}",
            "HOME=/root",
        ]
        done = subprocess.run([*enter, *command], input=stdin, capture_output=True, timeout=within_s, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert not check or done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{said}"
        return said

    def install(self) -> None:
        """The package, as in the field; and beside it the tests and what they simulate."""
        self.dpkg("--install", editions.build(self.directory, editions.edition(self.suite)))
        self.put_tests()
        self.put_tree(ROOT / "simulators", f"{SOURCES}/simulators")

    def dpkg(self, act: str, package: Path, *, check: bool = True) -> str:
        """Has dpkg do something with a package of this machine's, and returns what it said."""
        self.run("sh", "-c", "cat > /srv/package.deb", stdin=package.read_bytes())
        return self.run("dpkg", act, "/srv/package.deb", check=check)

    def power_on(self, boot: Path | None = None) -> None:
        """Boots it. `boot`: a directory of this machine's that is its boot partition."""
        options = ["--quiet", "--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
        options += [f"--system-call-filter={CALLS}", f"--capability={RIGHTS}"]
        options += [f"--bind={boot}:/boot/firmware"] if boot is not None else []
        path = shutil.which("systemd-nspawn")
        assert path is not None, "systemd-nspawn is missing: apt-get install systemd-container"
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        self._group = _new_group()
        command = ["sh", "-c", INTO_GROUP, str(self._group), path, "--directory", str(self._root), *options]
        with (self.directory / "console").open("wb") as console:
            self._nspawn = subprocess.Popen(
                command, env=environment, stdout=console, stderr=console, stdin=subprocess.DEVNULL
            )
        until_s = time.monotonic() + BOOT_S
        while not self._is_up():
            console_says = (self.directory / "console").read_text(errors="replace")[-2000:]
            assert self._nspawn.poll() is None, f"the container ended: {console_says}"
            assert time.monotonic() < until_s, f"not up within {BOOT_S:g} s: {console_says}"
            time.sleep(0.1)

    def _is_up(self) -> bool:
        """Whether systemd has reached its target."""
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        found = children.read_text().split() if children.exists() else []
        if not found:
            return False
        self.leader = int(found[0])
        state = self.run("systemctl", "is-system-running", check=False).strip()
        return state in {"running", "degraded"}

    def cut(self) -> None:
        """Kills all that runs in it at once; what was written is this machine's, and stays."""
        assert self._nspawn is not None
        os.kill(self.leader, signal.SIGKILL)
        try:
            self._nspawn.wait(END_S)
        except subprocess.TimeoutExpired:  # seen twice, where it had been asked for an orderly end before
            self._nspawn.kill()
            self._nspawn.wait()
        self._gone()

    def power_off(self) -> None:
        """Ends it in order. One that does not end is cut, and that is an AssertionError."""
        if self._nspawn is None:
            return
        self._nspawn.send_signal(signal.SIGTERM)  # systemd-nspawn: an orderly power-off
        try:
            self._nspawn.wait(END_S)
        except subprocess.TimeoutExpired:
            left = self.run("ps", "-eo", "pid,stat,wchan:20,etimes,args", check=False, within_s=10)
            self.cut()  # without systemd-nspawn alone all would go on that runs in it
            raise AssertionError(f"no power-off within {END_S:g} s; what ran still:\n{left}") from None
        self._gone()

    def _gone(self) -> None:
        self._nspawn = None
        for group in sorted(self._group.rglob("*/"), reverse=True):
            group.rmdir()
        self._group.rmdir()


def _new_group() -> Path:
    """A control group below this process's.

    Without one of its own each container's systemd would work in the same: a service of the one would not have ended
    while the service of its name runs in the other.
    """
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next(words[1] for words in mounts if words[2] == "cgroup2")
    groups = Path("/proc/self/cgroup").read_text().splitlines()
    own = next(line.removeprefix("0::/") for line in groups if line.startswith("0::/"))
    return Path(tempfile.mkdtemp(prefix="spreekkamer-", dir=Path(root, own)))
