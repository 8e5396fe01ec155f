# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A whole unit in the container: settings, keys, a broker, a sound server, a camera; the shipped units.

What differs from the field stands in DROP_INS, and nowhere else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.driven import HOME, PYTHON, SOURCES
from tests.machine.container import Container
from tests.rooms import policy_with
from tests.v4l2 import shim
from tests.waiting import wait_for

UNITS = ("spreekkamer-alarm", "spreekkamer-keeper", "spreekkamer-recorder")
COMMAND = f"{HOME}/venv/bin/spreekkamer"
UNIT = f"""
organisation = "voorbeeldstad"
site = "stadhuis"
room = "spreekkamer-1"
[buttons.alarm]
pin = 5
[buttons.record]
pin = 6
[lamps]
status = 17
recording = 27
[broker]
host = "127.0.0.1"
[alarm]
receiver = "listens"
[camera]
kind = "usb"
device = "{shim.DEVICE}"
width = 320
height = 240
fps = 10
bitrate_bps = 200000
dark_below_pct = 0.0
blurred_below_pct = 0.0
[microphone]
device = "pulse"
[recorder]
free_bytes_min = 100000000
"""
BROKER = "listener 1883 127.0.0.1\nallow_anonymous true\nuser root\n"
SOUND = "load-module module-native-protocol-unix auth-anonymous=1 socket=/srv/sound/native\n"
MICROPHONE = "pactl -s unix:/srv/sound/native"
DROP_INS = {
    # No header: gpiozero's mock pins.
    "spreekkamer-alarm": f"""Environment=PYTHONPATH={SOURCES}
ExecStart=
ExecStart={PYTHON} -m tests.machine.alarm_root""",
    # No V4L2 and no sound card: a preloaded camera, a sound server. A Pi has nothing else to do: beside four containers
    # in which packages are unpacked, a recorder with its own turn misses so much that it rightly calls nothing usable.
    "spreekkamer-recorder": "Environment={camera}\nEnvironment=PULSE_SERVER=unix:/srv/sound/native\nNice=-5",
}
HEARD = "/srv/heard"
QUICK = "[Service]\nEnvironment=WITHIN_S=25 CALM_S=5\nRestartSec=1\n"
"""A judge that takes half a minute in place of ten, and a tenth of one where all is well."""
READY_S = 120.0
"""Three starts and the first frames: some seconds on a machine at rest."""


class House:
    """The unit in a container, and what a test does to it."""

    def __init__(self, machine: Container) -> None:
        self.machine = machine

    def furnish(self, directory: Path) -> None:
        """Puts everything there that the three services need; starts broker and sound, none of the three."""
        state = directory / "state"
        self.machine.settle(state, UNIT, policy_with("heusden-2020", state, pre_event_s=5, post_event_s=3))
        self.surround(directory)

    def surround(self, directory: Path) -> None:
        """What a container has in place of a header, a camera, a sound card; and a broker."""
        machine = self.machine
        library = shim.build(directory)
        machine.put("/srv/camera/camera.so", library.read_bytes(), 0o755)
        variables = shim.environment(library, "YUYV", fps=10)
        machine.put("/srv/camera/picture.jpg", Path(variables["V4L2_JPEG"]).read_bytes())
        camera = " ".join(f"{key}={value}" for key, value in variables.items()).replace(str(directory), "/srv/camera")
        for unit, text in DROP_INS.items():
            lines = text.replace("{camera}", camera)
            machine.put(f"/etc/systemd/system/{unit}.service.d/container.conf", f"[Service]\n{lines}\n")
        machine.put("/etc/broker.conf", BROKER)
        machine.put("/srv/sound/room.pa", SOUND)
        machine.run("systemctl", "daemon-reload")
        self.serve()

    def serve(self) -> None:
        """Starts broker, listener and sound: once, and again after each boot."""
        machine = self.machine
        self._serve("broker", "mosquitto -c /etc/broker.conf")
        machine.wait("the broker", "mosquitto_pub -t try -m try")
        self._serve("listener", f"mosquitto_sub -q 1 -t 'spreekkamer/v1/#' -F '%t %p' >> {HEARD}")
        self._serve(
            "sound",
            "cd /srv/sound && exec pulseaudio --daemonize=no -n -F room.pa --exit-idle-time=-1 --use-pid-file=no"
            " --disable-shm=yes",
        )  # fmt: skip
        machine.wait("the sound server", f"{MICROPHONE} info")
        self.plug(on=True)

    def plug(self, *, on: bool) -> None:
        """Camera and microphone come, or go."""
        if on:
            self.machine.shell(
                f"rm -f /srv/camera/unplugged; {MICROPHONE} load-module module-null-sink sink_name=room rate=48000"
                f" && {MICROPHONE} set-default-source room.monitor"
                f" && {MICROPHONE} load-module module-sine sink=room frequency=200"  # silence would be a fault
            )
        else:
            self.machine.shell(f"touch /srv/camera/unplugged; {MICROPHONE} unload-module module-null-sink")

    def start(self) -> None:
        """The target, and all three are ready."""
        try:
            self.machine.run("systemctl", "start", "spreekkamer.target", *UNITS)
            for unit in UNITS:
                self.machine.wait(unit, f"systemctl is-active {unit}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._told()}") from error
        self.delivers()

    def delivers(self) -> None:
        """Waits until both devices do."""
        try:
            wait_for("both devices", lambda: self.devices() == {"audio": "ok", "video": "ok"}, READY_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._told()}") from error

    def _told(self) -> str:
        """What the unit says of itself, and the last that its processes did."""
        return f"{self.status()}\n{self.log('spreekkamer-*')[-8000:]}"

    def press(self, button: str) -> None:
        """Presses a button and lets go."""
        self._python("-m", "tests.machine.bench", "press", button)

    def lamps(self) -> dict[str, bool]:
        """Which are lit, at their pins."""
        found: dict[str, bool] = json.loads(self._python("-m", "tests.machine.bench", "lamps"))
        return found

    def status(self) -> dict[str, Any]:
        """What the unit says of itself; empty while it says nothing."""
        try:
            found: dict[str, Any] = json.loads(self.machine.run(COMMAND, "status", "--json", check=False))
        except json.JSONDecodeError:
            return {}
        return found

    def devices(self) -> dict[str, str]:
        """What the recorder says of its devices."""
        recorder = self.status().get("recorder") or {}
        found: dict[str, str] = recorder.get("devices", {})
        return found

    def restarts(self, unit: str) -> int:
        """How often systemd has started it again."""
        return int(self.machine.unit(unit)["NRestarts"])

    def heard(self) -> str:
        """Everything that the unit said at the broker."""
        return self.machine.run("cat", HEARD)

    def log(self, unit: str) -> str:
        """Its lines."""
        return self.machine.run("journalctl", "-u", unit, "-o", "cat", "--no-pager")

    def judge_quickly(self, more: str = "") -> None:
        """QUICK, for both services of an upgrade. `more`: further lines."""
        for name in ("renew", "judge"):
            self.machine.put(f"/etc/systemd/system/spreekkamer-{name}.service.d/quick.conf", QUICK + more)
        self.machine.run("systemctl", "daemon-reload")

    def judged(self, *also: str, within_s: float = 300.0) -> None:
        """Waits until a version is at work and its judge has decided. `also`: commands that have to succeed then."""
        over = [f"! test -e {HOME}/{mark}" for mark in ("pending", "judging")]
        over += [f"! systemctl is-active spreekkamer-{name} | grep -q ^activ" for name in ("renew", "judge")]
        self.machine.wait("the judgement", " && ".join([*over, *also]), within_s)

    def wait(self, what: str, fact: Any, within_s: float = 60.0) -> None:
        """Waits for a fact."""
        wait_for(what, fact, within_s)

    def _serve(self, unit: str, script: str) -> None:
        self.machine.run("systemd-run", "--quiet", f"--unit={unit}", "sh", "-c", script)

    def _python(self, *arguments: str) -> str:
        return self.machine.run("env", f"PYTHONPATH={SOURCES}", PYTHON, *arguments)
