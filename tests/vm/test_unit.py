# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The whole alarm process as its systemd unit, hardened as in the field, on the kernel's lines and a mosquitto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vm.image import ROOT
from tests.vm.machine import HOME, PYTHON, Machine
from tests.waiting import wait_for

pytestmark = [pytest.mark.vm, pytest.mark.timeout(3000)]

UNIT = """
organisation = "voorbeeldstad"
site = "stadhuis"
room = "spreekkamer-1"
[buttons.alarm]
pin = 5
nc_pin = 13
[lamps]
status = 17
recording = 27
[relay]
pin = 23
maximum_s = 600
[broker]
host = "127.0.0.1"
[alarm]
receiver = "listens"
"""
BROKER = "listener 1883 127.0.0.1\nallow_anonymous true\nuser root\n"
NO, NC, STATUS, RECORDING, RELAY = 5, 13, 17, 27, 23
LINE = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio"
HEARD = "/run/heard"
DOWN, UP = {NC: "pull-up", NO: "pull-down"}, {NO: "pull-up", NC: "pull-down"}
"""A changeover breaks before it makes."""
CUT = {NC: "pull-up", NO: "pull-up"}
HOLDS = """
import os, sys, time
levels = [(os.open(path, os.O_WRONLY), level.encode()) for path, level in zip(sys.argv[1::2], sys.argv[2::2])]
while True:
    for line, level in levels:
        os.pwrite(line, level, 0)
    time.sleep(0.0005)
"""
SERVICE = "spreekkamer-alarm"


def _writes(contacts: dict[int, str]) -> str:
    return "; ".join(f"echo {level} > {LINE}{pin}/pull" for pin, level in contacts.items())


class Room:
    """One room in the machine: its service, its finger, its lamps, and what the broker heard."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def moves(self, contacts: dict[int, str]) -> None:
        """The contacts of the alarm button, once."""
        self.machine.shell(_writes(contacts))

    def holds(self, contacts: dict[int, str]) -> None:
        """Keeps the contacts so while the unit claims its lines: a claim's pull is a line's level to gpio-sim."""
        self.lets_go()
        self.moves(contacts)
        told = [word for pin, level in contacts.items() for word in (f"{LINE}{pin}/pull", level)]
        self.machine.run("systemd-run", "--quiet", "--unit=finger", "--nice=-19", PYTHON, "-c", HOLDS, *told)

    def lets_go(self) -> None:
        """The contacts stay as they are."""
        self.machine.run("systemctl", "stop", "finger", check=False)

    def starts(self, contacts: dict[int, str] = UP) -> dict[str, str]:
        """Starts the service, which says when it is ready, and returns what systemd knows of it."""
        self.machine.run("systemctl", "stop", SERVICE)  # or the one before would see the contacts move
        self.holds(contacts)
        self.machine.run("systemctl", "start", SERVICE)
        self.lets_go()
        return self.machine.unit(SERVICE)

    def presses(self, hold_s: float = 0.1) -> None:
        """A finger."""
        self.machine.shell(f"{_writes(DOWN)}; sleep {hold_s}; {_writes(UP)}")

    def count(self, kind: str) -> int:
        """How many alarm events of a kind the broker has had."""
        return int(self.machine.shell(f"""grep -c '"kind":"{kind}"' {HEARD} || true"""))

    def hears(self, kind: str, after: int = 0) -> dict[str, Any]:
        """Waits for one more alarm event of a kind than there were, and returns the data of the latest."""
        lines = self.machine.wait(
            f"{kind} at the broker",
            f"""test "$(grep -c '"kind":"{kind}"' {HEARD})" -gt {after} && grep '"kind":"{kind}"' {HEARD}""",
        )
        data: dict[str, Any] = json.loads(lines.strip().splitlines()[-1].partition(" ")[2])["data"]
        return data

    def resets(self) -> None:
        """An operator ends the alarm."""
        before = self.count("reset")
        self.machine.run(f"{HOME}/venv/bin/spreekkamer", "alarm", "reset")
        self.hears("reset", before)

    def level(self, pin: int) -> bool:
        """A line's level, as the kernel has it."""
        return self.machine.run("cat", f"{LINE}{pin}/value").strip() == "1"

    def blinks(self, pin: int) -> bool:
        """Whether a line is seen high and low within two seconds."""
        seen = self.machine.shell(f"for i in $(seq 80); do cat {LINE}{pin}/value; sleep 0.02; done")
        return set(seen.split()) == {"0", "1"}

    def status(self) -> dict[str, Any]:
        """What the unit says of itself."""
        said = self.machine.run(f"{HOME}/venv/bin/spreekkamer", "status", "--json", check=False)
        found: dict[str, Any] = json.loads(said)
        return found


@pytest.fixture(scope="module")
def room(machine: Machine) -> Iterator[Room]:
    machine.put("/etc/spreekkamer/unit.toml", UNIT)
    machine.put("/etc/spreekkamer/policy.toml", (ROOT / "config" / "policies" / "dronten-2022.toml").read_bytes())
    machine.run("systemd-tmpfiles", "--create", "spreekkamer.conf")
    machine.put("/etc/broker.conf", BROKER)
    machine.run("systemd-run", "--quiet", "--unit=broker", "mosquitto", "-c", "/etc/broker.conf")
    machine.wait("the broker", "mosquitto_pub -t try -m try")
    listen = f"exec mosquitto_sub -q 1 -t 'spreekkamer/v1/#' -F '%t %p' > {HEARD}"
    machine.run("systemd-run", "--quiet", "--unit=listener", "sh", "-c", listen)
    found = Room(machine)
    yield found
    found.lets_go()
    machine.run("systemctl", "stop", SERVICE, "listener", "broker", check=False)


@pytest.fixture(autouse=True)
def at_rest(room: Room) -> Iterator[None]:
    """No test leaves an alarm to the next one."""
    yield
    room.machine.run(f"{HOME}/venv/bin/spreekkamer", "alarm", "reset", check=False)


def test_a_press_reaches_the_broker_and_the_lamps(room: Room) -> None:
    """A1, A5: a press of the kernel's line is an alarm at the broker; lamp and relay read back from the kernel."""
    unit = room.starts()
    assert (unit["Type"], unit["ActiveState"], unit["SubState"]) == ("notify", "active", "running")
    room.machine.wait("ready lamp", f"grep -q 1 {LINE}{STATUS}/value")
    assert not room.level(RELAY)
    room.presses()
    data = room.hears("raised")
    assert (data["source"], data["attempt"], data["replay"]) == ("alarm", 1, False)
    print(f"press to publish: {data['age_ms']} ms by the unit's clock")  # noqa: T201 - a figure
    assert room.level(RELAY)
    assert not room.level(RECORDING)  # this policy records nothing
    assert room.blinks(STATUS)
    assert room.status()["lamps"]["relay"] is True
    room.resets()
    assert not room.level(RELAY)


def test_a_killed_process_is_back_with_its_alarm(room: Room) -> None:
    """A1, A2: kill -9 with an alarm open: systemd starts it again, the alarm is open, lamp and relay are on again."""
    before, raised = room.starts(), room.count("raised")
    room.presses()
    room.hears("raised", raised)
    room.holds(UP)  # while the new process claims its lines
    room.machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", SERVICE)
    room.machine.wait(
        "a new process", f'test "$(systemctl show -P NRestarts {SERVICE})" -gt {before["NRestarts"]}'
        f" && systemctl is-active --quiet {SERVICE}",
    )  # fmt: skip
    room.lets_go()
    room.machine.wait("the relay again", f"grep -q 1 {LINE}{RELAY}/value", 20)
    assert room.blinks(STATUS)
    assert room.status()["phase"] == "alarm"
    room.resets()
    room.machine.wait("the relay off", f"grep -q 0 {LINE}{RELAY}/value", 20)


def test_a_hung_process_is_ended_by_the_watchdog(room: Room) -> None:
    """A1: a process that does not feed the watchdog is killed after ten seconds, and the next one is ready."""
    before = room.starts()
    room.holds(UP)
    room.machine.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", SERVICE)
    room.machine.wait(
        "the watchdog", f'test "$(systemctl show -P NRestarts {SERVICE})" -gt {before["NRestarts"]}'
        f" && systemctl is-active --quiet {SERVICE}", 90,
    )  # fmt: skip
    room.lets_go()
    log = room.machine.run("journalctl", "-u", SERVICE, "-o", "cat")
    assert "Watchdog timeout" in log


def test_a_button_held_at_boot_is_a_fault_and_no_alarm(room: Room) -> None:
    """A6: a button that is down while the unit starts is told as a fault, and is a button again once released."""
    raised, faults = room.count("raised"), room.count("fault")
    room.starts(DOWN)
    assert room.hears("fault", faults)["detail"] == "the alarm button was down at start"
    assert room.count("raised") == raised
    room.moves(UP)
    wait_for("released", lambda: "alarm_button" not in room.status()["faults"])
    room.presses()
    room.hears("raised", raised)
    room.resets()


def test_a_cut_wire_is_a_fault_and_no_alarm(room: Room) -> None:
    """A6: with both contacts a cut cable is told at the broker, and raises nothing."""
    room.starts()
    raised, faults = room.count("raised"), room.count("fault")
    room.moves(CUT)
    assert room.hears("fault", faults)["detail"] == "the alarm button has a cut wire"
    assert room.count("raised") == raised
    room.moves(UP)


def test_a_stop_leaves_every_output_low_and_says_nothing_bad(room: Room) -> None:
    """R3: a stopped unit's outputs are low, its exit is clean, and its log has no traceback."""
    room.starts()
    room.presses()
    room.machine.wait("the relay", f"grep -q 1 {LINE}{RELAY}/value", 20)
    room.machine.run("systemctl", "stop", SERVICE)
    assert [room.level(pin) for pin in (STATUS, RECORDING, RELAY)] == [False] * 3
    assert room.machine.unit(SERVICE)["Result"] == "success"
    log = room.machine.run("journalctl", "-u", SERVICE, "-o", "cat")
    assert "Traceback" not in log


def test_the_unit_is_as_closed_as_its_readme_says(room: Room) -> None:
    """Design §2: systemd itself, in the machine, finds the exposure that systemd/README.md states."""
    said = room.machine.run("systemd-analyze", "security", "--no-pager", f"{SERVICE}.service", check=False)
    overall = said.strip().splitlines()[-1]
    assert "1.6" in overall, overall
    loaded = (
        "import sys, daemon.alarm.__main__ as _; print([m for m in ('av', 'pyaudio', 'numpy') if m in sys.modules])"
    )
    assert room.machine.run(PYTHON, "-c", loaded).strip() == "[]"
