# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The audit log's chain: whatever is done to it is named, at its line; what is whole has no fault."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from daemon.model.ledger import FAULTS_MAX, START, Walk, statement
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
