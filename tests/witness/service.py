# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A witness as an engineer starts it, at a real mosquitto, with a unit that says what a test gives it, and a desk."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from daemon.alarm import messages
from daemon.alarm.mqtt import Answered, Connection, Received, Up, Word
from daemon.model.unit import Broker
from tests.auditlog import chained, sample
from tests.waiting import PATIENCE_S, wait_for

ORGANISATION = "voorbeeldstad"
UNIT = f"{ORGANISATION}/stadhuis/spreekkamer-1"
OTHER = f"{ORGANISATION}/stadhuis/spreekkamer-2"
STATE = f"spreekkamer/v1/{ORGANISATION}/witness/getuige/state"
SAID_AT = "2026-11-22T04:17:35.781Z"


class Witness:
    """The service in a process of its own."""

    def __init__(self, address: str, store: Path, *options: str | Path) -> None:
        self.store, self._options = store, ("--broker", address, *options)
        self._process: subprocess.Popen[bytes] | None = None
        self.log_file = store.with_name(f"{store.name}.log")

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it has connected and subscribed."""
        before = self.log().count('"event": "witness_listens"')
        program = [
            sys.executable,
            "-m",
            "daemon",
            "witness",
            "--organisation",
            ORGANISATION,
            "--store",
            str(self.store),
        ]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen([*program, *map(str, self._options)], stdout=log, stderr=log)
        wait_for("the witness", lambda: self.log().count('"event": "witness_listens"') > before)

    def log(self) -> str:
        """What it has said."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    close = kill

    def stop(self) -> int:
        """As systemd does; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE_S)
        self._process = None
        return code

    def lines(self, unit: str = UNIT, below: str = "") -> list[dict[str, Any]]:
        """Every whole line that it keeps of a unit."""
        found = []
        for path in sorted((self.store / below / unit).glob("[0-9]*.jsonl")):
            for raw in path.read_bytes().splitlines(keepends=True):
                with contextlib.suppress(ValueError):  # torn, as the test left it
                    found.append(json.loads(raw))
        return found

    def numbers(self, unit: str = UNIT) -> list[int]:
        """Of the log's lines that it keeps, in the order in which they came."""
        return [line["message"]["line"]["n"] for line in self.lines(unit) if "line" in line["message"]]


class Peer:
    """Somebody at the broker: a unit, an attacker, a desk."""

    def __init__(self, name: str, broker: Broker, *topics: str) -> None:
        self._words: list[Word] = []
        self._connection = Connection(name, f"test-{name}-{os.getpid()}", broker, self._words.append, subscribe=topics)
        self._connection.start()
        wait_for(name, lambda: any(isinstance(word, Up) for word in self._words))
        self._n = 0

    def says(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """At QoS 1; returns when the broker has it."""
        self._n += 1
        key = f"{self._n}"
        wait_for("a place at the broker", lambda: self._connection.publish(topic, payload, key=key, retain=retain))
        wait_for("its answer", lambda: any(isinstance(word, Answered) and word.key == key for word in self._words))

    def archive(self, body: bytes, unit: str = UNIT) -> None:
        """A line of the log, as a unit says it."""
        self.says(f"spreekkamer/v1/{unit}/archive/event", body)

    def state(self) -> dict[str, Any]:
        """What the witness said of itself last."""
        said = [word.payload for word in list(self._words) if isinstance(word, Received) and word.topic == STATE]
        found: dict[str, Any] = json.loads(said[-1]) if said else {}
        return found

    def close(self) -> None:
        """Goodbye."""
        self._connection.close()


def log(count: int, name: str = "a") -> list[bytes]:
    """A log of so many lines, as bytes; `name` makes it another."""
    return list(chained(sample("deleted", recording_id=f"{n:031x}{name}") for n in range(count)))


def said(lines: Iterable[bytes], unit: str = UNIT, *, simulated: bool = False) -> Iterator[bytes]:
    """The messages about these lines."""
    for raw in lines:
        body = messages.ArchiveEvent(SAID_AT, json.loads(raw), sha256(raw).hexdigest(), unit=unit, simulated=simulated)
        yield messages.encode(body)
