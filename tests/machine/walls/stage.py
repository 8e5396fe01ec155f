# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

# ruff: noqa: S108 - temporary directories are among what is tried

"""Runs the probe in the sandbox of each shipped unit, inside a machine: `python -m tests.machine.walls.stage [--all]`.

As root, on a machine that is there for it: the three services stand still meanwhile, and places are put back at the
end. With `--all` each unit is tried again without each of its directives. Prints one JSON object: unit to what is
missing to row to what came of it; null where a service without that directive does not start.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.machine.walls import units

PROBE = Path(__file__).resolve().parent / "probe.py"
STAGE = Path("/srv/walls")
UNITS = Path("/run/systemd/system")
AT_ONCE, IN_ONE = 4, 6
"""Trials: each is a process of a tenth of a second, and most of that is waiting for systemd."""
PORT = ("127.0.0.1", 9)
ABSTRACT = "walls-of-the-machine"
STORE = "/var/lib/spreekkamer/store"
OWN = {
    "alarm": "/var/lib/spreekkamer/journal", "recorder": f"{STORE}/recordings", "keeper": f"{STORE}/recordings",
    "card": "/etc/spreekkamer", "answer": "/boot/firmware",
}  # fmt: skip
"""Where each has files of its own."""
OWNER = {"alarm": "spreekkamer-alarm", "recorder": "spreekkamer-recorder", "keeper": "spreekkamer-recorder"}
"""Whose the files there are; elsewhere root's. The keeper's are the recorder's, as in life."""
FILES = {
    "/etc/spreekkamer/unit.toml": "", "/etc/spreekkamer/policy.toml": "", "/etc/spreekkamer/unit_ed25519": "",
    "/etc/spreekkamer/keeper_ed25519": "", "/etc/spreekkamer/tls/unit.key": "",
    f"{STORE}/audit.jsonl": "spreekkamer-keeper", "/tmp/walls-of-the-machine": "", "/home/somebody/letter": "",
}  # fmt: skip
"""What has to be there to be reached; whose it is, where it is not root's."""
DIRECTORIES = (
    "/boot/firmware", "/usr/lib/modules", "/dev/snd", "/dev/dri", "/dev/dma_heap", "/dev/hugepages", "/dev/mqueue",
    "/dev/shm", "/run/user/1000", "/var/lib/spreekkamer/card", "/var/log/journal", "/home/somebody",
    "/run/spreekkamer-keeper", "/run/spreekkamer-alarm",
)  # fmt: skip
PATHS = (
    "/", "/etc", "/etc/spreekkamer", *(path for path in FILES if path.startswith("/etc")),
    "/var/lib/spreekkamer", *OWN.values(), STORE, f"{STORE}/holds", f"{STORE}/audit.jsonl", "/var/lib/spreekkamer/card",
    "/var/lib/spreekkamer/policy",
    "/boot", "/home", "/home/somebody/letter", "/root", "/tmp", "/tmp/walls-of-the-machine", "/var/tmp", "/var/log",
    "/run", "/run/spreekkamer/alarm", "/run/spreekkamer/keeper", "/run/spreekkamer-alarm", "/run/spreekkamer-keeper",
    "/run/systemd/notify", "/run/systemd/private", "/run/systemd/timesync", "/run/systemd/resolve",
    "/run/NetworkManager", "/run/resolvconf", "/run/avahi-daemon", "/run/dbus/system_bus_socket", "/run/user",
    "/dev", "/dev/shm", "/dev/mqueue", "/dev/hugepages", "/dev/pts", "/dev/ptmx", "/dev/snd",
    "/proc/cpuinfo", "/proc/sys", "/proc/kmsg", "/proc/sys/kernel/hostname", "/sys", "/sys/fs/cgroup", "/usr",
    "/usr/lib/modules", "/opt/spreekkamer",
)  # fmt: skip
DRIVERS = {"gpiochip": 254, "video4linux": 81, "media": 510, "dma_heap": 511, "alsa": 116, "rtc": 249}
"""Of a Raspberry Pi, and of no container: systemd finds their numbers in /proc/devices."""
NODES = {
    "/dev/gpiochip0": ("gpiochip", 0, "gpio"), "/dev/video0": ("video4linux", 0, "video"),
    "/dev/media0": ("media", 0, "video"), "/dev/dma_heap/linux,cma": ("dma_heap", 0, "video"),
    "/dev/snd/pcmC0D0c": ("alsa", 24, "audio"), "/dev/rtc0": ("rtc", 0, ""), "/dev/dri/card0": (226, 0, ""),
    "/dev/mem": (1, 1, ""), "/dev/kmsg": (1, 11, ""), "/dev/mmcblk0": (None, 0, ""),
}  # fmt: skip
"""Nodes that are made: the character device of a driver, by name or number (None: a disk's), and whose group it is, as
Raspberry Pi OS has it; none: anybody's, so that its mode is no wall."""
DEVICES = ("/dev/null", "/dev/urandom", "/dev/tty", *NODES)


def run(*command: str) -> str:
    """What a command said; its failure is an error with that."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def set_the_stage() -> None:
    """Everything that can be reached, or not, is there."""
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(mode=0o755)
    for directory in DIRECTORIES:
        Path(directory).mkdir(parents=True, exist_ok=True)
    for path, owner in FILES.items():
        file = Path(path)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(0o644)
            if owner:
                shutil.chown(file, owner, owner)
    os.chmod("/home/somebody", 0o755)  # noqa: PTH101, S103 - a home as Debian makes it
    run("systemd-tmpfiles", "--create", "spreekkamer.conf")
    _drivers()
    for path, (driver, minor, group) in NODES.items():
        node = Path(path)
        if not node.exists():
            major = DRIVERS[driver] if isinstance(driver, str) else driver
            kind, major = ("b", 179) if major is None else ("c", major)
            run("mknod", f"--mode={'0660' if group else '0666'}", path, kind, str(major), str(minor))
            if group:
                shutil.chown(node, "root", group)


def _drivers() -> None:
    """A kernel that has a Pi's drivers, as far as systemd asks it."""
    known = Path("/proc/devices").read_text(encoding="ascii")
    if " gpiochip" not in known:
        lines = "".join(f"{number:3d} {name}\n" for name, number in DRIVERS.items())
        kept = re.sub(rf"^ *({'|'.join(map(str, DRIVERS.values()))}) .*\n", "", known, flags=re.MULTILINE)
        (STAGE / "devices").write_text(kept.replace("Character devices:\n", f"Character devices:\n{lines}", 1))
        run("mount", "--bind", str(STAGE / "devices"), "/proc/devices")


def asked() -> dict[str, Any]:
    """What the probe is told."""
    groups = _groups()
    seccomp = ctypes.CDLL("libseccomp.so.2")
    default = groups.pop("@default")  # what no process does without
    names = {call for members in groups.values() for call in members}
    numbers = {call: seccomp.seccomp_syscall_resolve_name(call.encode()) for call in sorted(names - SKIPPED)}
    named = [*numbers.values(), *(seccomp.seccomp_syscall_resolve_name(call.encode()) for call in default)]
    return {
        "port": PORT, "abstract": ABSTRACT, "paths": list(dict.fromkeys(PATHS)), "devices": DEVICES,
        "calls": {call: number for call, number in numbers.items() if number >= 0}, "groups": groups, "named": named,
        "namespaces": {kind: str(Path(f"/proc/1/ns/{kind}").readlink()) for kind in NAMESPACES},
        "other_abi": X32_GETPID if platform.machine() == "x86_64" else 0,
    }  # fmt: skip


NAMESPACES = ("ipc", "mnt", "net", "user", "uts")
X32_GETPID = 0x4000_0000 | 39
"""The same processor's other way in: a kernel that does not know it says ENOSYS."""
SKIPPED = {"sync", "vfork", "fork"}
"""The first would wait for every disk of the machine that runs this, the others come back twice."""


def _groups() -> dict[str, list[str]]:
    """Systemd's own table, with the groups in a group taken apart; @system-service is the sum of others."""
    found: dict[str, list[str]] = {}
    members: list[str] = []
    for line in run("systemd-analyze", "syscall-filter", "--no-pager").splitlines():
        if line.startswith("@"):
            members = found.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())

    def flat(group: str) -> list[str]:
        return [call for one in found[group] for call in (flat(one) if one.startswith("@") else [one])]

    sums = {"@system-service", "@known"}
    groups = {group: sorted(set(flat(group))) for group in sorted(found) if group not in sums}
    in_one = {call for members in groups.values() for call in members}
    return {**groups, "of no group": sorted(set(flat("@known")) - in_one)}


class Trials:
    """All units, with all that can be missing."""

    def __init__(self, *, less: bool) -> None:
        self._less = less
        self._waiting: list[str] = []
        self._alone: list[str] = []
        self._names: dict[str, tuple[str, str]] = {}

    def write(self) -> None:
        """Makes the units, and what each has to itself."""
        (STAGE / "asked.json").write_text(json.dumps(asked()))
        for service, place in OWN.items():
            path = run("systemctl", "show", "-P", "FragmentPath", f"spreekkamer-{service}.service").strip()
            for count, mutant in enumerate(units.mutants(Path(path).read_text(encoding="utf-8"))):
                if count and not self._less:
                    break
                self._write(service, place, count, mutant)
        run("systemctl", "daemon-reload")

    def _write(self, service: str, place: str, count: int, mutant: units.Mutant) -> None:
        unit = f"walls-{service}-{count:03d}"
        own = Path(place) / unit
        (own / "empty").mkdir(parents=True)
        for file in ("file", "renamed"):
            (own / file).write_text("what was there")
        if owner := OWNER.get(service):
            run("chown", "-R", f"{owner}:{'spreekkamer-store' if place.startswith(STORE) else owner}", str(own))
            run("chmod", "-R", "u+rwX,g+rwX", str(own))
        command = f"/usr/bin/python3 -I {PROBE} {STAGE}/asked.json {own}"
        (UNITS / f"{unit}.service").write_text(units.trial(mutant.lines, command, f"{STAGE}/{unit}"))
        self._names[unit] = (service, mutant.name)
        (self._alone if mutant.alone else self._waiting).append(unit)

    def run(self) -> dict[str, dict[str, dict[str, str] | None]]:
        """What each said."""
        pieces = [self._waiting[at : at + IN_ONE] for at in range(0, len(self._waiting), IN_ONE)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._start, pieces))
        for unit in self._alone:
            self._start([unit])
        found: dict[str, dict[str, dict[str, str] | None]] = {service: {} for service in OWN}
        for unit, (service, missing) in self._names.items():
            text = (STAGE / unit).read_text(encoding="utf-8") if (STAGE / unit).exists() else ""
            if not missing and not text:
                raise SystemExit(f"{unit} said nothing: {(STAGE / f'{unit}.log').read_text()}")
            found[service][missing] = json.loads(text) if text else None
        return found

    @staticmethod
    def _start(some: list[str]) -> None:
        subprocess.run(["systemctl", "start", *some], capture_output=True, check=False)

    def clear(self) -> None:
        """The places as they were."""
        for unit, (service, _) in self._names.items():
            (UNITS / f"{unit}.service").unlink(missing_ok=True)
            shutil.rmtree(Path(OWN[service]) / unit, ignore_errors=True)
        run("systemctl", "daemon-reload")
        for place, owner in (("/var/lib/spreekkamer/journal", "alarm"), ("/run/spreekkamer-alarm", "alarm"),
                             ("/run/spreekkamer-keeper", "keeper")):  # fmt: skip
            run("chown", "-R", f"spreekkamer-{owner}:spreekkamer-{owner}", place)
        run("systemd-tmpfiles", "--create", "spreekkamer.conf")


def main() -> None:
    """As the file's first line says."""
    set_the_stage()
    os.setpriority(os.PRIO_PROCESS, 1, 0)  # of which every service has its own turn, where it sets none
    ours = [f"spreekkamer-{service}.service" for service in OWN]
    run("systemctl", "stop", "spreekkamer.target", *ours)
    trials = Trials(less="--all" in sys.argv)
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0x5350_FFFF, 4096, 0o1666)
    with socket.socket() as port, socket.socket(socket.AF_UNIX) as abstract:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(PORT)
        abstract.bind("\0" + ABSTRACT)
        for each in (port, abstract):
            each.listen(1000)
        try:
            trials.write()
            found = trials.run()
        finally:
            trials.clear()
            libc.shmctl(segment, 0, None)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
