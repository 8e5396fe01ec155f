# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The faults of a room in the machine, each by what would cause it: a plug, a card, a kill, a cut wire, a bad link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.faults import OF_A_BUTTON, PLUGS
from simulators.link import Link
from simulators.robot.worlds import CannotStageError
from simulators.room import LINKS
from tests.vm.devices import VIVID
from tests.vm.fitted import CARD, STORE, Fitted

DOWN = "[Unit]\nConditionPathExists=/nowhere\n[Service]\nRestart=no\n"
"""A service that is masked: nothing starts it again, and nobody can."""
MEND_CARD = f"""
systemctl stop spreekkamer-recorder spreekkamer-keeper; sync
umount --lazy {STORE} {CARD}
cp --sparse=always {CARD}.img {CARD}.new && mv {CARD}.new {CARD}.img
e2fsck -p -f {CARD}.img || [ $? -le 1 ]
mount {CARD} && mount {STORE} && systemctl --no-block start spreekkamer-keeper spreekkamer-recorder
"""
"""As one does in the field, but for the restart. To another file: the alarm process has mounts of its own, in which the
card stays as it failed."""
FILL = f"""
fallocate -l $(($(df --output=avail -B1 {CARD} | tail -n 1) - 1000000)) {CARD}/ballast
for size in 65536 4096 512; do
    dd if=/dev/zero of={CARD}/ballast bs=$size oflag=append conv=notrunc status=none 2>/dev/null || true
done; sync
"""
SLOW_WRITES = 20
"""A second, of the whole machine's disk: a segment takes some seconds."""


class Plugs:
    """Those of one scenario. `wires` switches one of the header's, `desk` pulls the desk's plug or puts it in."""

    def __init__(self, fitted: Fitted, wires: Callable[[str, bool], Any], desk: Callable[[bool], None]) -> None:
        self._fitted, self._machine, self._wires, self._desk = fitted, fitted.machine, wires, desk
        self._on: set[str] = set()

    def mend(self) -> None:
        """Every fault ends; first what keeps the others from being mended."""
        for name in sorted(self._on, key=lambda one: one != "disk.readonly"):
            self.switch(name, on=False)

    def after_a_cut(self) -> None:
        """Of the machine's own faults none outlives its power; broker and desk have another."""
        self._on = {name for name in self._on if PLUGS.get(name) in {"broker", "desk"}}

    def switch(self, name: str, *, on: bool) -> None:
        """Makes or mends one. Raises CannotStageError for what nothing here can cause."""
        line, _, kind = name.rpartition(".")
        if name in LINKS:
            self._linked(name, on=on)
        elif name == "console.gone":
            self._desk(on)
        elif name == "camera.gone":
            self._plug_camera(out=on)
        elif name.startswith("disk."):
            self._card(kind, on=on)
        elif line.endswith("-process"):
            self._process(line.removesuffix("-process"), kind, on=on)
        elif kind in OF_A_BUTTON:
            self._wires(name, on)
        else:
            raise CannotStageError(f"{name}: {_why_not(name)}")
        (self._on.add if on else self._on.discard)(name)

    def _linked(self, name: str, *, on: bool) -> None:
        if name == "broker.unplugged" and on != (name in self._on):  # else a second one would start beside it
            self._fitted.broker.kill() if on else self._fitted.broker.start()
        wrong = (self._on | {name}) if on else (self._on - {name})
        self._fitted.link.becomes(next((link for fault, link in LINKS.items() if fault in wrong), Link.WHOLE))

    def _plug_camera(self, *, out: bool) -> None:
        """`vivid` goes as a USB camera does, and comes back as another one."""
        if out:
            self._machine.run("v4l2-ctl", "-d", "/dev/video0", "-c", "disconnect=1")
        else:
            self._machine.shell(f"until modprobe -r vivid; do sleep 0.1; done; modprobe {VIVID}; udevadm settle")

    def _card(self, kind: str, *, on: bool) -> None:
        if kind == "full":
            self._machine.shell(FILL if on else f"rm -f {CARD}/ballast; sync")
        elif kind == "readonly":
            self._machine.shell(f"mount -o remount,abort {CARD}" if on else MEND_CARD)  # as ext4 does at an error
        else:
            self._machine.throttle(SLOW_WRITES if on else 0)

    def _process(self, name: str, kind: str, *, on: bool) -> None:
        unit = f"spreekkamer-{name}"
        if kind == "stopped":
            self._machine.run("systemctl", "kill", f"--signal={'STOP' if on else 'CONT'}", "--kill-whom=main", unit)
            return
        drop_in = f"/run/systemd/system/{unit}.service.d/down.conf"
        if on:
            self._machine.put(drop_in, DOWN)
            self._machine.shell(f"systemctl daemon-reload; systemctl kill --signal=KILL {unit}")
        else:
            self._machine.shell(f"rm {drop_in}; systemctl daemon-reload; systemctl --no-block start {unit}")


def _why_not(name: str) -> str:
    """Why the machine has no means for a fault."""
    if name.endswith(".broken"):
        return "gpio-sim drives its outputs, and nothing can hold a lamp's line down"
    if name.startswith("board."):
        return "no board measures its supply, its heat or its card here"
    return "the kernel's own camera and sound card cannot be made to do it"
