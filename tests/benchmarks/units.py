# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Units for benchmarks: real processes on a state directory, with the picture and the seconds that a line asks for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from daemon.errors import LinkError
from daemon.link import ask
from daemon.paths import Paths
from simulators.room import no_network
from simulators.state import prepare
from tests.benchmarks.alarm_root import STAMPS, Stamp
from tests.benchmarks.processes import Child, wait_for
from tests.brokers import Mosquitto
from tests.rooms import policy_with

UNIT_TOML = """
organisation = "voorbeeldstad"
site = "stadhuis"
room = "{room}"

[buttons.alarm]
pin = 5

[buttons.record]
pin = 6

[lamps]
status = 17
recording = {recording_pin}

[broker]
host = "127.0.0.1"

[camera]
width = {width}
height = {height}
bitrate_bps = {bitrate_bps}
"""
RECORDING_PIN = 27


class Picture(msgspec.Struct, frozen=True):
    """What the camera is asked for; 25 pictures a second always."""

    bitrate_bps: int = 4_000_000
    width: int = 1920
    height: int = 1080
    replay: bool = False
    """One second encoded once and delivered for ever."""


class BenchUnit:
    """A running unit."""

    def __init__(self, paths: Paths, processes: dict[str, Child]) -> None:
        self.paths, self.processes = paths, processes

    def press(self, button: str, hold_s: float = 0.08) -> None:
        """Returns at once."""
        self.processes["alarm"].tell(f"{button} {hold_s}")

    def stamps(self) -> list[Stamp]:
        """All presses so far that are over."""
        path = self.paths.run / STAMPS
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [msgspec.json.decode(line, type=Stamp) for line in lines]

    def reset(self) -> None:
        """The alarm is over."""
        ask(self.paths.operator_socket, "reset")

    def health(self) -> dict[str, Any]:
        """As `spreekkamer status --json`."""
        found: dict[str, Any] = ask(self.paths.operator_socket, "status")
        return found

    def ring(self) -> dict[str, Any]:
        """What the recorder says of its ring; empty while it is not there."""
        try:
            recorder: dict[str, Any] = self.health()["recorder"] or {}
        except LinkError:
            return {}
        return recorder

    def full(self, seconds: float) -> int:
        """Waits until the ring of every track holds so much; returns the ring's bytes."""

        def filled() -> int:
            ring = self.ring()
            held = ring.get("ring_s") or {}
            return int(ring["ring_bytes"]) if held and min(held.values()) >= seconds else 0

        return wait_for(f"a ring of {seconds} s", filled, seconds + 60)


@contextlib.contextmanager
def broker(home: Path) -> Iterator[Mosquitto]:
    """A real one."""
    found = Mosquitto(home / "broker")
    found.start()
    try:
        yield found
    finally:
        found.kill()


def prepared(home: Path, at: Mosquitto, picture: Picture | None = None, name: str = "unit", **timing: int) -> Paths:
    """The state directory of a unit; `timing` goes into its policy."""
    picture = picture or Picture()
    state, toml = home / name, home / f"{name}.toml"
    toml.write_text(
        UNIT_TOML.format(
            room=name, recording_pin=RECORDING_PIN, width=picture.width, height=picture.height,
            bitrate_bps=picture.bitrate_bps,
        )
    )  # fmt: skip
    return prepare(state, policy_with("heusden-2020", state, **timing), toml, ("127.0.0.1", at.port))


def started(paths: Paths, name: str, picture: Picture | None = None) -> Child:
    """One process of a unit; its log says when it is ready."""
    roots = {"alarm": "tests.benchmarks.alarm_root", "recorder": "tests.benchmarks.recorder_root"}
    return Child(
        roots.get(name, f"daemon.{name}"), "--state", str(paths.run.parent),
        before=no_network() if name == "recorder" else (),
        SPREEKKAMER_BENCH_CAMERA="replay" if picture is not None and picture.replay else "card",
    )  # fmt: skip


@contextlib.contextmanager
def running(paths: Paths, *names: str, picture: Picture | None = None) -> Iterator[BenchUnit]:
    """The alarm process, and of `recorder` and `keeper` those that are named."""
    processes: dict[str, Child] = {}
    try:
        for name in ("alarm", *names):
            processes[name] = started(paths, name, picture)
            processes[name].event("ready")
        time.sleep(0.5)  # the log's thread is still importing its library, and the connections are being made
        yield BenchUnit(paths, processes)
    finally:
        for child in reversed(processes.values()):
            child.stop()
