# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The audit log's chain: whatever is done to it is named, at its line; what is whole has no fault."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.acts import Boot, Place, Refused, Torn
from daemon.model.ledger import FAULTS_MAX, START, Acted, Foreign, Line, Walk, encode, hash_of, parse, statement
from daemon.records import sha256

LOG = st.lists(st.text(max_size=20), min_size=3, max_size=12)


def lines_of(words: Iterable[str]) -> list[bytes]:
    """A log with these words in it."""
    head, found = START, []
    for n, word in enumerate(words):
        found.append(line(n, head, word=word))
        head = sha256(found[-1])
    return found


def line(n: int, prev: str, event: str = "deleted", **fields: object) -> bytes:
    """One line."""
    return json.dumps({"n": n, "event": event, **fields, "prev": prev}, ensure_ascii=False).encode() + b"\n"


def walked(lines: Iterable[bytes], **options: object) -> Walk:
    """A log, judged."""
    walk = Walk(**options)  # type: ignore[arg-type]  # what a test gives
    for raw in lines:
        walk.take(raw)
    walk.finish()
    return walk


def named(lines: Iterable[bytes]) -> list[int]:
    """The lines that are named."""
    return [fault.n for fault in walked(lines).faults]


@given(LOG)
def test_a_whole_log_has_no_fault(words: list[str]) -> None:
    """K3: a log that nobody touched has no fault, and its head is the hash of its last line."""
    lines = lines_of(words)
    walk = walked(lines)
    assert (walk.faults, walk.lines, walk.head) == ([], len(lines), sha256(lines[-1]))


@given(LOG, st.data())
def test_a_changed_line_is_named(words: list[str], data: st.DataObject) -> None:
    """K3: a line whose content was changed is named, and no other; the last one by whoever saw the head."""
    lines = lines_of(words)
    n = data.draw(st.integers(0, len(lines) - 2))
    lines[n] = lines[n].replace(b'"word": "', b'"word": "x', 1)
    assert named(lines) == [n]


@given(LOG, st.data())
def test_a_changed_last_line_is_named_by_a_witness(words: list[str], data: st.DataObject) -> None:
    """K3: what no later line covers, a head that was seen elsewhere covers; so is a log whose end was cut away."""
    lines = lines_of(words)
    witnessed = {len(lines): sha256(lines[-1])}
    assert walked(lines, witnessed=witnessed).faults == []
    cut = data.draw(st.integers(1, len(lines) - 1))
    found = walked(lines[:-cut], witnessed=witnessed)
    assert [fault.n for fault in found.faults] == [len(lines) - cut]
    lines[-1] = lines[-1].replace(b'"word": "', b'"word": "x', 1)
    assert [fault.n for fault in walked(lines, witnessed=witnessed).faults] == [len(lines) - 1]


@given(LOG, st.data())
def test_a_rewritten_rest_is_named_by_a_witness(words: list[str], data: st.DataObject) -> None:
    """K3: a forger who makes all later hashes fit again is told by a head that was seen before."""
    lines = lines_of(words)
    n = data.draw(st.integers(0, len(lines) - 1))
    seen = data.draw(st.integers(n, len(lines) - 1))
    forged = lines_of([*words[:n], words[n] + "x", *words[n + 1 :]])
    assert named(forged) == []
    assert [f.n for f in walked(forged, witnessed={seen + 1: sha256(lines[seen])}).faults] == [seen]


@given(LOG, st.data())
def test_a_removed_line_is_named(words: list[str], data: st.DataObject) -> None:
    """K3: a line that was taken out is named, and no other."""
    lines = lines_of(words)
    n = data.draw(st.integers(0, len(lines) - 2))
    del lines[n]
    assert named(lines) == [n]


@given(LOG, st.data())
def test_a_swap_names_both(words: list[str], data: st.DataObject) -> None:
    """K3: two neighbours that changed places are both told of, and no other."""
    lines = lines_of(words)
    n = data.draw(st.integers(0, len(lines) - 2))
    lines[n], lines[n + 1] = lines[n + 1], lines[n]
    assert sorted(set(named(lines))) == [n]
    assert "moved" in str(walked(lines).faults[-1])


@given(LOG, st.data())
def test_an_inserted_line_is_named(words: list[str], data: st.DataObject) -> None:
    """K3: a line that was put in is named by its number: a copy of another, one that fits what stands before it, or one
    that is no line.
    """
    lines = lines_of(words)
    at, n = data.draw(st.integers(1, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
    copied = [*lines[:at], lines[n], *lines[at:]]
    if n != at:
        assert n in named(copied)
    forged = [*lines[:at], line(at, sha256(lines[at - 1]), word="forged"), *lines[at:]]
    assert named(forged) == [at]
    assert named([*lines[:at], b"holiday\n", *lines[at:]]) == [at]


@given(LOG, st.data())
def test_a_spoilt_line_is_named(words: list[str], data: st.DataObject) -> None:
    """K3: a line that was cut short or overwritten is named, wherever it stands."""
    lines = lines_of(words)
    n = data.draw(st.integers(0, len(lines) - 1))
    keep = data.draw(st.integers(0, len(lines[n]) - 2))
    newline = b"" if n == len(lines) - 1 else b"\n"
    lines[n] = lines[n][:keep] + newline
    assert named(lines if lines[n] else lines[:-1]) == ([n] if lines[n] else [])


def test_a_torn_line_that_the_next_one_owns_up_to_is_no_fault() -> None:
    """K3: what a power cut tore and the next line owns up to is no fault; without that line it is one."""
    lines = lines_of(["a", "b"])
    torn = b'{"n":2,"event":"del\n'
    told = line(3, sha256(torn), "torn")
    assert named([*lines, torn, told, line(4, sha256(told))]) == []
    assert named([*lines, torn, line(3, sha256(torn))]) == [2]
    assert named([*lines, torn.rstrip()]) == [2]


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_judged_in_bounded_memory(noise: list[bytes]) -> None:
    """K3: bytes of any kind end in faults, never in an error; a hundred are named, and all are counted."""
    walk = walked([*noise, *(line(5, START) for _ in range(2 * FAULTS_MAX))])
    assert len(walk.faults) == FAULTS_MAX <= walk.faults_n


def test_a_signature_covers_all_before_it() -> None:
    """K3: what a signature in the log has to fit is the number of lines before it and the hash of the last of them."""
    lines = lines_of(["a", "b"])
    head = sha256(lines[-1])
    walk = walked([*lines, line(2, head, "head", signature="sealed")])
    assert walk.signed is not None
    assert (walk.signed.statement, walk.signed.signature) == (statement(2, head), b"sealed")


FIVE = lines_of("abcde")
JUNK = b"holiday\n"
HEAD = "f" * 64


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([FIVE[0], *FIVE[2:]], ["line 1 is missing"]),
        ([FIVE[0], *FIVE[3:]], ["line 1 is missing, with all up to line 2"]),
        (FIVE[1:], ["line 0 is missing"]),
        ([*FIVE[:2], FIVE[0], *FIVE[2:]], ["line 0 stands after line 1: it was put in or moved"]),
        ([*FIVE[:2], line(2, FIVE[1].hex()[:64]), *FIVE[3:]],
         ["line 1 was changed after line 2 was written", "line 2 was changed after line 3 was written"]),
        ([line(0, HEAD)], ["line 0 is not the beginning of a log"]),
        ([*FIVE[:2], JUNK, *FIVE[2:]], ["line 2 is no line of this log, or something was put in before it"]),
        ([*FIVE[:2], JUNK, *FIVE[3:]], ["line 2 is no line of this log, or something was put in before it"]),
        ([*FIVE[:2], JUNK, *FIVE[4:]],
         ["line 2 is no line of this log, or something was put in before it", "line 3 is missing"]),
        ([*FIVE, JUNK], ["line 5 is the last one and is cut off, or is no line of this log"]),
        ([*FIVE, FIVE[4][:-1]], ["line 5 is the last one and is cut off, or is no line of this log"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_said_of_its_line(lines: list[bytes], words: list[str]) -> None:
    """K3: in words for a person, each fault once."""
    found = walked(lines)
    assert [str(fault) for fault in found.faults] == words
    assert found.faults_n == len(words)


@pytest.mark.parametrize(
    ("witnessed", "lines", "words", "compared"),
    [
        ({0: HEAD, 2: sha256(FIVE[1]), 5: sha256(FIVE[4])}, FIVE, [], {2, 5}),
        ({2: HEAD}, FIVE, ["line 1 is not the line that was witnessed"], {2}),
        ({2: sha256(FIVE[1])}, [FIVE[0], *FIVE[2:]],
         ["line 1 is missing", "line 1 was witnessed, and is no line of this log any more"], set()),
        ({9: HEAD}, FIVE, ["line 5 is missing, and all after it: a head of 9 lines was witnessed"], set()),
        ({6: HEAD}, FIVE, ["line 5 is missing, and all after it: a head of 6 lines was witnessed"], set()),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_witness_saw_is_compared(
    witnessed: dict[int, str], lines: list[bytes], words: list[str], compared: set[int]
) -> None:
    """K7: at each length of which a head is known; a log of no lines needs no witness."""
    found = walked(lines, witnessed=witnessed)
    assert [str(fault) for fault in found.faults] == words
    assert (found.compared, found.passed) == (compared, 0)


def test_the_keeper_goes_on_after_what_a_power_cut_tore() -> None:
    """K3: the torn line counts as one, and its own lines are as they are."""
    walk = Walk()
    for raw in (*FIVE[:2], b'{"n":2,"ev'):
        walk.take(raw)
    walk.mend()
    assert walk.lines == 3
    told = line(3, walk.head, "torn")
    walk.take(told)
    walk.go_on(9, HEAD)
    walk.take(line(9, HEAD))
    walk.finish()
    assert (walk.faults, walk.lines) == ([], 10)


@pytest.mark.parametrize(
    ("junk", "told", "named_n"),
    [
        (1, {"n": 6}, []), (1, {"n": 6, "event": "unsigned", "first": 2, "lines": 1}, []),
        (1, {"n": 6, "event": "boot"}, [5]), (1, {"n": 7}, [5, 6]), (1, {"n": 6, "prev": HEAD}, [5]),
        (2, {"n": 7}, [5]), (2, {"n": 6}, [5]),
    ],
    ids=str,
)  # fmt: skip
def test_only_the_line_that_owns_up_to_one_torn_line_mends_it(
    junk: int, told: dict[str, Any], named_n: list[int]
) -> None:
    """K3: in its place, with its hash, and of the kind that a start writes; of two torn lines there is none."""
    owns = line(**{"prev": sha256(JUNK), "event": "torn", **told})
    assert named([*FIVE, *[JUNK] * junk, owns]) == named_n


def test_a_log_without_lines_has_no_fault() -> None:
    """K3: and its head is the one that the first line follows."""
    walk = walked([])
    assert (walk.faults, walk.faults_n, walk.lines, walk.head, walk.signed) == ([], 0, 0, START, None)


def test_a_signature_is_of_its_own_line() -> None:
    """K3: with another line behind it the log's end is signed no more."""
    signed = [*FIVE, line(5, sha256(FIVE[4]), "head", signature="sealed")]
    walk = walked(signed)
    assert walk.signed is not None
    assert walk.signed.n == 5
    assert walked([*signed, line(6, sha256(signed[5]))]).signed is None


def test_a_line_that_is_too_long_to_keep_is_judged_by_its_hash() -> None:
    """K3: whoever reads a log in pieces gives the hash of the whole line."""
    walk = Walk()
    walk.take(FIVE[0], HEAD)
    walk.take(line(1, HEAD))
    walk.finish()
    assert walk.faults == []


def test_what_a_witness_saw_and_is_gone_is_said_in_order() -> None:
    """K7: the first line first."""
    seen = {4: HEAD, 2: HEAD, 3: HEAD, 1: HEAD}
    found = walked([line(4, HEAD)], witnessed=seen)
    assert [fault.n for fault in found.faults] == [0, 0, 1, 2, 3]
    assert (found.faults_n, found.compared) == (5, set())


def test_the_keeper_counts_all_lines_that_are_none() -> None:
    """K3: before it goes on; its own lines end them."""
    walk = Walk({4: HEAD})
    for raw in (*FIVE[:2], JUNK, JUNK):
        walk.take(raw)
    walk.mend()
    assert walk.lines == 4
    walk.finish()
    assert [str(fault) for fault in walk.faults] == ["line 3 was witnessed, and is no line of this log any more"]
    walk = Walk()
    walk.take(JUNK)
    walk.go_on(9, HEAD)
    walk.finish()
    assert walk.faults == []


def test_a_hundred_faults_are_listed() -> None:
    """K3: and all are counted."""
    many = [line(5, START) for _ in range(FAULTS_MAX + 2)]
    found = walked(many)
    assert (len(found.faults), found.faults_n) == (FAULTS_MAX, FAULTS_MAX + 2)


SIGNED_ACT = Line(
    4, HEAD, 1_000, 2_000, "boot-1", "synchronised", act=Refused(7, "hold", 3),
    acted=Acted(10, -20, "boot-0", "unsynchronised", Place("card-1", 5)),
)  # fmt: skip
RAW = (
    '{"n":4,"at_wall_ns":1000,"at_boot_ns":2000,"boot_id":"boot-1","clock":"synchronised","event":"refused",'
    '"uid":7,"verb":"hold","count":3,"acted_wall_ns":10,"acted_boot_ns":-20,"acted_boot_id":"boot-0",'
    f'"acted_clock":"unsynchronised","act":{{"journal":"card-1","n":5}},"prev":"{HEAD}"}}\n'
).encode()


def test_a_line_is_written_as_it_is_read() -> None:
    """K3: its number first and its hash last, without a blank; its head is the hash of those bytes."""
    assert encode(SIGNED_ACT) == RAW
    assert parse(RAW) == SIGNED_ACT
    assert hash_of(SIGNED_ACT) == sha256(RAW)
    own = Line(0, START, act=Boot(5, clean=True))
    assert parse(encode(own)) == own
    assert encode(Line(0, START, act=Torn("é"))).count("é".encode()) == 1


@pytest.mark.parametrize(
    ("changed", "read"),
    [
        ({"event": "invented"}, Line(4, HEAD, 1_000, 2_000, "boot-1", "synchronised", act=Foreign("invented"))),
        ({"count": -1}, Line(4, HEAD, 1_000, 2_000, "boot-1", "synchronised", act=Foreign("refused"))),
        ({"clock": "broken"}, Line(4, HEAD, act=Foreign("refused"))),
        ({"n": True}, None), ({"event": None}, None), ({"prev": None}, None),
    ],
    ids=str,
)  # fmt: skip
def test_a_line_of_another_kind_keeps_its_place(changed: dict[str, object], read: Line | None) -> None:
    """K3: what this release does not know has no effect and breaks no chain; without number or hash it is no line."""
    raw = json.dumps({**json.loads(RAW), **changed}).encode() + b"\n"
    assert parse(raw) == read


@pytest.mark.parametrize("raw", [RAW[:-1], b"[4]\n", b"\xff\n", b"[" * 9000 + b"\n", b"\n"], ids=len)
def test_what_is_no_object_of_a_whole_line_is_no_line(raw: bytes) -> None:
    """K3: cut off, of another shape, or no JSON at all."""
    assert parse(raw) is None
