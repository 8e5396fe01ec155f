# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The three shipped services together, in their own sandbox, on a booted systemd: life, devices, exposure."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.driven import PYTHON
from tests.machine.house import COMMAND, UNITS, House
from tests.waiting import wait_for

CERTIFICATE = "/etc/spreekkamer/trial.crt"
UNDER = f"Broker('b', tls=Tls('/nowhere', '{CERTIFICATE}', '/nowhere'))"
pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("house"), pytest.mark.timeout(600)]

TIMES = 20
BACK_S = 90.0
TAKEN = ("spreekkamer-alarm", "spreekkamer-recorder")
"""Services with a watchdog."""


def test_all_three_are_ready_and_a_press_is_an_alarm_and_a_recording(unit: House) -> None:
    """A1, R3: READY=1 arrives from all three with /run closed; a press is an alarm at the broker, lit and recorded."""
    for name in UNITS:
        shown = unit.machine.unit(f"{name}.service")
        assert (shown["Type"], shown["SubState"]) == ("notify", "running")
    unit.press("alarm")
    wait_for("the alarm at the broker", lambda: '"kind":"raised"' in unit.heard(), 30)
    wait_for("the recording lamp", lambda: unit.lamps()["recording"], 30)
    wait_for("a recording", lambda: unit.status()["recording_id"], 30)
    name = unit.status()["recording_id"]
    unit.machine.wait("segments", f"ls /var/lib/spreekkamer/store/recordings/{name}/*/000003.ts.age", 60)
    unit.machine.run(COMMAND, "alarm", "reset")
    unit.machine.wait("the end", f"test -e /var/lib/spreekkamer/store/recordings/{name}/end.json", 120)
    words = json.loads(unit.machine.run(COMMAND, "holders", "ask", "--to", "-"))
    assert all(len(word["sealed"]) > 300 for word in words["words"]), "sealed by a child in the keeper's own sandbox"
    found = json.loads(unit.machine.run(COMMAND, "store", "verify", "--json"))
    assert not found.get("faults"), found
    for service in UNITS:
        assert "Traceback" not in unit.log(service)


@pytest.mark.case("machine 1")
@pytest.mark.case("machine 1b")
def test_devices_are_lost_and_opened_again_twenty_times(unit: House) -> None:
    """R8: camera and microphone are unplugged and plugged in again twenty times, in the shipped sandbox with
    PortAudio's JACK in it: each time both are back, and it is still the same process.
    """
    pid = unit.machine.unit("spreekkamer-recorder")["MainPID"]
    for _ in range(TIMES):
        unit.plug(on=False)
        wait_for("both lost", lambda: "ok" not in unit.devices().values(), BACK_S)
        unit.plug(on=True)
        unit.delivers()
    assert unit.machine.unit("spreekkamer-recorder")["MainPID"] == pid


@pytest.mark.parametrize("service", TAKEN)
def test_a_hung_process_is_ended_by_the_watchdog(unit: House, service: str) -> None:
    """A1: a process that hangs is ended by systemd and the next one is ready; the others are not touched."""
    before = {name: unit.restarts(name) for name in UNITS}
    unit.machine.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", service)
    wait_for("a new process", lambda: unit.restarts(service) > before[service], BACK_S)
    unit.machine.wait("ready again", f"systemctl is-active {service}")
    assert {name: unit.restarts(name) for name in UNITS if name != service} == {
        name: count for name, count in before.items() if name != service
    }
    unit.start()


@pytest.mark.case("alarm 19")
def test_the_end_of_a_certificate_is_read_in_the_alarms_sandbox(unit: House, tmp_path: Path) -> None:
    """A7: what decodes a certificate is given memory of this process, which the sandbox lets it have."""
    pem, _ = Authority(tmp_path / "authority").client("a/b/c")
    unit.machine.run("tee", CERTIFICATE, stdin=pem.read_bytes())
    read = f"from daemon.alarm.certificates import ends; from daemon.model.unit import *; print(ends({UNDER}, ''))"
    found = unit.machine.trial("alarm", PYTHON, "-c", read)
    assert "the unit's" in found, found


def test_nothing_of_the_unit_listens_on_the_network(unit: House) -> None:
    """Issue 14: no port of TCP, UDP or a raw socket is open in any process of the unit; nobody of it can log in, and no
    user of the machine has a password.
    """
    unit.start()
    listening = unit.machine.run(
        "ss", "--no-header", "--listening", "--tcp", "--udp", "--raw", "--processes", "--numeric"
    )
    assert "mosquitto" in listening, "the same look finds what does"
    pids = {unit.machine.unit(name)["MainPID"] for name in UNITS}
    assert not pids & set(re.findall(r"pid=(\d+)", listening))
    for name in UNITS:
        assert unit.machine.shell(f"getent passwd {name}").strip().endswith(("/sbin/nologin", "/bin/false"))
    shadow = unit.machine.shell("cut -d: -f1,2 /etc/shadow").splitlines()
    assert [line for line in shadow if line.split(":")[1][:1] not in {"!", "*"}] == []


def test_a_restarted_alarm_is_found_again(unit: House) -> None:
    """A2: the alarm process makes its socket anew, and the others reach it in their sandboxes, whose /run is a copy."""
    unit.machine.run("systemctl", "restart", "spreekkamer-alarm")
    unit.machine.wait("the alarm", "systemctl is-active spreekkamer-alarm")
    wait_for("recorder and keeper", lambda: unit.status().get("recorder") and unit.status().get("keeper"), 30)
