# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Holds what is on the wire against the published contract: docs/ref/asyncapi.json and docs/ref/schemas/.

The law here: the structs that made a message are not asked. A message is judged by the files that a receiver's builder
reads, and more strictly than a receiver should judge: a topic or a field that they do not name is a violation.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from daemon.alarm.mqtt import Connection, Received, Up, Word
from daemon.model.unit import Broker
from tests.waiting import PATIENCE_S

REF = Path(__file__).resolve().parent.parent.parent / "docs" / "ref"
ROOT, LAST = "spreekkamer/v1/#", "contract/last/"
NAME = "[a-z0-9][a-z0-9-]{0,63}"
LEVELS = {"console": r'[!"$-*,-.0-~]{1,64}'}
"""What stands for a parameter in a topic: a console's id is printable ASCII without / + #, the others are names."""
END_S = 5.0
"""A broker on this machine hands a message on within milliseconds; one that takes this long is dead."""
VIOLATIONS_SHOWN = 20
"""A test that fails shows so many; the rest of a flood says the same."""


class Channel(NamedTuple):
    """One channel of the document."""

    key: str
    topic: re.Pattern[str]
    qos: int
    retain: bool
    received: bool
    """By the unit: somebody else sends it."""
    messages: tuple[str, ...]


@cache
def document() -> dict[str, Any]:
    """The AsyncAPI document as it is published."""
    found: dict[str, Any] = json.loads((REF / "asyncapi.json").read_text(encoding="utf-8"))
    return found


@cache
def channels() -> tuple[Channel, ...]:
    """Every channel, with how the operation on it says that a message is sent."""
    found = []
    for operation in document()["operations"].values():
        key = operation["channel"]["$ref"].rpartition("/")[2]
        received = operation["action"] == "receive"
        channel, how = document()["channels"][key], operation["bindings"]["mqtt"]
        pattern = re.sub(r"\\{(\w+)\\}", lambda level: LEVELS.get(level[1], NAME), re.escape(channel["address"]))
        found.append(Channel(key, re.compile(pattern), how["qos"], how["retain"], received, tuple(channel["messages"])))
    return tuple(found)


@cache
def schema(message: str) -> dict[str, Any]:
    """The published JSON Schema of a message, by its name in the document."""
    name = re.sub(r"(?<!^)([A-Z])", r"-\1", message).lower()
    found: dict[str, Any] = json.loads((REF / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def closed(value: Any) -> Any:
    """A schema that refuses fields which it does not name: the published ones leave room to grow within v1."""
    if isinstance(value, list):
        return [closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: closed(item) for key, item in value.items()}
    if isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def _is_whole(_: Any, value: Any) -> bool:
    """JSON Schema takes 1.0 for an integer; on this wire whole numbers have no fraction (the document says so)."""
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole)
_Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=_TYPES)


@cache
def validator(message: str, *, strict: bool = True) -> Any:
    """Judges a message by its schema; not strict: as published, with fields that it does not name."""
    return _Validator(closed(schema(message)) if strict else schema(message))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose fields each stand in it once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a field stands twice: {[key for key, _ in pairs]}")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def read(payload: bytes) -> Any:
    """JSON in UTF-8 and nothing wider. Raises ValueError."""
    try:
        return json.loads(payload.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def validate(topic: str, payload: bytes, *, retained: bool = False) -> list[str]:
    """What is wrong with a message by the contract, a line each; empty: nothing.

    `retained` is what the listener saw: true for a message that the broker had kept from before.
    """
    channel = next((channel for channel in channels() if channel.topic.fullmatch(topic)), None)
    if channel is None:
        return [f"{topic}: no channel of the contract"]
    found = [f"{topic}: retained, and never may be"] if retained and not channel.retain else []
    if channel.received and channel.retain and not payload:
        return found  # how MQTT forgets a retained message: a receiver has been taken away
    try:
        body = read(payload)
    except ValueError as error:
        return [*found, f"{topic}: {error}: {payload[:200]!r}"]
    return found + min((_faults(topic, message, body) for message in channel.messages), key=len)


def unmarked(topic: str, payload: bytes, *, simulated: bool) -> list[str]:
    """A line for a message of the unit whose mark says otherwise; raises for what is no JSON."""
    channel = next((channel for channel in channels() if channel.topic.fullmatch(topic)), None)
    if channel is None or channel.received:
        return []
    body = json.loads(payload)
    said = (body["data"] if channel.key == "alarmEvent" else body)["simulated"]
    return [] if said is simulated else [f"{topic}: simulated is {said}: {payload[:200]!r}"]


def _faults(topic: str, message: str, body: Any) -> list[str]:
    return [
        f"{topic}: {message}{leaf.json_path.removeprefix('$')}: {leaf.message[:300]}"
        for error in validator(message).iter_errors(body)
        for leaf in _leaves(error)
    ]


def _leaves(error: jsonschema.ValidationError) -> Iterator[jsonschema.ValidationError]:
    """What is wrong at the bottom, where none of several alternatives fits; that it is not null goes without saying."""
    inner = [found for found in error.context or () if found.validator_value != "null"]
    if not inner:
        yield error
    for found in inner:
        yield from _leaves(found)


class Witness:
    """Judges everything that a listener at the broker hears. `hear` is called from the listener's thread.

    `simulated`: every message of the unit has to say so, as in each room that these tests make (promise H3); else none.
    """

    def __init__(self, *, simulated: bool = True) -> None:
        self._simulated = simulated
        self.violations: list[str] = []
        self.heard: Counter[str] = Counter()
        """Messages that were judged, by the key of their channel."""
        self.up, self.last = threading.Event(), threading.Event()
        """The listener stands at the broker; it has heard what came before its own last word."""
        self._foreign: set[str] = set()

    def hear(self, word: Word) -> None:
        """Judges a message; other words of a connection are passed over."""
        if isinstance(word, Up):
            self.up.set()
        if not isinstance(word, Received) or word.topic in self._foreign:
            return
        if word.topic.startswith(LAST):
            self.last.set()
            return
        try:
            self.violations += validate(word.topic, word.payload, retained=word.retained)
            self.violations += unmarked(word.topic, word.payload, simulated=self._simulated)
        except Exception as error:  # noqa: BLE001 - what is raised here ends in the listener's thread and not in the test
            self.violations.append(f"{word.topic}: cannot be judged: {error!r}")
        self.heard.update(channel.key for channel in channels() if channel.topic.fullmatch(word.topic))

    def expect_bad_input(self, topic: str) -> None:
        """From now on messages on this topic are the test's own, wrong on purpose; they are not judged."""
        self._foreign.add(topic)

    def check(self) -> None:
        """Raises AssertionError that names the violations."""
        shown = "\n".join(self.violations[:VIOLATIONS_SHOWN])
        assert not self.violations, f"{len(self.violations)} violations of the contract on the wire:\n{shown}"


@contextlib.contextmanager
def witnessing(port: int, *, simulated: bool = True) -> Iterator[Witness]:
    """Listens at a broker on this machine while a block runs, and fails when what was heard breaks the contract.

    It subscribes to all of v1: not for a test in which nobody may be listening.
    """
    witness = Witness(simulated=simulated)
    name = f"contract-{os.getpid()}-{id(witness):x}"
    listener = Connection("contract", name, Broker("127.0.0.1", port), witness.hear, subscribe=(ROOT, LAST + name))
    listener.start()
    try:
        assert witness.up.wait(PATIENCE_S), f"no broker on port {port}"
        yield witness
        if listener.publish(LAST + name, b"", key="last"):
            witness.last.wait(END_S)
    finally:
        listener.close()
    witness.check()
