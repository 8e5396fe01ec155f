# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The machine as an installer leaves it, kept as a snapshot; and what stands beside it, with a power of its own.

One machine serves all scenarios of a process. Each begins with the snapshot: installed, settled, nothing of the unit
started yet. So each finds disk and memory as they were, and its services start as they do in the field.
"""

from __future__ import annotations

import atexit
import tempfile
from pathlib import Path

from daemon.config import load
from simulators.faults import PROCESSES
from simulators.link import Proxy
from simulators.robot.worlds import FITTED
from simulators.state import prepare
from tests.brokers import Mosquitto
from tests.driven import PYTHON, SOURCES
from tests.vm.devices import PLAYS, SETTINGS, UNITS, be_patient, make_tone
from tests.vm.machine import HOST, Machine

SETTLED = "settled"
"""The snapshot that every scenario begins with."""
PERSON = "beheerder"
CARD, STORE = "/srv/card", "/var/lib/spreekkamer/store"
"""A card of its own for the store, so that it can fill and fail under it alone."""
CARD_MB = 400
SERVICE = """[Unit]
After=ready.service
Before=spreekkamer-alarm.service
[Service]
Type={kind}
ExecStart={command}
Environment=PYTHONPATH={sources}
TimeoutStartSec=600
[Install]
WantedBy=multi-user.target
"""


class Fitted:
    """What all scenarios of a process share: the machine, the settings, and the link at which it finds its broker."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="vm-")
        home = Path(self._home.name)
        self.broker = Mosquitto(home / "broker")
        self.link = Proxy(self.broker.port)
        self.link.start()
        (home / "unit.toml").write_text(FITTED.read_text() + SETTINGS)
        self.paths = prepare(home / "state", "heusden-2020", home / "unit.toml", (HOST, self.link.port))
        self.keys = home / "state" / "holders"
        self.unit = load(self.paths.etc).unit
        self.machine = Machine(home / "machine", reaches_host=True)
        atexit.register(self.end)
        self.machine.load()
        self._furnish()

    def end(self) -> None:
        """Nothing is left."""
        self.machine.cut()
        self.link.stop()
        self._home.cleanup()

    def _furnish(self) -> None:
        """As an installer leaves a unit, all three services enabled and none running; then the snapshot."""
        machine = self.machine
        machine.shell(
            f"truncate -s {CARD_MB}M {CARD}.img && mke2fs -q -m 0 -t ext4 {CARD}.img && mkdir -p {CARD} {STORE}"
            f" && mount -o loop {CARD}.img {CARD} && mkdir {CARD}/store && umount {CARD}"
            f" && echo '{CARD}.img {CARD} ext4 loop,errors=remount-ro 0 0' >> /etc/fstab"
            f" && echo '{CARD}/store {STORE} none bind 0 0' >> /etc/fstab && mount -a"
        )
        machine.install()
        machine.settle_from(self.paths.etc)
        make_tone(machine)
        for name, kind, command in (
            ("hands", "notify", f"{PYTHON} -m tests.vm.hands"),
            ("tone", "simple", f'/bin/sh -c "{PLAYS}"'),
        ):
            text = SERVICE.format(kind=kind, command=command, sources=SOURCES)
            machine.put(f"/etc/systemd/system/{name}.service", text)
        groups = "spreekkamer-operators,spreekkamer-engineer,spreekkamer-custodian"
        machine.shell(f"useradd --create-home --groups {groups} {PERSON}")
        be_patient(machine)
        machine.run("systemctl", "--quiet", "enable", "hands", "tone", "spreekkamer.target", *UNITS)
        machine.run("systemctl", "start", "hands", "tone")
        modules = ", ".join(f"daemon.{name}.__main__" for name in PROCESSES)
        machine.run(PYTHON, "-c", f"import {modules}, daemon.__main__")  # read once, so that no scenario waits for it
        machine.run("sync")
        machine.save(SETTLED)
