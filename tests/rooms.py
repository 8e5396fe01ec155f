# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Helpers for tests of a whole unit: a room of real processes, waiting for facts, and opening with ordinary tools."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.alarm.mqtt import Received, Word
from daemon.config import load
from daemon.errors import LinkError, UnitError
from daemon.link import Conversation, ask
from daemon.times import zone
from simulators import bench_link
from simulators.places import bench_path, faults_path
from simulators.room import SimulatedRoom
from tests import lanes
from tests.contract.wire import Witness
from tests.waiting import PATIENCE_S, wait_for

__all__ = ["Unit", "running", "wait_for"]

BUSY = ("frames are missing", "the microphone's buffer overflowed", "samples are missing")
"""How a gap's reason begins where the machine had no time for a device: no fault of the unit, which says so."""
SHIPPED = Path(__file__).parent.parent / "config" / "unit.toml"


class WitnessedRoom(SimulatedRoom):
    """A room whose witness at the broker holds every message against the contract."""

    def __init__(self, state: Path, **options: Any) -> None:
        self.wire = Witness()
        self.archive: list[bytes] = []
        """Messages on `archive/event`, as they came: what a broker's log would have."""
        self.said: list[tuple[str, bytes]] = []
        """Every message of the unit, with its topic."""
        super().__init__(state, **{"python": lanes.room()} | options)

    def _heard(self, word: Word) -> None:
        self.wire.hear(word)
        if isinstance(word, Received):
            self.said.append((word.topic, word.payload))
        if isinstance(word, Received) and word.topic.endswith("/archive/event"):
            self.archive.append(word.payload)
        super()._heard(word)


class Unit:
    """A running room, and what a test asks of it."""

    def __init__(self, room: WitnessedRoom, timeline: io.StringIO) -> None:
        self.room, self.paths, self.timeline, self.wire = room, room.paths, timeline, room.wire

    def press(self, button: str, hold_s: float = 0.15) -> None:
        """Presses and lets go; the next press is a finger's while away, or it would be the bounce of this one."""
        reply = bench_link.ask(bench_path(self.paths), bench_link.Press(button, hold_s))
        assert reply.ok, reply.text
        time.sleep(0.06)

    def conversation(self) -> Path:
        """A recording that staff begin and end; on return it is closed."""
        self.press("record")
        path = self.started()
        self.press("record")
        self.ended(path)
        self.phase("ready")
        return path

    def lamps(self) -> dict[str, bool]:
        """Which lamps are lit, at their pins."""
        return bench_link.ask(bench_path(self.paths), bench_link.Lamps()).lamps

    def day(self, days: int) -> str:
        """The date so many days from now, in the policies' zone by the room's clock."""
        at = zone(load(self.paths.etc).policies[0].policy.zone)
        now = datetime.datetime.fromtimestamp(self.room.clock.read().wall_ns / 1e9, tz=at)
        return str(now.date() + datetime.timedelta(days=days))

    def fault(self, name: str, *, on: bool) -> None:
        """Pulls a plug, or puts it in."""
        path = faults_path(self.paths) / name
        if on:
            path.touch()
        else:
            path.unlink(missing_ok=True)

    def health(self) -> dict[str, Any]:
        """What `spreekkamer status --json` shows; empty while the alarm process is away, not if it is slow."""
        try:
            with Conversation(self.paths.operator_socket, PATIENCE_S) as alarm:
                found: dict[str, Any] = alarm.ask("status")
        except LinkError:
            return {}
        return found

    def keeper(self) -> dict[str, Any]:
        """What the keeper says of itself."""
        found: dict[str, Any] = ask(self.paths.keeper_socket, "state")
        return found

    def recordings(self) -> list[dict[str, Any]]:
        """As `spreekkamer recordings list --json`."""
        found: list[dict[str, Any]] = ask(self.paths.keeper_socket, "recordings")
        return found

    def pid(self, name: str) -> int:
        """Of a process of the unit."""
        process = self.room.children[name].process
        assert process is not None
        return process.pid

    def kill(self, name: str) -> None:
        """SIGKILL; the room starts it again, as systemd does."""
        os.kill(self.pid(name), signal.SIGKILL)

    def stop(self, name: str) -> None:
        """SIGSTOP: the process is there and does nothing, as on a machine that hangs."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """It goes on."""
        os.kill(self.pid(name), signal.SIGCONT)

    def ready(self, ring_s: float = 2.0) -> None:
        """Waits until nothing is wrong and the ring of every track holds so many seconds."""

        def fact() -> bool:
            health = self.health()
            rings = (health.get("recorder") or {}).get("ring_s") or {}
            # A recorder that has only just come has said nothing of its devices: a press then begins nothing.
            has_rings = bool(rings) or health.get("phase") == "privacy" or not self._records(health)
            full = has_rings and all(s >= ring_s for s in rings.values())
            # How full the disk of the machine is that runs the tests is no fault of the unit.
            return bool(health) and not health["faults"].keys() - {"disk"} and full

        wait_for(f"a ready room with {ring_s} s in the ring", fact, within_s=ring_s + 30)

    def _records(self, health: dict[str, Any]) -> bool:
        """Whether the policy in force records anything."""
        policies = [one.policy for one in load(self.paths.etc).policies]
        return any(policy.tracks() for policy in policies if policy.name == health.get("policy"))

    def phase(self, phase: str, within_s: float = 20.0) -> None:
        """Waits until the room is there."""
        wait_for(f"the room is {phase}", lambda: self.health().get("phase") == phase, within_s)

    def started(self) -> Path:
        """Waits for a recording that is open, and returns its directory."""
        path = self.paths.recordings / str(wait_for("a recording", lambda: self.health().get("recording_id")))
        wait_for("its chain", (path / "chain.jsonl").exists)
        return path

    def ended(self, path: Path, within_s: float = 20.0) -> dict[str, Any]:
        """Waits until a recording is closed, and returns its end.json."""
        wait_for(f"the end of {path.name}", (path / "SHA256SUMS.sig").exists, within_s)
        found: dict[str, Any] = json.loads((path / "end.json").read_text())
        return found


def small_picture(text: str) -> str:
    """Settings of a unit with a small picture: most of a room's processor time goes into it, few tests look at it."""
    for key, value in (("width", 320), ("height", 240), ("fps", 10), ("bitrate_bps", 200_000)):
        text = re.sub(rf"^#? ?{key} = \S+", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
    return text


@contextlib.contextmanager
def running(state: Path, **options: Any) -> Iterator[Unit]:
    """A room in a directory, stopped at the end whatever happens; the shipped unit with a small picture, or `unit`.

    A message on the wire that the contract does not know fails the test, after the room has stopped.
    """
    if "unit" not in options and not (state / "etc" / "unit.toml").exists():
        options["unit"] = state.with_name(f"{state.name}-unit.toml")
        options["unit"].write_text(small_picture(SHIPPED.read_text()))
    timeline = io.StringIO()
    room = WitnessedRoom(state, out=timeline, **options)
    try:
        room.start()
    except UnitError:
        print(timeline.getvalue()[-20_000:])  # noqa: T201 - pytest shows it with the failure
        raise
    try:
        yield Unit(room, timeline)
    except BaseException:
        print(timeline.getvalue()[-6000:])  # noqa: T201 - pytest shows it with the failure
        raise
    finally:
        room.stop()
    room.wire.check()
    unmarked = [str(path) for path in room.paths.recordings.glob("*/begin.json") if not says_simulated(path)]
    assert not unmarked, f"recordings of a simulated room that do not say so (H3): {unmarked}"


def says_simulated(begin: Path) -> bool:
    """Whether a begin.json says that it is no evidence; one that a test has damaged on purpose says nothing else."""
    try:
        return json.loads(begin.read_bytes())["simulated"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return True


def policy_with(name: str, state: Path, **timing: int) -> str:
    """A shipped policy with other seconds, as a file; returns its path."""
    text = (Path(__file__).parent.parent / "config" / "policies" / f"{name}.toml").read_text()
    head, _, tail = text.partition("[timing]")
    kept = [line for line in tail.splitlines()[1:] if line.split("=")[0].strip() not in timing]
    lines = ["[timing]", *(f"{key} = {value}" for key, value in timing.items()), *kept]
    path = state.with_name(f"{state.name}-policy.toml")
    path.write_text(head + "\n" + "\n".join(lines) + "\n")
    return str(path)


def chain_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a recording's chain; one that a full disk cut off is none."""
    found = []
    for line in (path / "chain.jsonl").read_text().splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def of_track(path: Path, kind: str, track: str) -> list[dict[str, Any]]:
    """The lines of a kind (`segment`, `gap`) that a track has in a chain."""
    return [line for line in chain_of(path) if line["kind"] == kind and line["track"] == track]


def alarm_goes_out(unit: Unit) -> dict[str, Any]:
    """Presses, and returns the event that the broker has, while whatever is wrong lasts."""
    count = len(unit.room.heard)
    unit.press("alarm")
    event = wait_for("the alarm at the broker", lambda: unit.room.heard[count:])[0]
    assert event["data"]["kind"] == "raised"
    return dict(event["data"])


def open_track(state: Path, path: Path, track: str, holders: tuple[str, ...], to: Path) -> Path:
    """Opens a track with nothing but `age` and `cat`, as a custodian could, and returns one playable file."""
    to.mkdir(parents=True, exist_ok=True)
    for envelope in sorted(path.glob(f"{track}.*.key.age")):
        layers = " | ".join(f"age -d -i '{state}/holders/{holder}.key'" for holder in holders)
        _shell(f"cat '{envelope}' | {layers} > '{to}/{envelope.stem}'")
    script = "set -e; "
    for line in chain_of(path):
        if line["kind"] == "segment" and line["track"] == track:
            script += f"age -d -i '{to}/{line['key']}.key' '{path}/{line['file']}' > '{to}/{line['n']:06d}.ts'; "
    _shell(script + f"cat '{to}'/*.ts > '{to}/{track}.mts'")
    return to / f"{track}.mts"


def verify(state: Path, path: Path, *, missing_allowed: bool = False) -> None:
    """Checks a closed recording with sha256sum and ssh-keygen alone, and the chain's hashes with Python's own."""
    ignore = "--ignore-missing" if missing_allowed else ""
    _shell(f"cd '{path}' && sha256sum --quiet --strict {ignore} -c SHA256SUMS")
    for name in ("begin.json", "SHA256SUMS"):
        _shell(
            f"ssh-keygen -Y verify -f '{state}/etc/allowed_signers' -I simulated-unit -n spreekkamer "
            f"-s '{path}/{name}.sig' < '{path}/{name}'"
        )
    head, is_torn = _sha256((path / "begin.json").read_bytes()), False
    for n, raw in enumerate((path / "chain.jsonl").read_bytes().splitlines(keepends=True)):
        try:
            line = json.loads(raw)
        except ValueError:
            assert not is_torn, "of two torn lines in a row nobody knows the content"
            is_torn = True
        else:
            assert (line["n"], line["prev"]) == (n, head), f"the chain breaks at line {n}"
            assert not is_torn or line["what"] == "torn", f"line {n - 1} is torn, and no line says so"
            is_torn = False
        head = _sha256(raw)
    assert not is_torn, "the last line is torn, and no line says so"
    assert json.loads((path / "end.json").read_text())["head"] == head


def _sha256(data: bytes) -> str:
    done = subprocess.run(["sha256sum"], input=data, capture_output=True, check=True)
    return done.stdout.decode().split()[0]


def _shell(script: str) -> None:
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {script}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{script[:300]}\n{done.stderr[-800:]}"
