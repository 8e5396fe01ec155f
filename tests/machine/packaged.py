# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A unit whose package changes: in a container of its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.machine import editions
from tests.machine.container import Container
from tests.machine.house import COMMAND, UNITS, House
from tests.waiting import wait_for

RECORDINGS = "/var/lib/spreekkamer/store/recordings"


class Unit(House):
    """A furnished unit of its own, whose package changes."""

    def __init__(self, machine: Container) -> None:
        super().__init__(machine)
        self.suite = machine.suite

    def package(self, upstream: str, change: editions.Change | None = None) -> Path:
        """A package of another version."""
        return editions.build(self.machine.directory, editions.edition(self.suite, upstream), change)

    def install(self, package: Path, *, check: bool = True) -> str:
        """What dpkg said. The judgement of the version before is over."""
        self.judged()
        return self.machine.dpkg("--install", package, check=check)

    def version(self) -> str:
        """The version that works, by its own word."""
        found: dict[str, str] = json.loads(self.machine.run(COMMAND, "version", "--json"))
        return found["spreekkamer"]

    def pids(self) -> dict[str, str]:
        """Which processes run."""
        return {name: self.machine.unit(f"{name}.service")["MainPID"] for name in UNITS}

    def ready(self) -> None:
        """All three run, both devices deliver, and the room is at rest: a judgement compares with what is so now."""
        self.start()
        self.machine.wait("rest", f"{COMMAND} idle", 300)

    def record(self) -> str:
        """Begins a recording and returns its id."""
        self.press("record")
        wait_for("the recording", lambda: self.status().get("recording_id"), 60)
        return str(self.status()["recording_id"])

    def end_recording(self, name: str) -> None:
        """Ends it, and waits until it is signed."""
        self.press("record")
        self.machine.wait("its end", f"test -e {RECORDINGS}/{name}/SHA256SUMS.sig", 120)

    def raises(self) -> None:
        """A press is an alarm at the broker; it is reset, and its recording ends."""
        before = self.heard().count('"kind":"raised"')
        self.press("alarm")
        wait_for("the alarm at the broker", lambda: self.heard().count('"kind":"raised"') > before, 60)
        self.machine.run(COMMAND, "alarm", "reset")
        self.machine.wait("rest", f"{COMMAND} idle", 300)
