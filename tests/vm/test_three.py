# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The three shipped services together on the kernel's own lines, camera and sound card; what only a kernel can show."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.recorder.memory import WIPE
from tests.driven import HOME, PYTHON
from tests.vm.devices import LATE, MICROPHONE, PLAYS, SETTINGS, UNITS, VIVID, be_patient, make_tone
from tests.vm.machine import Machine
from tests.vm.test_unit import BROKER, DOWN, LINE, RECORDING, UP, _writes
from tests.waiting import wait_for

pytestmark = [pytest.mark.vm, pytest.mark.timeout(3000)]

HEARD = "/run/heard-of-three"
PORT = 1884
"""Another broker than the tests of the alarm's unit have: neither hears the other's alarms."""
SLOW_S = 240.0
"""A processor in software, beside other work."""
TIMES = 20
UNIT = f"""
organisation = "voorbeeldstad"
site = "stadhuis"
room = "spreekkamer-1"
[buttons.alarm]
pin = 5
nc_pin = 13
[lamps]
status = 17
recording = 27
[broker]
host = "127.0.0.1"
port = {PORT}
[alarm]
receiver = "listens"
{SETTINGS}"""
UNPLUG = "v4l2-ctl -d /dev/video0 -c disconnect=1; until modprobe -r vivid; do sleep 0.1; done"
"""In one: vivid plugs itself in again as soon as nobody has it open, and the recorder opens it within two seconds."""
AS_A_PI = "BindReadOnlyPaths=/run/cpuinfo:/proc/cpuinfo"
AS_ROOT = "User=root\nGroup=root\nSupplementaryGroups="
OPENS = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        print(path, "opened")
    except OSError as error:
        print(path, error.strerror)
"""
FILLS = """
import sys
data = bytearray(200_000_000)
for at in range(0, len(data), 4096):
    data[at] = 1
print("filled", open("/proc/self/status").read().split("VmSwap:")[1].split()[0])
"""


class Three:
    """The machine with all three services on it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def status(self) -> dict[str, Any]:
        """What the unit says of itself; empty while it says nothing."""
        said = self.machine.run(f"{HOME}/venv/bin/spreekkamer", "status", "--json", check=False)
        try:
            found: dict[str, Any] = json.loads(said)
        except json.JSONDecodeError:
            return {}
        return found

    def devices(self) -> dict[str, str]:
        """What the recorder says of its devices."""
        found: dict[str, str] = (self.status().get("recorder") or {}).get("devices", {})
        return found

    def comes(self, track: str) -> bool:
        """Whether frames come from a device."""
        said = self.devices().get(track, "nothing is said")
        return said == "ok" or said.partition(": ")[2] in LATE

    def memory(self, unit: str) -> dict[str, str]:
        """What the kernel says of its main process's memory, in kilobytes."""
        status = self.machine.run("cat", f"/proc/{self.pid(unit)}/status", check=False)
        lines = [line.split() for line in status.splitlines() if line.startswith("Vm")]
        return {name.removesuffix(":"): kilobytes for name, kilobytes, _ in lines}

    def pid(self, unit: str) -> str:
        """Of its main process."""
        return self.machine.unit(unit)["MainPID"]


@pytest.fixture(scope="module")
def three(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    machine.settle(tmp_path_factory.mktemp("three"), UNIT)
    machine.put("/etc/broker-of-three.conf", BROKER.replace("1883", str(PORT)))
    machine.run("systemd-run", "--quiet", "--unit=broker3", "mosquitto", "-c", "/etc/broker-of-three.conf")
    machine.wait("the broker", f"mosquitto_pub -p {PORT} -t try -m try")
    listen = f"exec mosquitto_sub -p {PORT} -q 1 -t 'spreekkamer/v1/#' -F '%t %p' > {HEARD}"
    machine.run("systemd-run", "--quiet", "--unit=listener3", "sh", "-c", listen)
    make_tone(machine)
    machine.run("systemd-run", "--quiet", "--unit=tone", "sh", "-c", PLAYS)
    machine.shell(_writes(UP))
    be_patient(machine)
    machine.run("systemctl", "start", "spreekkamer.target", *UNITS, check=False)
    for unit in UNITS:
        machine.wait(unit, f"systemctl is-active {unit}", SLOW_S)
    found = Three(machine)
    machine.shell(_writes(UP))
    yield found
    machine.run("systemctl", "stop", *UNITS, "listener3", "broker3", "tone", check=False)
    machine.shell("rm /etc/systemd/system/spreekkamer-*.service.d/slow.conf; systemctl daemon-reload")


@pytest.mark.case("machine 3")
def test_the_recorders_memory_is_locked(three: Three) -> None:
    """R1: the kernel says that the recorder's memory is locked, all of it that is there."""
    wait_for("a locked memory", lambda: int(three.memory("spreekkamer-recorder").get("VmLck", "0")) > 0, SLOW_S)
    figures = three.memory("spreekkamer-recorder")
    print(f"locked {figures['VmLck']} kB, resident {figures['VmRSS']} kB, swapped {figures['VmSwap']} kB")  # noqa: T201
    assert int(figures["VmLck"]) >= int(figures["VmRSS"])


@pytest.mark.case("machine 3")
def test_no_service_can_swap(three: Three) -> None:
    """R1: with a swap area on, the kernel keeps all three out of it: under pressure a service's own program is ended,
    and without the line the same program goes on and is swapped.
    """
    three.machine.shell("test -e /swap || { dd if=/dev/zero of=/swap bs=1M count=300 status=none && chmod 600 /swap"
                        " && mkswap /swap && swapon /swap; }")  # fmt: skip
    for unit in UNITS:
        assert three.machine.unit(unit)["MemorySwapMax"] == "0"
        group = three.machine.unit(unit)["ControlGroup"]
        assert three.machine.run("cat", f"/sys/fs/cgroup{group}/memory.swap.max").strip() == "0"
    tight = "MemoryMax=100M"
    three.machine.put("/srv/trial/fills.py", FILLS)
    command = (PYTHON, "/srv/trial/fills.py")
    three.machine.trial("keeper", *command, more=tight, check=False)
    assert three.machine.unit("trial-keeper")["Result"] == "oom-kill"
    said = three.machine.trial("keeper", *command, more=f"{tight}\nMemorySwapMax=infinity")
    assert int(said.split()[1]) > 0, said
    three.machine.run("swapoff", "/swap")


@pytest.mark.case("machine 3")
def test_devices_are_closed_to_whom_they_are_not_for(three: Three) -> None:
    """A2, design §2: DevicePolicy, asked of the kernel as root, whom no mode keeps out: each opens its own alone."""
    devices = ("/dev/gpiochip0", "/dev/video0", "/dev/snd/controlC0", "/dev/vda", "/dev/mem", "/dev/null")
    own: dict[str, set[str]] = {
        "alarm": {"/dev/gpiochip0"},
        "recorder": {"/dev/video0", "/dev/snd/controlC0"},
        "keeper": set(),
    }
    three.machine.put("/srv/trial/opens.py", OPENS)
    for name, allowed in own.items():
        said = three.machine.trial(name, PYTHON, "/srv/trial/opens.py", *devices, more=AS_ROOT)
        print(name, said)  # noqa: T201 - what the kernel said
        opened = {line.split()[0] for line in said.splitlines() if line.endswith(" opened")}
        assert opened == {*allowed, "/dev/null"}


@pytest.mark.case("machine 1")
@pytest.mark.case("machine 1b")
def test_each_driver_opens_its_device_twenty_times_in_the_sandbox(three: Three) -> None:
    """R8: PyAudio, V4L2 and lgpio, opened, used and closed twenty times in one process inside the shipped sandbox."""
    wiping = " ".join(f"{key}={value}" for key, value in WIPE.items())
    three.machine.run("systemctl", "stop", "spreekkamer-recorder", "spreekkamer-alarm")
    runs: dict[str, list[tuple[str, ...]]] = {
        "recorder": [("tests.vm.sounds", MICROPHONE, str(TIMES)), ("tests.v4l2.lives", "/dev/video0", str(TIMES))],
        "alarm": [("tests.vm.lines", str(TIMES))],
    }
    for name, commands in runs.items():
        for command in commands:
            began_s = time.monotonic()
            more = AS_A_PI if name == "alarm" else f"Environment={wiping}"
            said = three.machine.trial(name, PYTHON, "-m", *command, more=more)
            assert said.startswith(f"{TIMES} "), said
            print(f"{command[0]}: {said.strip()}, {time.monotonic() - began_s:.0f} s")  # noqa: T201 - a figure
    three.machine.run("systemctl", "start", "spreekkamer-alarm", "spreekkamer-recorder", check=False)
    for unit in UNITS:
        three.machine.wait(unit, f"systemctl is-active {unit}", SLOW_S)
    three.machine.shell(_writes(UP))


@pytest.mark.case("machine 1b")
def test_a_camera_is_unplugged_and_comes_back_twenty_times_and_the_recorder_lives(three: Three) -> None:
    """R8: V4L2's own camera is pulled and plugged in again twenty times under the running recorder: one process.

    In silence: a tone keeps its encoder, and with it the recorder, busier here than the camera is away.
    """
    three.machine.run("systemctl", "stop", "tone")
    wait_for("the camera", lambda: three.comes("video"), SLOW_S)
    pid = three.pid("spreekkamer-recorder")
    for _ in range(TIMES):
        three.machine.shell(UNPLUG)
        wait_for("lost", lambda: not three.comes("video"), SLOW_S)
        three.machine.shell(f"modprobe {VIVID}; udevadm settle")
        wait_for("back", lambda: three.comes("video"), SLOW_S)
    three.machine.run("systemd-run", "--quiet", "--unit=tone", "sh", "-c", PLAYS)
    assert three.pid("spreekkamer-recorder") == pid


@pytest.mark.case("machine 1")
@pytest.mark.case("machine 4")
def test_all_three_run_on_the_kernels_devices_and_record_an_alarm(three: Three) -> None:
    """A1, R3: the shipped units on gpio-sim, V4L2 and ALSA: ready, both devices deliver, a press is an alarm with a
    recording behind a lit lamp; the recorder is the same process at the end.
    """
    wait_for("both devices", lambda: three.comes("audio") and three.comes("video"), SLOW_S)
    pid = three.pid("spreekkamer-recorder")
    three.machine.shell(f"{_writes(DOWN)}; sleep 0.1; {_writes(UP)}")
    three.machine.wait("the alarm", f"""grep -q '"kind":"raised"' {HEARD}""", SLOW_S)
    three.machine.wait("the lamp", f"grep -q 1 {LINE}{RECORDING}/value", SLOW_S)
    store = "/var/lib/spreekkamer/store/recordings"
    for track in ("audio", "video"):
        three.machine.wait(f"segments of {track}", f"ls {store}/*/{track}/000004.ts.age", SLOW_S)
    three.machine.run(f"{HOME}/venv/bin/spreekkamer", "alarm", "reset")
    three.machine.wait("the end", f"ls {store}/*/end.json", SLOW_S)
    assert three.pid("spreekkamer-recorder") == pid
    for unit in UNITS:
        log = three.machine.run("journalctl", "-u", unit, "-o", "cat", "--no-pager")
        assert "Traceback" not in log, log[-3000:]
