# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a scenario needs from a room: hands, plugs, a clock, and what can be seen from outside.

A simulated room is one; a virtual machine (`tests/vm/world.py`) or a real room with a test rig is another. Every method
acts or looks at once; the steps do the waiting.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

import av

from daemon.alarm.mqtt import Received, Word
from daemon.auditfiles import AuditFiles
from daemon.errors import LinkError, UnitError
from daemon.link import ask
from daemon.model.panel import PATTERNS
from simulators import bench_link
from simulators.console_store import read
from simulators.panel import acts
from simulators.panel.world import RoomWorld
from simulators.places import bench_path, console_path
from simulators.recorded import Recording, is_marked, recordings
from simulators.room import CONSOLE, SimulatedRoom

IN = (["ack"], ["here"], ["reset"])
"""Messages of receivers: `alarm/ack`, `alarm/here`, `command/reset`."""
FITTED = Path(__file__).parent.parent / "room.toml"
SMALL_CAMERA = "\n[camera]\nwidth = 320\nheight = 240\nfps = 10\n"
"""Several rooms in parallel share a processor: the size of the picture does not matter here."""


class CannotStageError(UnitError):
    """This kind of room cannot do what a scenario asks; the scenario is skipped, with the reason."""


class World(Protocol):
    """One room under one policy; made with the policy's name."""

    patience: float
    """How much longer a fact may take here than in a simulated room."""
    simulated: bool
    """Whether the room's messages and files have to be marked as simulated (promise H3)."""

    def do(self, act: Any) -> None:
        """One act of `panel.acts`. Raises UnitError or ValueError with a sentence; CannotStageError is one."""

    def health(self) -> dict[str, Any]:
        """The unit's health; empty while it does not answer."""

    def sign(self) -> str:
        """What the status lamp shows, in the unit's own Dutch words; empty: unknown."""

    def is_down(self, button: str) -> bool:
        """Whether the unit takes a button or contact for pressed: it has counted the press or release, not its edge."""

    def lamp(self, name: str) -> bool:
        """Whether a lamp is lit."""

    def stored(self) -> list[dict[str, Any]]:
        """The alarm events that the desk has stored, the first first."""

    def recordings(self) -> list[Recording]:
        """The newest first."""

    def log(self) -> list[dict[str, Any]]:
        """The keeper's audit log."""

    def opens(self, recording: Recording, holders: tuple[str, ...]) -> dict[str, float]:
        """Open it with these holders' keys; return the seconds per track of the film. Raises UnitError: the reason."""

    def command(self, words: list[str]) -> None:
        """Run a command of `spreekkamer` at this room's unit. Raises UnitError with its output if it fails."""

    def directory(self) -> Path:
        """An empty directory, as a medium."""

    def told(self) -> str:
        """The room's last output, to find the cause when something did not come."""

    def end(self) -> None:
        """Take the room down. Raises AssertionError if something in it could have been taken for real."""


class SimulatedWorld:
    """A simulated room in a directory of its own: the three real processes on simulated pins, lens and microphone."""

    patience = 1.0
    simulated = True

    def __init__(self, policy: str) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="scenario-")
        self._timeline = io.StringIO()
        unit = Path(self._directory.name) / "unit.toml"
        unit.write_text(FITTED.read_text() + SMALL_CAMERA)
        self._room = SimulatedRoom(Path(self._directory.name) / "room", policy=policy, unit=unit, out=self._timeline)
        self._unmarked: list[str] = []
        self._room.listeners.append(self._heard)
        self._world = RoomWorld(self._room)
        self._room.start()
        self._world.start()

    def do(self, act: Any) -> None:
        """One act."""
        acts.do(self._world, act)

    def health(self) -> dict[str, Any]:
        """As `spreekkamer status --json`."""
        try:
            found: dict[str, Any] = ask(self._world.paths.operator_socket, "status")
        except LinkError:
            return {}
        return found

    def sign(self) -> str:
        """By the alarm process's own log."""
        pattern = PATTERNS.get(self._room.signs.get("status", ""))
        return pattern.means if pattern is not None else ""

    def is_down(self, button: str) -> bool:
        """As the check asks."""
        return bool(ask(self._world.paths.operator_socket, "touched")[button]["down"])

    def lamp(self, name: str) -> bool:
        """At its pin."""
        return bench_link.ask(bench_path(self._world.paths), bench_link.Lamps()).lamps.get(name, False)

    def stored(self) -> list[dict[str, Any]]:
        """From the desk's own file."""
        return [json.loads(row.body) for row in read(console_path(self._world.paths, CONSOLE))]

    def recordings(self) -> list[Recording]:
        """From the store's files."""
        return recordings(self._world.paths.recordings)

    def log(self) -> list[dict[str, Any]]:
        """From its files."""
        try:
            with AuditFiles(self._world.paths.audit_log).open() as log:
                lines = log.read().splitlines()
        except OSError:
            return []
        return [json.loads(line) for line in lines if line.endswith(b"}")]

    def opens(self, recording: Recording, holders: tuple[str, ...]) -> dict[str, float]:
        """On this computer."""
        return opened(recording.path, self._world.paths.run.parent / "holders", holders)

    def command(self, words: list[str]) -> None:
        """In a separate process, as from a shell; its answer comes sooner than anybody types."""
        command = [sys.executable, "-m", "daemon", *words]
        where = [] if words[:1] == ["evidence"] and words[1:2] != ["export"] else [
            "--state", str(self._world.paths.run.parent)
        ]  # fmt: skip
        done = subprocess.run([*command, *where], capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnitError(f"spreekkamer {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")

    def directory(self) -> Path:
        """Beside the room's own."""
        return Path(tempfile.mkdtemp(prefix="medium-", dir=self._directory.name))

    def end(self) -> None:
        """Stop everything, check once more what was sent and written, and delete the directory."""
        self._world.stop()
        self._room.stop()
        unmarked = [*self._unmarked, *(p.name for p in self._world.paths.recordings.glob("*") if not is_marked(p))]
        self._directory.cleanup()
        if unmarked:
            raise AssertionError(f"not marked as simulated: {', '.join(unmarked[:5])}")

    def _heard(self, word: Word) -> None:
        """A message of the unit, as received by the witness."""
        if not isinstance(word, Received) or "/console/" in word.topic or word.topic.split("/")[6:7] in IN:
            return
        body = json.loads(word.payload)
        if body.get("data", body).get("simulated") is not True:
            self._unmarked.append(word.topic)

    def told(self) -> str:
        """The last lines of the room's timeline."""
        return self._timeline.getvalue()[-4000:]


def opened(bundle: Path, keys: Path, holders: tuple[str, ...]) -> dict[str, float]:
    """Open a recording by `spreekkamer evidence open`, in a separate process, as on a custodian's computer.

    Returns the seconds per track of the film. `keys`: the directory of the demonstration keys. Raises UnitError.
    """
    identities = [word for name in holders for word in ("--identity", str(_key(keys, name)))]
    with tempfile.TemporaryDirectory(prefix="film-") as home:
        film = Path(home) / "film.mp4"
        command = [sys.executable, "-m", "daemon", "evidence", "open", str(bundle), *identities, "--out", str(film)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:  # a film of what could be opened may be there all the same
            raise UnitError(done.stderr.strip() or done.stdout.strip())
        with av.open(film) as container:
            return {
                stream.type: float((stream.duration or 0) * (stream.time_base or 0)) for stream in container.streams
            }


def _key(keys: Path, name: str) -> Path:
    path = keys / f"{name}.key"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in keys.glob("*.key")))
        raise UnitError(f"no demonstration key {name}; expected one of {known}")
    return path
