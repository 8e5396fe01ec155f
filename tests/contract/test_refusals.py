# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Bad input by three judges: the unit's own inbox, and the published schema in Python and in JavaScript."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.alarm import messages
from daemon.alarm.inbox import Inbox, Refused
from daemon.alarm.mqtt import Received
from daemon.model.unit import Broker, Buttons, ButtonUnit, Unit
from tests.contract import wire
from tests.contract.examples import EVENT_ID, EXAMPLES
from tests.contract.node import run

UNIT = Unit("stad", "stadhuis", "kamer-1", Buttons(ButtonUnit(17)), Broker("127.0.0.1"))
INBOX = Inbox(UNIT)
TOPICS: dict[type[msgspec.Struct], str] = {
    messages.Ack: INBOX.orders[0].replace("+", "balie"),
    messages.Poll: INBOX.orders[1].replace("+", "balie"),
    messages.ResetCommand: INBOX.orders[2].replace("+", "balie"),
    messages.Presence: INBOX.presence.replace("+", "balie"),
}
WHOLE: dict[type[msgspec.Struct], dict[str, Any]] = {
    messages.Ack: {"id": EVENT_ID, "level": "stored", "by": "balie"},
    messages.ResetCommand: {"alarm_ids": [EVENT_ID], "by": "balie"},
    messages.Presence: {"online": True, "session": 1, "sites": ["stadhuis"]},
    messages.Poll: {"id": "5f3a9c01"},
}
BAD_TEXTS: tuple[Any, ...] = (
    "", " ", "a b", "a" * 65, "é", "balie\n", "\nbalie", "balie\n\n", "a\tb", "a\x00b", "a\x7f", 1, None, True, ["a"],
)  # fmt: skip
BAD: dict[type[msgspec.Struct], dict[str, tuple[Any, ...]]] = {
    messages.Ack: {
        "id": BAD_TEXTS,
        "by": BAD_TEXTS,
        "level": ("heard", "Stored", "stored ", "", 1, None, ["stored"]),
    },
    messages.ResetCommand: {
        "alarm_ids": (*([bad] for bad in BAD_TEXTS), [], ["a"] * 101, "a", {"a": 1}, None),
        "by": BAD_TEXTS,
    },
    messages.Poll: {"id": BAD_TEXTS},
    messages.Presence: {
        "online": (1, 0, "true", None, [], {}),
        "session": (-1, 2**53 + 2, 0.5, "1", None, True, [1]),
        "sites": (["a"] * 65, [""], ["a b"], [1], "a", {}, None),
    },
}
NO_MESSAGE = ("{}", "[]", '[{"online":true}]', '"stored"', "1", "0.5", "true", "null")
NO_JSON = (" ", "{", '{"a":1,}', "{'a':1}", "stored", "NaN", '{"online":tru}', '{"online":true}x', "[" * 5000)
GOOD: dict[type[msgspec.Struct], dict[str, tuple[Any, ...]]] = {
    messages.Ack: {"id": ("a", "a" * 64, "!", "~", "/+#"), "level": ("accepted",), "later": ({"a": 1},)},
    messages.ResetCommand: {"alarm_ids": (["a"] * 100,), "later": (None,)},
    messages.Poll: {"id": ("a", "a" * 64), "later": (1,)},
    messages.Presence: {"online": (False,), "session": (0, 2**53), "sites": ([], ["a"] * 64), "later": ([1.5],)},
}


def with_each(kind: type[msgspec.Struct], values: dict[str, tuple[Any, ...]]) -> list[str]:
    """A whole message once for each value, with that value in its field."""
    return [json.dumps({**WHOLE[kind], field: value}) for field, several in values.items() for value in several]


def without_each(kind: type[msgspec.Struct]) -> list[str]:
    """A whole message once for each field that it needs, without that field."""
    needed = wire.schema(kind.__name__)["required"]
    return [json.dumps({key: WHOLE[kind][key] for key in WHOLE[kind] if key != left_out}) for left_out in needed]


def unit_takes(kind: type[msgspec.Struct], payload: bytes) -> bool:
    """Whether the unit reads a message of this kind out of a payload, rather than refusing it."""
    return not isinstance(INBOX.read(Received("alarm", TOPICS[kind], payload, retained=False)), Refused)


def contract_takes(kind: type[msgspec.Struct], payload: bytes) -> bool:
    """Whether the schema as it is published lets a payload pass."""
    try:
        body = wire.read(payload)
    except ValueError:
        return False
    return bool(wire.validator(kind.__name__, strict=False).is_valid(body))


def javascript_takes(*cases: tuple[type[msgspec.Struct], list[str]]) -> list[list[bool]]:
    """The same by Ajv: a list of verdicts for each kind with its payloads."""
    found: list[list[bool]] = run("judge.cjs", [[wire.schema(kind.__name__), texts] for kind, texts in cases])
    return found


@pytest.mark.parametrize("kind", TOPICS, ids=lambda kind: kind.__name__)
def test_bad_input_is_refused_alike(kind: type[msgspec.Struct]) -> None:
    """A1, A5: an unknown level, an id of 65 characters, spaces, arrays, numbers and what is no JSON are refused by the
    unit and by both readings of the published schema.
    """
    payloads = [*with_each(kind, BAD[kind]), *without_each(kind), *NO_MESSAGE, *NO_JSON]
    assert [text for text in payloads if unit_takes(kind, text.encode())] == []
    assert [text for text in payloads if contract_takes(kind, text.encode())] == []
    (verdicts,) = javascript_takes((kind, payloads))
    assert [text for text, taken in zip(payloads, verdicts, strict=True) if taken] == []


@pytest.mark.parametrize("kind", TOPICS, ids=lambda kind: kind.__name__)
def test_good_input_is_taken_alike(kind: type[msgspec.Struct]) -> None:
    """A5: what lies just inside each bound, and a field that is not known yet, is taken by the same three judges."""
    payloads = with_each(kind, GOOD[kind])
    payloads += [messages.encode(value).decode() for value in EXAMPLES[kind]]
    assert [text for text in payloads if not unit_takes(kind, text.encode())] == []
    assert [text for text in payloads if not contract_takes(kind, text.encode())] == []
    assert javascript_takes((kind, payloads)) == [[True] * len(payloads)]


def test_every_schema_is_read_in_javascript() -> None:
    """A4, A5: a receiver in JavaScript reads each published schema, patterns included, and real messages fit."""
    cases = [(kind, [messages.encode(value).decode() for value in values]) for kind, values in EXAMPLES.items()]
    assert javascript_takes(*cases) == [[True] * len(payloads) for _, payloads in cases]


@pytest.mark.parametrize("console", ["", "a" * 65, "a b", "é", "a\n", "a/b"])
def test_a_receiver_whose_id_is_beyond_the_contract_is_refused(console: str) -> None:
    """A5, H1: health repeats the receivers' ids, so one of 65 kB, or with a line feed in it, is not taken into it."""
    for kind, topic in TOPICS.items():
        here, payload = topic.replace("balie", console), messages.encode(EXAMPLES[kind][0])
        assert wire.validate(here, payload) != []
        assert isinstance(INBOX.read(Received("alarm", here, payload, retained=kind is messages.Presence)), Refused)


# --- the two agree on anything ------------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.sampled_from([text for text in BAD_TEXTS if isinstance(text, str)]),
    st.sampled_from(["stored", "accepted", "raised", EVENT_ID, "a" * 64]),
    st.text(max_size=70),
    st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7F), min_size=60, max_size=68),
)
NUMBERS = st.one_of(
    st.integers(), st.integers(2**53 - 2, 2**53 + 2), st.floats(allow_nan=False, allow_infinity=False), st.just(1.0)
)
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)
LISTS = st.one_of(st.lists(TEXTS, max_size=4), st.integers(0, 105).map(lambda n: ["a"] * n))
FIELDS = st.one_of(TEXTS, NUMBERS, LISTS, st.booleans(), ANY_JSON)


def near(*names: str) -> st.SearchStrategy[Any]:
    """JSON that is a message or all but one: some of its fields, each with a value that may fit, and some others."""
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(names, FIELDS))
    return st.one_of(
        ANY_JSON, known, st.tuples(known, st.dictionaries(TEXTS, ANY_JSON, max_size=2)).map(lambda t: t[1] | t[0])
    )


def agree(kind: type[msgspec.Struct], body: Any) -> None:
    """Fails where one takes what the other refuses."""
    payload = json.dumps(body).encode()
    assert unit_takes(kind, payload) is contract_takes(kind, payload)


@given(near("id", "level", "by"))
@example(WHOLE[messages.Ack])
def test_unit_and_schema_agree_on_any_acknowledgement(body: Any) -> None:
    """A5: for any JSON on `alarm/ack` the unit and the published schema give the same verdict."""
    agree(messages.Ack, body)


@given(near("online", "session", "sites"))
@example({"online": True, "session": 1.0})
@example({"online": True, "session": -0.0})
def test_unit_and_schema_agree_on_any_presence(body: Any) -> None:
    """A5: for any JSON on a console's state the unit and the published schema give the same verdict."""
    agree(messages.Presence, body)


@given(near("alarm_ids", "by"))
@example(WHOLE[messages.ResetCommand])
def test_unit_and_schema_agree_on_any_reset(body: Any) -> None:
    """A1: for any JSON on `command/reset` the unit and the published schema give the same verdict."""
    agree(messages.ResetCommand, body)


@given(st.binary(max_size=200))
@example(json.dumps(WHOLE[messages.Ack]).encode("utf-16"))
@example(json.dumps(WHOLE[messages.Ack]).encode("utf-8-sig"))
@example(b'{"id":"\xff","level":"stored","by":"balie"}')
def test_unit_and_schema_agree_on_any_bytes(payload: bytes) -> None:
    """A1, A5: for any bytes on `alarm/ack` the unit and the published schema give the same verdict."""
    assert unit_takes(messages.Ack, payload) is contract_takes(messages.Ack, payload)


def test_a_topic_that_was_not_asked_for_is_named() -> None:
    """Bad input is named, fit for one line, and no longer than a person reads, however long the broker makes it."""
    found = INBOX.read(Received("alarm", "somebody/else\n" + "x" * 60_000, b"{}", retained=False))
    assert isinstance(found, Refused)
    assert "somebody/else\\nxxx" in found.why
    assert len(found.why) < 300
