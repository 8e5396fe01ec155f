# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What two heads of one chain prove: an honest log is never accused, in whatever order its heads come; a fork is."""

from __future__ import annotations

import json
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm import messages
from daemon.model.witness import (
    FORKS_MAX,
    MARGIN_NS,
    Book,
    Fork,
    Heard,
    LogLine,
    Message,
    head_of,
    message_of,
    read_kept,
    unit_of,
)
from tests.auditlog import chained, sample

UNIT = "stad/huis/kamer-1"
ROOT = f"spreekkamer/v1/{UNIT}/"
RECORDING = "cd" * 16


def log(kinds: list[str]) -> list[Heard]:
    """A log of these lines, and what its unit would say of each."""
    found = []
    for raw in chained(sample("deleted", recording_id=kind * 32) for kind in kinds):
        body = messages.ArchiveEvent("now", json.loads(raw), sha256(raw).hexdigest(), unit=UNIT)
        head = head_of(message_of(messages.encode(body)))
        assert head is not None
        found.append(head)
    return found


KINDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=12)


@given(KINDS, st.data())
def test_an_honest_log_is_never_accused(kinds: list[str], data: st.DataObject) -> None:
    """K7: whatever part of a log's heads is heard, in whatever order and however often, there is no fork."""
    book = Book()
    for head in data.draw(st.lists(st.sampled_from(log(kinds)), max_size=30)):
        assert book.take(head) is None
        assert book.has(head)
    assert book.forks == {}


@given(KINDS, KINDS, st.data())
def test_two_logs_are_told_apart_where_they_meet(one: list[str], other: list[str], data: st.DataObject) -> None:
    """K7: of two logs with different lines, two heads for one number are a fork in either order; whatever comes in any
    order, each fork that is named is a number at which the logs differ.
    """
    first, second = log(one), log(other)
    differ = {a.lines for a, b in zip(first, second, strict=False) if a.head != b.head}
    for lines in differ:
        for a, b in ((first, second), (second, first)):
            book = Book()
            assert book.take(a[lines - 1]) is None
            fork = book.take(b[lines - 1])
            assert fork is not None
            assert fork.lines == lines
            assert book.take(b[lines - 1]) is None, "once"
    book = Book()
    for head in data.draw(st.permutations([*first, *second])):
        book.take(head)
    assert {lines for _, lines in book.forks} == differ


def test_a_line_that_does_not_follow_a_witnessed_head() -> None:
    """K7: the first line that a rewritten log adds carries the hash of a line that nobody witnessed."""
    book = Book()
    for head in log(["a", "b", "c"]):
        book.take(head)
    fork = book.take(log(["a", "b", "b", "a"])[3])
    assert fork is not None
    assert str(fork) == "line 2 of the audit log was witnessed with two heads"


def test_a_recordings_chain_is_no_log() -> None:
    """K7: heads of a recording are compared with heads of the same one alone."""
    book = Book()
    said = messages.encode(messages.RecordingEnded("now", RECORDING, "asked", "", 7, "a" * 64, unit=UNIT))
    head = head_of(message_of(said))
    assert head == Heard(7, "a" * 64, RECORDING, unit=UNIT)
    assert book.take(head) is None
    assert book.take(Heard(7, "b" * 64)) is None
    assert book.take(Heard(7, "b" * 64, "ef" * 16)) is None
    fork = book.take(Heard(7, "b" * 64, RECORDING))
    assert fork is not None
    assert RECORDING in str(fork)
    assert (book.of_log(), book.of_recording(RECORDING)) == ({7: "b" * 64}, {7: "a" * 64})


@pytest.mark.parametrize(
    "body",
    [
        messages.RecordingStarted("now", RECORDING, None),
        messages.RecordingEnded("now", RECORDING, "refused", "", 0),
        messages.RecordingEnded("now", RECORDING, "asked", "", 7),
        messages.HoldReviewDue("now", "e" * 32, RECORDING, ("video",), "incident", "2026-1", "2026-11-20", 2, None),
    ],
)
def test_what_has_no_head_is_passed_over(body: messages.Published) -> None:
    """K7: a start, an end without a head, a review: nothing to keep, and no error."""
    assert head_of(message_of(messages.encode(body))) is None


def test_a_kept_line_in_each_shape() -> None:
    """K5: a witness's own line, a bare message, and a line of `mosquitto_sub -v` say the same; the topic says whose it
    is, whatever the text says.
    """
    text = b'{"event": "head", "recording_id": "%s", "lines": 3, "sha256": "%s", "unit": "stad/huis/liar"}'
    text %= RECORDING.encode(), b"a" * 64
    own = b'{"at":"now","topic":"%srecording/head","message":%s}\n' % (ROOT.encode(), text)
    listed = b"%srecording/head %s\n" % (ROOT.encode(), text)
    expected = Heard(3, "a" * 64, RECORDING, unit=UNIT)
    assert [head_of(said) for raw in (own, listed) if (said := read_kept(raw))] == [expected] * 2
    for raw in (text, b'{"topic":"%salarm/event","message":%s}' % (ROOT.encode(), text)):
        bare = read_kept(raw)
        assert bare is not None
        assert bare.unit == "stad/huis/liar", "no topic that carries heads says otherwise"
    for raw in (b"", b"noise", b'{"message":7}', b'{"line":{"n":-1},"head":"0"}', b"[" * 10_000, b"\x80"):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)):
            read_kept(raw)


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        (f"{ROOT}archive/event", ("stad", "huis", "kamer-1")),
        (f"{ROOT}recording/head", ("stad", "huis", "kamer-1")),
        (f"{ROOT}alarm/event", None),
        (f"{UNIT}/archive/event", None),
        (f"{ROOT.removesuffix('kamer-1/')}archive/event", None),
        ("spreekkamer/v1/stad/../kamer-1/archive/event", None),
        ("spreekkamer/v1/stad/huis//archive/event", None),
        ("spreekkamer/v1/stad/huis/kamer/1/archive/event", None),
        ("elsewhere/stad/huis/kamer-1/archive/event", None),
        ("spreekkamer/v1/stad/huis/_simulated/archive/event", None),
    ],
)
def test_the_unit_of_a_topic(topic: str, names: tuple[str, ...] | None) -> None:
    """K7: names of a topic become names of directories: what unit.toml would not take is no unit's."""
    assert unit_of(topic) == names


def test_a_book_forgets_the_oldest_and_not_its_forks() -> None:
    """Bounded memory: the newest heads stay, and what they proved."""
    book = Book()
    for lines in range(1, 101):
        book.take(Heard(lines, f"{lines:064x}"))
    book.take(Heard(50, "f" * 64))
    book.forget(10)
    assert sorted(book.of_log()) == list(range(91, 101))
    assert (book.lines, len(book.forks)) == (100, 1)


T0_NS = 1_767_225_600_000_000_000
"""2026 begins."""


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (Message(UNIT, simulated=True, line=LogLine(4, "e" * 64, 9, "synchronised"), head="f" * 64),
         Heard(5, "f" * 64, "", "e" * 64, UNIT, simulated=True, wall_ns=9)),
        (Message(line=LogLine(0, None, 9, "unsynchronised"), head="f" * 64), Heard(1, "f" * 64)),
        (Message(line=LogLine(4)), None), (Message(head="f" * 64), None),
        (Message(recording_id=RECORDING, lines=1, sha256="f" * 64, at="2026-01-01T01:00:00.250+01:00"),
         Heard(1, "f" * 64, RECORDING, wall_ns=T0_NS + 250_000_000)),
        (Message(recording_id=RECORDING, lines=7, sha256="f" * 64, at="2026-01-01T00:00:00"),
         Heard(7, "f" * 64, RECORDING)),
        (Message(recording_id=RECORDING, lines=0, sha256="f" * 64), None),
        (Message(recording_id=RECORDING, lines=7), None),
    ],
    ids=str,
)  # fmt: skip
def test_a_head_has_the_moment_that_its_unit_believes(said: Message, heard: Heard | None) -> None:
    """K7: of a line only by a clock that is synchronised, of a recording by a time that says its zone."""
    assert head_of(said) == heard
    if heard is not None:
        assert head_of(said, "stad/huis/other") == msgspec.structs.replace(heard, unit="stad/huis/other")


def dated(lines: int, wall_ns: int | None, recording_id: str = "") -> Heard:
    """A head of a log, or of a recording, published at a time."""
    return Heard(lines, sha256(f"{lines}{recording_id}".encode()).hexdigest(), recording_id, wall_ns=wall_ns)


def test_a_log_must_know_a_recording_a_minute_after_it_began() -> None:
    """K7: from the first line that is dated so late, and the first head of the recording; what is not dated demands
    nothing.
    """
    book, other, undated = Book(), "ef" * 16, "ab" * 16
    book.take(dated(1, T0_NS, RECORDING))
    book.note(dated(2, T0_NS + 5, RECORDING))
    book.note(dated(1, T0_NS + 1, other))
    book.take(dated(1, None, undated))
    book.take(dated(4, None))
    book.take(dated(5, T0_NS + MARGIN_NS - 1))
    assert book.due() == {}
    book.take(dated(6, T0_NS + MARGIN_NS))
    assert (book.due(), book.began_ns(RECORDING)) == ({RECORDING: 6}, T0_NS)
    book.take(dated(7, T0_NS + 2 * MARGIN_NS))
    assert book.due() == {RECORDING: 6, other: 7}
    assert book.began_ns(other) == T0_NS + 1
    assert (book.lines, len(book)) == (7, 6)
    book.forget(9)
    assert len(book.due()) == 2
    book.forget(1)
    assert (book.due(), len(book), book.of_log()) == ({other: 7}, 1, {7: dated(7, None).head})


def test_each_fork_is_told_once_with_both_its_heads() -> None:
    """K7: known again by either head; a hundred of them say enough, however many more there are."""
    book, first, second = Book(), Heard(3, "a" * 64), Heard(3, "b" * 64)
    assert (book.lines, book.has(first), book.take(first), book.has(first), book.has(second)) == (
        0, False, None, True, False,
    )  # fmt: skip
    assert book.take(second) == Fork(3, "", "a" * 64, "b" * 64) == book.forks["", 3]
    assert (book.has(first), book.has(second), book.has(Heard(3, "c" * 64))) == (True, True, False)
    assert book.take(Heard(4, "d" * 64, prev="a" * 64)) is None
    assert book.take(Heard(6, "e" * 64, prev="f" * 64)) is None, "nobody witnessed the line before"
    assert book.take(Heard(5, "0" * 64, prev="1" * 64)) == Fork(4, "", "d" * 64, "1" * 64)
    for lines in range(10, 10 + FORKS_MAX):
        book.take(Heard(lines, "a" * 64))
        assert (book.take(Heard(lines, "b" * 64)) is not None) is (lines < 8 + FORKS_MAX)
    assert len(book.forks) == FORKS_MAX
