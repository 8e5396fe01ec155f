# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One site for receivers of other makes: a broker as we ship it, one unit's real alarm process, and who watches both.

The law here: everybody comes by certificate, and may do what the access list of `config/mosquitto/acl` and of the
guide's page gives him, nothing more; every message of a room is judged by the published contract.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.alarm import messages
from daemon.alarm.mqtt import Connection, Received, Up, Word
from daemon.config import shipped
from daemon.errors import LinkError
from daemon.link import ask
from daemon.paths import Paths
from simulators import bench_link
from simulators.places import bench_path
from simulators.state import prepare
from tests.brokers import ShippedMosquitto
from tests.certificates import UNIT, Authority
from tests.contract.wire import Witness
from tests.rooms import wait_for
from tests.waiting import PATIENCE_S

ROOT = f"spreekkamer/v1/{UNIT}/"
ORGANISATION = UNIT.partition("/")[0]
OTHER = f"spreekkamer/v1/{ORGANISATION}/stadhuis/spreekkamer-9/"
"""A room that is not there: for what no unit of ours would say."""
WITNESS = "voorbeeldstad.test.getuige"
MOBILE = "".join(
    f'[[mobile]]\nname = "{name}"\ntopic = "zigbee2mqtt/{name}"\npressed = ["emergency"]\nplace = "{place}"\n'
    for name, place in (("hal", "room"), ("buiten", "elsewhere"))
)
MOBILE_ACCESS = f"user {UNIT}\ntopic read zigbee2mqtt/hal\ntopic read zigbee2mqtt/buiten\n"
"""Two wireless buttons for unit.toml, and their lines of the access list."""
AT = "2026-11-24T09:00:00.000Z"
BENCH_S = 30.0
"""The alarm process is ready within a second; a machine that compiles its files for the first time gets more."""


def event(event_id: str, kind: str = "raised", attempt: int = 1) -> bytes:
    """An alarm event as a simulated unit makes it."""
    clock = messages.ClockFigures("synchronised", 12.5)
    data = messages.AlarmData(kind, event_id, 1, "boot", attempt, "alarm", AT, 60, clock, False, None, simulated=True)  # type: ignore[arg-type]  # a kind of later units too
    kind_of = f"nl.spreekkamer.alarm.{kind}.v1"
    return messages.encode(messages.AlarmEvent(event_id, "spreekkamer/x", kind_of, AT, data))


def say(text: str) -> None:
    """A line for who runs it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Site:
    """Broker, unit and witness in one directory. `access` is what a guide's page adds to the access list."""

    def __init__(self, home: Path, access: str, *, settings: str = "", policy: str = "dronten-2022") -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(home / "ca")
        self.broker = ShippedMosquitto(home / "broker", self.authority)
        with (self.broker.home / "mosquitto.conf").open("a") as conf:
            conf.write("log_type subscribe\n")
        self.allow(f"user {WITNESS}\ntopic readwrite #\n{access}")
        self.paths = self._prepare(home / "unit", settings, policy)
        self.contract = Witness()
        self.heard: list[Received] = []
        """Everything that came by, in order."""
        self.on_message: Callable[[Received], None] = self.heard.append
        """Called on the witness's thread with each message."""
        seen = self.broker.seen_by(self.authority.client(WITNESS))
        self._witness = Connection("witness", "witness", seen, self._hear, subscribe=("#",))
        self._unit: subprocess.Popen[bytes] | None = None
        self._log = home / "unit.log"

    def _prepare(self, state: Path, settings: str, policy: str) -> Paths:
        """The unit's directory, with its certificate in unit.toml."""
        mine = self.authority.client(UNIT)
        tls = f'[broker.tls]\nca = "{self.authority.certificate}"\ncertificate = "{mine.certificate}"\n'
        unit = state.with_name("unit.toml")
        text = (shipped() / "unit.toml").read_text()
        for line in settings.splitlines():
            text = text.replace(f"{line}\n", "") if line.startswith("[") else text  # a table stands in a file once
        unit.write_text(f'{text}\n{tls}key = "{mine.key}"\n{settings}')
        return prepare(state, policy, unit, ("localhost", self.broker.port))

    def allow(self, access: str) -> None:
        """Adds to the access list; counts from the broker's next start or reload on."""
        with self.broker.acl.open("a") as acl:
            acl.write("\n" + access)

    def start(self) -> None:
        """The broker and the witness; the unit when it is asked to."""
        self.broker.start()
        self._witness.start()
        assert self.contract.up.wait(PATIENCE_S), self.broker.log()[-1000:]

    def start_unit(self) -> None:
        """Starts the alarm process, and returns when it can be pressed."""
        with self._log.open("ab") as log:
            program = [sys.executable, "-m", "simulators.unit", "alarm", "--state", str(self.paths.run.parent)]
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            self._unit = subprocess.Popen(program, stdout=log, stderr=log, env=environment)
        wait_for("the unit", self.health, within_s=BENCH_S)

    def stop(self) -> None:
        """All of it; raises AssertionError for what broke the contract."""
        if self._unit is not None:
            self._unit.send_signal(signal.SIGTERM)
            self._unit.wait(PATIENCE_S)
        self._witness.close()
        self.broker.kill()
        self.contract.check()

    def log(self) -> str:
        """What the unit has said."""
        return self._log.read_text()

    # --- at the unit ------------------------------------------------------------------------------------------------

    def press(self) -> None:
        """The alarm button, and a finger's while."""
        reply = bench_link.ask(bench_path(self.paths), bench_link.Press("alarm", 0.15))
        assert reply.ok, reply.text
        time.sleep(0.06)  # the next press is not the bounce of this one

    def health(self) -> dict[str, Any]:
        """What `spreekkamer status --json` shows; empty while the process is away."""
        try:
            found: dict[str, Any] = ask(self.paths.operator_socket, "status")
        except LinkError:
            return {}
        return found

    def alarms(self) -> list[dict[str, Any]]:
        """What `spreekkamer status --alarms --json` shows, the newest first."""
        found: list[dict[str, Any]] = ask(self.paths.operator_socket, "alarms")
        return found

    def alarm(self, **wanted: Any) -> dict[str, Any]:
        """Waits until one of the unit's alarm events stands like this in `status --alarms`; the newest that does."""

        def newest() -> dict[str, Any] | None:
            same = (line for line in self.alarms() if all(line[key] == value for key, value in wanted.items()))
            return next(same, None)

        return wait_for(f"an alarm with {wanted}", newest, within_s=30)

    def listens(self, receiver: str, within_s: float) -> None:
        """Waits until the unit knows that a receiver is there, and that it is no fault any more."""
        wait_for(f"{receiver} at the unit", lambda: self.health()["consoles"] == [receiver], within_s)
        assert "nobody_listening" not in self.health()["faults"]

    def subscriptions(self) -> set[tuple[str, str]]:
        """Every topic of ours that somebody subscribed to, with the QoS that he asked for, by the broker's log."""
        lines = (line.split()[-2:] for line in self.broker.log().splitlines() if " spreekkamer/v1/" in line)
        return {(topic, qos) for qos, topic in lines}

    # --- at the broker ----------------------------------------------------------------------------------------------

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Says something at QoS 1; what one says after another arrives in that order."""
        assert self._witness.publish(topic, payload, retain=retain)

    def junk(self, topic: str, *payloads: bytes) -> None:
        """Says what is wrong on purpose."""
        self.contract.expect_bad_input(topic)
        for payload in payloads:
            self.say(topic, payload)

    def bodies(self, topic: str) -> list[Any]:
        """Everything that was said on a topic, in order."""
        return [json.loads(word.payload) for word in list(self.heard) if word.topic == topic]

    def _hear(self, word: Word) -> None:
        if isinstance(word, Up) or (isinstance(word, Received) and word.topic.startswith("spreekkamer/")):
            self.contract.hear(word)
        if isinstance(word, Received):
            self.on_message(word)


class Acks:
    """Every acknowledgement of one receiver as it came, and whether its event's file was there by then."""

    def __init__(self, site: Site, receiver: str, stored: Path) -> None:
        self._site, self._receiver, self._stored = site, receiver, stored
        self._early: list[str] = []
        site.on_message = self._on_message

    def _on_message(self, word: Received) -> None:
        self._site.heard.append(word)
        if "/alarm/ack/" in word.topic:
            event_id = json.loads(word.payload)["id"]
            if not any(event_id in file.name for file in self._stored.glob("*.json")):
                self._early.append(event_id)

    def count(self, root: str, event_id: str) -> int:
        """How often an event was acknowledged as stored."""
        said = {"id": event_id, "level": "stored", "by": self._receiver}
        return sum(body == said for body in self._site.bodies(f"{root}alarm/ack/{self._receiver}"))

    def check(self) -> None:
        """Stored first, acknowledged then. Raises AssertionError."""
        assert not self._early, f"acknowledged before they were stored: {self._early}"
