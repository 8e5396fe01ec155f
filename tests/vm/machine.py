# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A virtual machine with the kernel's own simulated hardware: started from a snapshot, driven over ssh, cut off like a
plug that is pulled.

The law here: what a test does to a machine dies with it. Each one works on a copy of the snapshot.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulators.link import free_port
from tests.driven import COMMAND_S, HOME, PYTHON, SOURCES, Driven
from tests.vm.image import image
from tests.waiting import wait_for

__all__ = ["HOME", "PYTHON", "SOURCES", "Machine"]

BOOT_S = 240.0
"""Thirty seconds without hardware acceleration on a machine at rest; eight times that beside other work."""
LOAD_S = 120.0
"""From a snapshot it is there in five seconds."""
SNAPSHOT = "ready"
APPEND = "root=/dev/vda rw console=ttyS0 quiet loglevel=4 systemd.show_status=false mitigations=off panic=-1"
HOST = "10.0.2.2"
"""This machine's 127.0.0.1, as QEMU's own network has it."""
PI_4, PI_5 = "c03114", "d04170"
"""Revisions of boards, as /proc/cpuinfo gives them: a Pi 4B with 4 GB, a Pi 5 with 8 GB."""


class Machine(Driven):
    """One running machine. `with Machine(directory) as machine:` gives one with its hardware alive."""

    def __init__(self, directory: Path, *, reaches_host: bool = False) -> None:
        """`reaches_host`: at HOST it finds this machine's own 127.0.0.1, for what has a power of its own."""
        self.directory, self._image = directory, image()
        self._restrict = "off" if reaches_host else "on"
        self._port = 0
        self._qemu: subprocess.Popen[bytes] | None = None
        self._cache: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)

    # --- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.load()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.cut()

    def load(self) -> None:
        """Starts from the snapshot: a machine that has booted, with its lines, sound and camera."""
        snapshot = self._image / "ready.qcow2"
        if not snapshot.exists():
            self._make_snapshot(snapshot)
        shutil.copy(snapshot, self.disk)
        base = ("-b", str(self._image / "base.qcow2"), "-F", "qcow2")  # the checkout may have been moved since
        subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", *base, str(self.disk)], check=True)
        self.go_back(SNAPSHOT)

    def save(self, name: str) -> None:
        """Keeps the machine as it is now, its memory and its disk, in its own disk file."""
        said = self._monitor(f"savevm {name}")
        assert not said, said

    def go_back(self, name: str) -> None:
        """It is again as it was when that was saved, but for the time of day; what has been since is gone."""
        self.cut()
        self._start("-loadvm", name)
        self._wait_until_it_answers(LOAD_S)
        self.run("date", "-u", "-s", f"@{time.time():.3f}")  # its clock stands where the snapshot was taken

    def boot(self) -> None:
        """Starts as from power-on, from its own disk if it has one: what was cut off comes up again."""
        if not self.disk.exists():
            self._new_disk()
        self._start()
        self._wait_until_it_answers(BOOT_S)
        self.run("systemctl", "start", "ready")  # waits for it

    def behind_a_cache(self) -> None:
        """From its next boot on its disk has a write cache, which a cut empties: what was not flushed is gone."""
        with_its_base = ("qemu-img", "convert", "-q", "-f", "qcow2", "-O", "raw", str(self.disk), str(self._raw))
        subprocess.run(with_its_base, check=True)

    def throttle(self, writes_a_second: int) -> None:
        """Its disk takes so few writes a second; 0: as many as it can."""
        said = self._monitor(f"block_set_io_throttle virtio0 0 0 0 0 0 {writes_a_second}")
        assert not said, said

    def cut(self) -> None:
        """Pulls the plug: what was not on the disk is gone."""
        for process in (self._cache, self._qemu):  # the cache first: it takes nothing more once the power is gone
            if process is not None:
                process.kill()
                process.wait()
        self._cache = self._qemu = None
        subprocess.run([*self._ssh(), "-O", "exit", "unit"], capture_output=True, check=False)

    @property
    def disk(self) -> Path:
        """The machine's own disk, over the image's."""
        return self.directory / "disk.qcow2"

    @property
    def _raw(self) -> Path:
        """The same, whole, once it is behind a cache."""
        return self.directory / "disk.raw"

    # --- driving --------------------------------------------------------------------------------------------------

    def run(self, *command: str, check: bool = True, stdin: bytes = b"", within_s: float = COMMAND_S) -> str:
        """Runs a command as root and returns what it said; a failure is an AssertionError with that."""
        done = subprocess.run(
            [*self._ssh(), "unit", _quoted(command)], input=stdin, capture_output=True, timeout=within_s, check=False
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert not check or done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{said}"
        return said

    def wire(self, port: int) -> subprocess.Popen[str]:
        """Its pipes are a connection to a port that listens in the machine."""
        command = [*self._ssh(), "-W", f"127.0.0.1:{port}", "unit"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    # --- QEMU -----------------------------------------------------------------------------------------------------

    def _make_snapshot(self, snapshot: Path) -> None:
        """Boots once; what all tests need is alive in it. Written beside and renamed: half a snapshot is none."""
        self._new_disk()
        self._start()
        self._wait_until_it_answers(BOOT_S)
        self.run("systemctl", "start", "ready")
        self.save(SNAPSHOT)
        self.cut()
        shutil.move(self.disk, snapshot.with_suffix(".part"))
        snapshot.with_suffix(".part").rename(snapshot)

    def _new_disk(self) -> None:
        base = self._image / "base.qcow2"
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "qcow2", str(self.disk)]
        subprocess.run(command, check=True)

    def _start(self, *more: str) -> None:
        self._port = free_port()
        (self.directory / "qmp").unlink(missing_ok=True)
        command = [
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2",
            "-m", "1024", "-nodefaults", "-no-reboot", "-display", "none",
            "-serial", f"file:{self.directory / 'console'}",
            "-kernel", str(self._image / "vmlinuz"), "-initrd", str(self._image / "initrd"), "-append", APPEND,
            "-drive", self._drive(), "-device", "virtio-rng-pci",
            "-netdev", f"user,id=wire,restrict={self._restrict},hostfwd=tcp:127.0.0.1:{self._port}-:22",
            "-device", "virtio-net-pci,netdev=wire", "-qmp", f"unix:{self.directory / 'qmp'},server=on,wait=off", *more,
        ]  # fmt: skip
        with (self.directory / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(command, stdout=log, stderr=log)

    def _drive(self) -> str:
        """Without a cache each write is on the disk before the machine hears so."""
        if not self._raw.exists():
            return f"file={self.disk},if=virtio,format=qcow2,cache=writethrough"
        wire = self.directory / "nbd"
        wire.unlink(missing_ok=True)
        command = ["nbdkit", "--foreground", "--unix", str(wire), "--filter=cache", "file", str(self._raw)]
        with (self.directory / "nbdkit.log").open("ab") as log:
            self._cache = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the disk with a cache", wire.is_socket)
        return f"file=nbd+unix:///?socket={wire},if=virtio,format=raw,cache=writeback"

    def _wait_until_it_answers(self, within_s: float) -> None:
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            assert self._qemu is not None
            assert self._qemu.poll() is None, f"QEMU ended: {(self.directory / 'qemu.log').read_text()[-2000:]}"
            if subprocess.run([*self._ssh(), "unit", "true"], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.2)
        console = (self.directory / "console").read_text(errors="replace")
        raise AssertionError(f"the machine does not answer; its console:\n{console[-3000:]}")

    def _ssh(self) -> list[str]:
        return [
            "ssh", "-q", "-i", str(self._image / "key"), "-p", str(self._port), "-l", "root",
            "-o", "HostName=127.0.0.1", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5", "-o", "ControlMaster=auto", "-o", "ControlPersist=60",
            "-o", f"ControlPath={self.directory / 'ssh'}-%p",
        ]  # fmt: skip

    def _monitor(self, command: str) -> str:
        """A word to QEMU itself; returns its answer, which is empty when all is well."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(LOAD_S)
            sock.connect(str(self.directory / "qmp"))
            stream = sock.makefile("rw")
            stream.readline()  # its greeting
            _ask(stream, "qmp_capabilities")
            said: str = _ask(stream, "human-monitor-command", {"command-line": command})
            return said.strip()


def _ask(stream: Any, command: str, arguments: dict[str, str] | None = None) -> Any:
    stream.write(json.dumps({"execute": command, "arguments": arguments or {}}) + "\n")
    stream.flush()
    while "return" not in (answer := json.loads(stream.readline())):
        assert "error" not in answer, answer
    return answer["return"]


def _quoted(command: tuple[str, ...]) -> str:
    """What ssh gives to a shell: it joins its words with blanks."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in command)
