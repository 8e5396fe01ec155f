# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Every field that may cross a local socket has a bound, and the longest of each message comes through."""

from __future__ import annotations

import socket
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from daemon import link, wire
from daemon.model.bounds import DEPTH_MAX, LONG_MAX, TEXT_MAX, Text, line, plain

KINDS: tuple[type[msgspec.Struct], ...] = get_args(wire.Message)
WIDE = "\N{PILE OF POO}"
"""Four bytes in UTF-8, and it prints."""
PATTERNS = {
    r"^[0-9a-f]{32}\Z": "f" * 32, r"^[0-9a-f]{64}\Z": "f" * 64, r"^[!-~]{0,64}\Z": '"' * 64,
    r"^[a-z0-9][a-z0-9-]{0,31}\Z": "z" * 32,
}  # fmt: skip
"""The longest text of each pattern that is in use: a new one has to be added, with its longest."""
FREE = {"Receipt.line", "Act.fields", "Request.args", "Reply.body", "Reply.error"}
"""Fields of any form: the message as a whole is bounded by a packet, and their depth by DEPTH_MAX."""


class UnboundedError(AssertionError):
    """A field without a bound; its text names it."""


def longest(kind: inspect.Type, where: str) -> Any:  # noqa: C901, PLR0911, PLR0912 - one case a kind of type
    """The longest value of a type. Raises UnboundedError when there is none."""
    match kind:
        case inspect.StrType(pattern=str(pattern)):
            return PATTERNS[pattern]
        case inspect.StrType(max_length=int(most)):
            return WIDE * most
        case inspect.IntType(ge=int(), le=int(most)):
            return most
        case inspect.FloatType(ge=float() | int() as least, le=float() | int() as most):
            return least + 0.123456789 if least else most - 0.123456789
        case inspect.BoolType():
            return False
        case inspect.NoneType():
            return None
        case inspect.LiteralType(values=values):
            return max(values, key=lambda value: len(str(value)))
        case inspect.UnionType(types=types):
            return max((longest(one, where) for one in types), key=lambda value: len(str(value)))
        case inspect.VarTupleType(item_type=item, max_length=int(most)):
            return (longest(item, where),) * most
        case inspect.DictType(key_type=inspect.LiteralType(values=keys), value_type=value):
            return {key: longest(value, where) for key in keys}
        case inspect.DictType(key_type=key, value_type=value, max_length=int(most)):
            text = longest(key, where)
            return {f"{n}{text[1:]}": longest(value, where) for n in range(most)}
        case inspect.StructType(cls=cls):
            return longest_of(cls)
        case inspect.Metadata(type=inner):
            return longest(inner, where)
    raise UnboundedError(f"{where}: {kind} has no bound")


def longest_of(struct: type[msgspec.Struct]) -> Any:
    """The longest message of a kind; what is free is left out."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    values = {}
    for field in info.fields:
        where = f"{struct.__name__}.{field.name}"
        if where in FREE:
            values[field.name] = "" if where == "Reply.error" else {"a": "b"}
        else:
            values[field.name] = longest(field.type, where)
    return struct(**values)


@pytest.mark.case("security 1")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_longest_of_each_message_comes_through(kind: type[msgspec.Struct]) -> None:
    """A2: every field of every message has a pattern, a length or a range, and the longest message is a packet."""
    message = longest_of(kind)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        assert link.Peer(ours).send(message)
        assert link.Peer(theirs).receive() == message


@pytest.mark.case("security 1")
def test_a_field_without_a_bound_is_found() -> None:
    """A2: a field that somebody adds without a bound fails this page."""

    class New(msgspec.Struct):
        told: str

    class Number(msgspec.Struct):
        n: int

    class Many(msgspec.Struct):
        those: tuple[Text, ...]

    class Named(msgspec.Struct):
        those: dict[Text, Text]

    for struct in (New, Number, Many, Named):
        with pytest.raises(UnboundedError, match=r"\w+\.\w+: .* has no bound"):
            longest_of(struct)


@pytest.mark.case("security 1")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_one_more_is_refused(kind: type[msgspec.Struct]) -> None:
    """A2: a text one character longer, a number one larger, an item more is no message, wherever it stands."""
    body = msgspec.json.decode(msgspec.json.encode(longest_of(kind)))
    for path, value in _longer(body):
        if path[0] == "type" or f"{kind.__name__}.{path[0]}" in FREE or (kind is wire.Acts and "fields" in path):
            continue
        changed = msgspec.json.decode(msgspec.json.encode(body))
        at = changed
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        with pytest.raises(msgspec.ValidationError):
            link._decoder.decode(msgspec.json.encode(changed))


def _longer(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Paths into a value, each with one that is larger by one."""
    match value:
        case bool() | None:
            return []
        case str():
            return [(path, value + "f")]
        case int() | float():
            return [(path, abs(value) * 2 + 1)]
        case list():
            inner = _longer(value[0], (*path, 0)) if value else []
            return [*inner, (path, [*value, *value[:1]])] if value else []
        case dict():
            return [found for key in value for found in _longer(value[key], (*path, key))]
    raise AssertionError(value)


@pytest.mark.case("security 1")
@pytest.mark.parametrize(
    "answer",
    ["x" * link.MESSAGE_BYTES_MAX, ["\udcff" * 10_000] * 3, object(), {"a": {object()}}],
    ids=["64 kB", "many names that are no text", "an object", "objects in it"],
)  # fmt: skip
def test_an_answer_that_is_no_packet_is_an_error_for_whoever_asked(answer: Any) -> None:
    """A2: sending refuses and never raises; an operator is told, and the connection goes on."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        assert link.Peer(ours).send(wire.Reply(answer))
        reply = link.Peer(theirs).receive()
        assert isinstance(reply, wire.Reply)
        assert reply.error == link.TOO_LONG
        assert link.Peer(ours).send(wire.Reply("next"))


@pytest.mark.case("alarm 7")
@pytest.mark.parametrize("depth", [DEPTH_MAX + 1, 100, 989, 5000])
def test_what_is_nested_too_deep_is_no_message(depth: int) -> None:
    """A2: a receipt, a request or an act of a thousand levels is refused where it comes in."""
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    head = b"0" * 64
    for packet in (
        b'{"type":"Receipt","line":' + nested + b',"head":"' + head + b'"}',
        b'{"type":"Request","verb":"status","args":' + nested + b"}",
        b'{"type":"Reply","body":' + nested + b"}",
    ):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            ours.send(packet)
            assert isinstance(link.Peer(theirs).receive(), link.Refused)


def test_a_name_that_is_no_text_is_shown() -> None:
    """A2: a file name of bytes that are no UTF-8 comes through an answer as its escapes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        assert link.Peer(ours).send(wire.Reply(["\udcff.ts"]))
        assert link.Peer(theirs).receive() == wire.Reply([r"\udcff.ts"])


EVIL = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u2066 \u2028next\x9b31m\r\nfake line"


@pytest.mark.case("security 13")
def test_texts_of_peers_cannot_steer_a_terminal() -> None:
    """H1: escape sequences, bidirectional marks and line ends in a peer's text are shown as what they are."""
    health = wire.RecorderHealth({}, 0, {}, {}, {"audio": EVIL}, 0, sound=EVIL, keys=EVIL, store=EVIL, full=EVIL)
    said = [
        health.devices["audio"], health.sound, health.keys, health.store, health.full,
        wire.Ended("f" * 32, "store", EVIL).detail,
        wire.KeeperState(0, {}, None, None, None, faults={"verify": EVIL}).faults["verify"],
        wire.HoldDue("f" * 32, "f" * 32, (), "incident", EVIL, "", 1, None).incident,
        wire.Act(1, "asked", 1, 1, "", "synchronised", {"by": EVIL}).fields["by"].replace("\n", ""),
        wire.Request("cover_set", {"decision": EVIL}).args["decision"].replace("\n", ""),
        wire.Reply([{EVIL: EVIL}]).body[0].popitem()[0].replace("\n", ""),
        wire.Reply(error=EVIL).error.replace("\n", ""),
    ]  # fmt: skip
    for text in said:
        assert text.isprintable()
        assert r"\x1b[2J" in text
        assert r"\u202e" in text


@given(st.text(max_size=LONG_MAX * 2), st.sampled_from([TEXT_MAX, LONG_MAX]))
def test_any_text_becomes_a_line_within_its_bound(text: str, most: int) -> None:
    """H1: whatever a device calls itself is one printable line; what prints and fits stays as it is."""
    shown = line(text, most)
    assert shown.isprintable()
    assert len(shown) <= most
    if text.isprintable() and len(text) <= most:
        assert shown == text
    assert line(shown, most) == shown


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_free_value_keeps_its_form(value: Any) -> None:
    """H1: an answer is the same value with texts that print, made once."""
    try:
        once = plain(value)
    except ValueError:
        return
    assert plain(once) == once
