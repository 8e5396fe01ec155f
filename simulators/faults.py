# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Every fault that a simulated room can have: one list, for the command, the page, the scenarios and the tests.

A fault is a physical story: a pulled plug, a cut wire, a killed process. While it is active there is a file for it
below `run/faults`, or a pin of the bench; a fault that cannot be staged on this machine says why.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from daemon.config import load
from daemon.errors import SettingsError, UnitError
from daemon.paths import Paths
from simulators import bench_link, board
from simulators.occupied import check_runs
from simulators.places import bench_path, faults_path, impossible_path

Part = Literal["buttons", "lamps", "camera", "microphone", "board", "disk", "broker", "desk", "processes"]
PROCESSES = ("alarm", "recorder", "keeper")
PLUGS: dict[str, Part] = {
    "camera.gone": "camera", "camera.frozen": "camera", "camera.silent": "camera", "camera.dark": "camera",
    "camera.blurred": "camera", "camera.hangs": "camera",
    "microphone.gone": "microphone", "microphone.silent": "microphone", "microphone.muted": "microphone",
    "microphone.overflow": "microphone", "microphone.fast": "microphone", "microphone.slow": "microphone",
    "disk.full": "disk", "disk.readonly": "disk", "disk.slow": "disk",
    "broker.unplugged": "broker", "link.black_hole": "broker", "link.slow": "broker", "console.gone": "desk",
    "alarm-process.down": "processes", "recorder-process.down": "processes", "keeper-process.down": "processes",
    "alarm-process.stopped": "processes", "recorder-process.stopped": "processes",
    "keeper-process.stopped": "processes",
}  # fmt: skip
"""Faults that last as long as a file of their name exists; the device, or the room, looks for it."""
OF_A_BUTTON = ("stuck", "cut", "shorted", "chatter")
OF_A_LAMP = "broken"
WHY_NOT = {
    "broker_elsewhere": "this room's broker is another program's, and its plug is there",
    "no_desk": "this room was started without a desk",
    "real_microphone": "this room hears by a microphone of this machine",
    "no_camera": "the policy in force opens no camera",
    "no_microphone": "the policy in force opens no microphone",
}
"""What a room may be unable to stage, and why; a room writes the applicable keys below its runtime directory."""


class Fault(NamedTuple):
    """One fault of a room."""

    name: str
    part: Part
    on: bool
    why_not: str = ""
    """Why it cannot be staged here, a key of WHY_NOT; empty: it can."""


class Staged:
    """The faults of one room. Any thread, any process."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def all(self) -> list[Fault]:
        """Every fault, and whether it is active. If the bench does not answer, none of its faults can be staged."""
        plugs = [Fault(name, part, (faults_path(self._paths) / name).exists()) for name, part in PLUGS.items()]
        boards = [Fault(name, "board", board.is_on(self._paths, name)) for name in board.FAULTS]
        why = self._impossible()
        return [fault._replace(why_not=_why(why, fault.name)) for fault in (*self._wires(), *plugs, *boards)]

    def _impossible(self) -> dict[str, str]:
        """Why this room cannot stage something, by the fault, or by the thing that would have it."""
        found: dict[str, str] = {}
        try:
            policy = load(self._paths.etc).policy
            off = {"camera": not policy.video.record, "microphone": not policy.audio.record}
            found = {thing: f"no_{thing}" for thing, is_off in off.items() if is_off}
            found |= msgspec.json.decode(impossible_path(self._paths).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError, SettingsError):
            return found
        return found

    def names(self) -> list[str]:
        """Every name, for a person who has mistyped one."""
        return [fault.name for fault in self.all()]

    def switch(self, name: str, *, on: bool) -> str:
        """Make or mend one. Raises UnitError: no room is there, or no fault has this name."""
        check_runs(self._paths)
        if on and (why := _why(self._impossible(), name)):
            raise UnitError(f"{name} cannot be staged: {WHY_NOT.get(why, why)}")
        if name in PLUGS:
            plug = faults_path(self._paths) / name
            plug.touch() if on else plug.unlink(missing_ok=True)
        elif name in board.FAULTS:
            board.fault(self._paths, name, on=on)
        else:
            reply = bench_link.ask(bench_path(self._paths), bench_link.Fault(name, on))
            if not reply.ok:
                raise UnitError(reply.text)
            wire = faults_path(self._paths) / name  # to list active faults: the bench keeps no list
            wire.touch() if on else wire.unlink(missing_ok=True)
        return f"{name}: {'on' if on else 'off'}"

    def mend(self) -> str:
        """End every active fault, and list them."""
        on = [fault.name for fault in self.all() if fault.on]
        for name in on:
            self.switch(name, on=False)
        return f"mended: {', '.join(on)}" if on else "nothing was wrong"

    def _wires(self) -> list[Fault]:
        try:
            unit = load(self._paths.etc).unit
        except SettingsError:
            return []
        buttons = [name for name in unit.buttons.__struct_fields__ if getattr(unit.buttons, name) is not None]
        lamps = [name for name in unit.lamps.__struct_fields__ if getattr(unit.lamps, name) is not None]
        wires: list[tuple[str, Part]] = [(f"{b}.{kind}", "buttons") for b in buttons for kind in OF_A_BUTTON]
        wires += [(f"{lamp}.{OF_A_LAMP}", "lamps") for lamp in lamps]
        return [Fault(name, part, self._marked(name)) for name, part in wires]

    def _marked(self, name: str) -> bool:
        return Path(faults_path(self._paths) / name).exists()


def _why(impossible: dict[str, str], name: str) -> str:
    return impossible.get(name, impossible.get(name.partition(".")[0], ""))
