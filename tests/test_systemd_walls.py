# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What is kept of the walls, against design §2, the units as they stand, and the page: no machine is booted for it.

`make machine-test` tries them (tests/machine/test_walls.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.walls import kept, units
from tests.tools import draw_walls

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
SERVICES = ("alarm", "recorder", "keeper", "card", "answer")
THREE = SERVICES[:3]
NOT_THE_ALARM = SERVICES[1:]
STORE = "/var/lib/spreekkamer/store"
NEVER: dict[str, dict[str, tuple[str, ...]]] = {
    # "never the network": a socket's family, a port, an abstract socket of the machine.
    "EAFNOSUPPORT": {f"sockets: opens a socket of {family}": NOT_THE_ALARM for family in ("AF_INET", "AF_INET6")}
    | {f"sockets: opens a socket of {family}": SERVICES for family in ("AF_NETLINK", "AF_PACKET")}
    | {"sockets: comes to a TCP port of the machine": NOT_THE_ALARM, "sockets: listens at a TCP port": NOT_THE_ALARM},
    "its own": {"spaces: net namespace": NOT_THE_ALARM, "spaces: ipc namespace": SERVICES,
                "spaces: mnt namespace": SERVICES},
    # Recordings, keys and journals of others; what two could meet in; devices of others.
    "closed": {
        **{f"files: {place}": ("alarm", "card", "answer") for place in (
            STORE, f"{STORE}/recordings", f"{STORE}/holds", f"{STORE}/audit.jsonl",
        )},
        "files: /var/lib/spreekkamer/journal": ("keeper", "card", "answer"),
        "files: /etc/spreekkamer/unit_ed25519": ("alarm", "keeper", "answer"),
        "files: /etc/spreekkamer/keeper_ed25519": ("alarm", "recorder", "answer"),
        "files: /etc/spreekkamer/tls/unit.key": ("recorder", "keeper", "answer"),
        **{f"files: /dev/{place}": SERVICES for place in ("shm", "mqueue", "hugepages", "pts", "ptmx")},
        "files: /home": SERVICES, "files: /root": SERVICES, "files: /usr/lib/modules": SERVICES,
        "devices: /dev/gpiochip0": ("recorder",), "devices: /dev/video0": ("alarm",),
        "devices: /dev/media0": ("alarm",),
        "devices: /dev/snd/pcmC0D0c": ("alarm",), "devices: /dev/mem": ("alarm", "recorder"),
        "devices: /dev/mmcblk0": ("alarm", "recorder"), "devices: /dev/rtc0": ("alarm", "recorder"),
    },
    "not there": {
        **{f"files: {place}": ("recorder",) for place in (
            f"{STORE}/holds", f"{STORE}/audit.jsonl", "/var/lib/spreekkamer/journal", "/var/lib/spreekkamer/card",
        )},
        "files: /tmp/walls-of-the-machine": SERVICES, "files: /run/systemd/private": SERVICES,
        "files: /run/dbus/system_bus_socket": SERVICES, "files: /run/user": SERVICES,
        "files: /run/spreekkamer/keeper": ("alarm", "recorder", "card", "answer"),
        **{f"devices: /dev/{node}": ("keeper", "card", "answer") for node in ("gpiochip0", "video0", "mem")},
    },
    # "never deleting", and nothing that would amount to it.
    "EPERM": {
        **{f"own files: {act}": ("recorder",) for act in (
            "deletes a file", "deletes a directory", "renames a file", "empties a file by name",
            "makes a file writable", "adds an access list", "makes a link", "makes a pipe", "gives a file to its group",
        )},
        "own files: makes a program that runs as its owner": SERVICES, "memory: a page to write and to run": SERVICES,
        "spaces: makes a namespace": SERVICES, "process: becomes root": THREE,
        "system calls: a call that is refused": SERVICES,
    },
    "all refused": {
        f"system calls: {group}": SERVICES for group in (
            "@aio", "@clock", "@debug", "@keyring", "@module", "@mount", "@raw-io", "@reboot", "@resources", "@swap",
            "calls that this systemd has no name for",
        )
    },
    "none": {
        "spaces: processes of others in sight": THREE, "process: capabilities in force": SERVICES,
        "process: capabilities it could come to": SERVICES,
    },
    "0": {"memory: core file, bytes at most": SERVICES},
    "no": {"process: gains rights by a program": SERVICES},
    "ENOENT": {"memory: shared memory of the machine": SERVICES},
    "list, ro": {"files: /": SERVICES, "files: /etc": SERVICES, "files: /usr": SERVICES,
                 "files: /opt/spreekkamer": SERVICES},
}  # fmt: skip
"""Design §2, "never": what came of an act, by row, for the services that may not."""
MAY = {
    "devices: /dev/gpiochip0": {"alarm": "open"}, "devices: /dev/video0": {"recorder": "open"},
    "devices: /dev/snd/pcmC0D0c": {"recorder": "open"},
    "sockets: comes to a TCP port of the machine": {"alarm": "done"},
    f"files: {STORE}/recordings": {"recorder": "list, write", "keeper": "list, write"},
    "own files: makes a file": {"recorder": "done"}, "own files: gives a file a name": {"recorder": "done"},
    "own files: deletes a file": {"keeper": "done"}, f"files: {STORE}/holds": {"keeper": "list, write"},
    "files: /etc/spreekkamer/unit_ed25519": {"recorder": "read, ro"},
    "files: /etc/spreekkamer/keeper_ed25519": {"keeper": "read, ro"},
    "files: /run/systemd/notify": dict.fromkeys(THREE, "come to, ro"),
}  # fmt: skip
"""Design §2, "sees": the same look finds what is there."""


@pytest.mark.case("machine 2")
@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_what_is_kept_is_what_the_design_says(suite: str) -> None:
    """Design §2: whatever was accepted into the kept table, no process can do what it may never, and each can work."""
    rows = kept.rows_of(suite)
    wanted = [(row, name, came) for came, listed in NEVER.items() for row, names in listed.items() for name in names]
    wanted += [(row, name, came) for row, listed in MAY.items() for name, came in listed.items()]
    no_code = {"EPERM", "EACCES"} if suite == "trixie" else {"EPERM"}  # its kernel has a call of its own for that
    wrong = [
        f"{name}: {row}: {rows[row].get(name)}, not {came}"
        for row, name, came in wanted
        if rows[row].get(name) not in (no_code if row == "memory: a page to write and to run" else {came})
    ]
    assert wrong == []


@pytest.mark.parametrize("name", SERVICES)
def test_every_directive_of_a_sandbox_was_taken_away_once(name: str) -> None:
    """H2: a directive that is new in a unit, or changed, was not tried yet: `make machine-test` does, and says how that
    is kept. One that changes no row is on the page as such.
    """
    text = (SYSTEMD / f"spreekkamer-{name}.service").read_text(encoding="utf-8")
    there = [mutant.name for mutant in units.mutants(text)][1:]
    assert sorted(there) == sorted(kept.kept()["effects"][name])


def test_a_row_that_fell_and_a_directive_that_lost_its_effect_are_told() -> None:
    """H2: the comparison that `make machine-test` ends with finds a wall that opened, one that came, and a directive
    that holds nothing any more.
    """
    expected = kept.rows_of("bookworm")
    fallen = {row: dict(came) for row, came in expected.items()}
    fallen["own files: deletes a file"]["recorder"] = "done"
    assert kept.other_rows(fallen, expected) == ["recorder: own files: deletes a file: done; expected: EPERM"]
    del fallen["memory: a page to write and to run"]
    assert len(kept.other_rows(fallen, expected)) == 1 + len(SERVICES)
    effects = kept.kept()["effects"]
    assert kept.other_effects(effects, effects) == []
    changed = {name: dict(missing) for name, missing in effects.items()}
    changed["alarm"]["PrivateTmp=yes"], changed["alarm"]["RemoveIPC=yes"] = [], ["files: /"]
    del changed["keeper"]["Nice=5"]
    assert len(kept.other_effects(changed, effects)) == 3


def test_the_page_is_drawn_from_what_is_kept() -> None:
    """H5: docs/ref/walls.md says what was found."""
    assert draw_walls.PAGE.read_text(encoding="utf-8") == draw_walls.page(), "run `make docs`"
