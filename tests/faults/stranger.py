# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Somebody at the broker who may write anything: a gateway, a broken receiver, a person with bad intentions."""

from __future__ import annotations

import secrets
import uuid
from typing import Self

from daemon.alarm.mqtt import Answered, Connection, Up, Word
from daemon.model.unit import Broker
from tests.rooms import wait_for


class Stranger:
    """Connected while its block runs."""

    def __init__(self, port: int) -> None:
        self._answered: set[str] = set()
        self._up = False
        broker = Broker("127.0.0.1", port, 60)
        self._connection = Connection("stranger", f"stranger-{secrets.token_hex(4)}", broker, self._hear)

    def __enter__(self) -> Self:
        self._connection.start()
        wait_for("the stranger at the broker", lambda: self._up)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _hear(self, word: Word) -> None:
        self._up = self._up or isinstance(word, Up)
        if isinstance(word, Answered):
            self._answered.add(word.key)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Says it, and waits until the broker has it."""
        key = str(uuid.uuid4())
        assert self._connection.publish(topic, payload, key=key, retain=retain)
        wait_for("the broker's answer to the stranger", lambda: key in self._answered)

    def shout(self, topic: str, payloads: list[bytes]) -> None:
        """As fast as it goes, without waiting for answers."""
        for payload in payloads:
            assert self._connection.publish(topic, payload, qos=0)
