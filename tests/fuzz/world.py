# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The house that is fuzzed: a real alarm process, a real broker and receiver, and a second broker that says anything.

Invariant: the process lives; after each batch a press is one alarm at the receiver, nothing else is, and it has cost
the process little processor time.
"""

from __future__ import annotations

import contextlib
import random
import socket
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from daemon.config import load
from daemon.errors import UnitError
from daemon.link import ask
from simulators.state import prepare
from tests.faults.house import PRESS_KINDS, House, house
from tests.faults.stranger import Stranger
from tests.fuzz.inputs import MOBILE, Input
from tests.rooms import wait_for

BATCH = 500
"""Inputs between two presses."""
LATE_S = 0.1
"""Processor time that the loop may take from a press to its alarm at the receiver: what it did before the press."""
OPEN_MAX = 50
"""Alarms open at once before they are reset: half of what a room holds."""
SECOND = """
[second_broker]
host = "127.0.0.1"
port = {port}
keepalive_s = 5
"""


class RawBroker:
    """Listens where a broker should be, grants connections, and says what it is given."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._socks: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                sock.settimeout(1)  # who comes and says nothing is let in all the same, and the next one is served
                sock.recv(4096)
                sock.sendall(b"\x20\x03\x00\x00\x00")
            for old in self._socks:
                old.close()
            self._socks = [sock]

    def say(self, data: bytes) -> None:
        """To whoever is connected now; nobody is the same as somebody who has just gone."""
        for sock in self._socks[-1:]:
            with contextlib.suppress(OSError):
                sock.sendall(data)

    def close(self) -> None:
        """Ends it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for sock in self._socks:
            sock.close()


class Failed(AssertionError):  # noqa: N818 - the word that is printed
    """The process died, a press was lost, one was raised by junk, or one came late."""


class World:
    """Made by `world`."""

    def __init__(self, it: House, stranger: Stranger, raw: RawBroker, settings: Path) -> None:
        self._it, self._stranger, self._raw, self._settings = it, stranger, raw, settings
        self._socks: dict[Path, socket.socket] = {}
        self.worst_s = 0.0
        """The most processor time that a press took."""

    def send(self, batch: Sequence[Input]) -> None:
        """Says all of it, each where it belongs. Raises Failed."""
        shouted: dict[str, list[bytes]] = {}
        for one in batch:
            match one.kind:
                case "unit":
                    self._say(self._it.unit.paths.unit_socket, one.data)
                case "operator":
                    self._say(self._it.unit.paths.operator_socket, one.data)
                case "broker":
                    shouted.setdefault(one.topic, []).append(one.data)
                case "raw":
                    self._raw.say(one.data)
                case "settings":
                    self._read(one.data)
        for topic, payloads in shouted.items():
            self._stranger.shout(topic, payloads)

    def _say(self, path: Path, data: bytes) -> None:
        """On a connection that is made again when the unit has ended it; what finds none is dropped."""
        for _ in range(2):
            sock = self._socks.get(path)
            try:
                if sock is None:
                    sock = self._socks[path] = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    sock.connect(str(path))
                sock.send(data[:200_000] or b" ")
                with contextlib.suppress(BlockingIOError):
                    while sock.recv(100_000, socket.MSG_DONTWAIT):
                        pass
            except OSError:
                self._socks.pop(path).close()  # the unit has ended it, or has no place
            else:
                return

    def _read(self, text: bytes) -> None:
        (self._settings / "unit.toml").write_bytes(text)
        try:
            load(self._settings)
        except UnitError:
            pass
        except Exception as error:
            raise Failed(f"the settings raised {error!r}") from error

    def press(self) -> None:
        """One press, and what came of it. Raises Failed."""
        unit, receiver = self._it.unit, self._it.receiver
        before_s, seen = self._spent_s(), len(receiver.new(*PRESS_KINDS))
        if seen != len(unit.pressed):
            raise Failed(f"{seen} alarms at the receiver, and {len(unit.pressed)} presses")
        try:
            event_id = unit.press()
            receiver.first(event_id)
        except (AssertionError, OSError) as error:
            raise Failed(f"the press is lost: {error}; {unit.spoilt()[-20:]}") from error
        spent_s = self._spent_s() - before_s
        self.worst_s = max(self.worst_s, spent_s)
        strange = [
            fact.kind for fact in receiver.new() if fact.kind not in {*PRESS_KINDS, "reset", "cancelled", "fault"}
        ]
        if strange or len(receiver.new(*PRESS_KINDS)) != len(unit.pressed):
            raise Failed(f"alarms that nobody pressed: {strange}, {receiver.new()[-3:]}")
        if unit.spoilt():
            raise Failed(f"the process said {unit.spoilt()[-20:]}")
        if spent_s > LATE_S:
            raise Failed(f"the press took {spent_s:.3f} s of the processor")

    def quiet(self) -> None:
        """Waits until what was said has been heard. Raises Failed."""
        try:
            health = wait_for("an answer", self._it.unit.health, 30)
        except AssertionError as error:
            raise Failed(f"no answer any more: {self._it.unit.spoilt()[-20:]}") from error
        if len(health["alarms"]) > OPEN_MAX:
            ask(self._it.unit.paths.operator_socket, "reset")

    def _spent_s(self) -> float:
        """Processor time of the loop, which is the process's first thread. Raises Failed when it has ended."""
        pid = self._it.unit.pid
        try:
            return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError) as error:
            raise Failed(f"the process has died: {self._it.unit.spoilt()[-20:]}") from error

    def close(self) -> None:
        """Leaves the unit's sockets."""
        for sock in self._socks.values():
            sock.close()

    def spoil_journal(self, seed: str) -> None:
        """Ends the process, spoils its journal's file, starts it: a press is an alarm all the same. Raises Failed."""
        dice = random.Random(seed)
        unit = self._it.unit
        unit.stop()
        path = unit.paths.journal / "alarms.sqlite3"
        data = bytearray(path.read_bytes())
        match dice.randrange(3):
            case 0:
                for _ in range(dice.randrange(1, 200)):
                    data[dice.randrange(len(data))] = dice.randrange(256)
                path.write_bytes(data)
            case 1:
                path.write_bytes(data[: dice.randrange(len(data))])
            case 2:
                with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as db:
                    for table in ("act", "mode", "alarm_event", "button"):
                        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
                        junk = dice.choice(("{}", "null", "[1", '"x"', "", "[" * 2000))
                        with contextlib.suppress(sqlite3.Error):
                            db.execute(f"UPDATE {table} SET {dice.choice(columns)} = ?", (junk,))  # noqa: S608 - our own
                    db.commit()
        try:
            unit.start()
        except AssertionError as error:
            raise Failed(f"the process does not start on the journal of {seed}: {error}") from error


@contextlib.contextmanager
def world(home: Path) -> Iterator[World]:
    """A house in which everything runs."""
    with contextlib.ExitStack() as stack:
        raw = RawBroker()
        stack.callback(raw.close)
        it = stack.enter_context(house(home, more=MOBILE + SECOND.format(port=raw.port), well=False))
        stranger = stack.enter_context(Stranger(it.broker.port))
        settings = prepare(home / "settings", "dronten-2022", None, ("127.0.0.1", 1)).etc
        made = World(it, stranger, raw, settings)
        stack.callback(made.close)
        wait_for("a receiver", lambda: it.unit.health().get("consoles"))
        yield made
