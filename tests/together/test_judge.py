# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The judge of faults that meet can fail: each promise broken on purpose is named, and what holds is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.together.judge import (
    NS,
    AtDesk,
    Gone,
    Held,
    Kept,
    Lamp,
    Line,
    OpenAlarm,
    Piece,
    Rooms,
    Seen,
    Span,
    Staged,
    Told,
    Try,
    holes,
    is_overtaxed,
    is_owed,
    judge,
)

H_NS = 3600 * NS
A, B = "boot-a", "boot-b"
SHIFT = 100 * NS
CUT, OFF, BOOTED = 60 * NS, 2 * NS, 8 * NS
"""The power is cut at this moment of the host's, for so long; the new boot's clock begins at that."""
ROOMS = Rooms(
    (Piece(A, 0, SHIFT), Piece(B, CUT, BOOTED - CUT), Piece(B, 200 * NS, BOOTED - CUT + 2 * H_NS)),
    {A: 0, B: CUT + SHIFT + OFF - BOOTED},
)
"""Boot a; a cut; boot b, in which two hours are skipped 200 s into the story."""


def at(host_s: float) -> int:
    """The room's boot clock in boot a."""
    return round(host_s * NS) + SHIFT


def lines(track: str, from_s: int, to_s: int) -> tuple[Line, ...]:
    """A segment a second, each written half a second after its end."""
    return tuple(
        Line("r1", A, track, at(s), at(s + 1), made_ns=round((s + 1.5) * NS)) for s in range(from_s, to_s)
    )  # fmt: skip


def whole() -> Seen:
    """An alarm at 10 s, stored after 0.2 s, recorded with its lamp until its reset at 30 s, and deleted at its term."""
    segments = (*lines("audio", 7, 32), *lines("video", 7, 32))
    return Seen(
        rooms=ROOMS,
        ran=(Span(-5 * NS, CUT), Span(CUT + 3 * NS, 300 * NS)),
        tries=(Try(10 * NS, 10 * NS + 1_000_000),),
        desk=(AtDesk("e1", A, at(10), round(10.2 * NS), 60, replay=False),),
        lamps=tuple(Lamp(n * NS // 10, n * NS // 10 + 1_000_000, 100 <= n <= 345) for n in range(599)),
        lines=tuple(replace(line, made_ns=max(line.made_ns or 0, round(10.3 * NS))) for line in segments),
        kept=(Kept("r1", "audio", H_NS), Kept("r1", "video", 2 * H_NS)),
        gone=tuple(Gone("r1", track, B, BOOTED + 160 * NS + 2 * H_NS) for track in ("audio", "video")),
        held=(Held("r1", ("audio",), Span(40 * NS, 150 * NS)),),
        staged=(Staged("camera.gone", "camera", Span(70 * NS, 80 * NS), ("camera",), 8 * NS),),
        told=tuple(Told(n * NS, frozenset({"camera"} if 72 <= n <= 80 else ())) for n in range(60, 100)),
        alarms=(OpenAlarm(Span(10 * NS, 30 * NS), ("audio", "video"), is_settled=True),),
    )  # fmt: skip


def without(seen: Seen, track: str, from_s: float, to_s: float) -> tuple[Line, ...]:
    """The lines but for those of a track that begin between."""
    return tuple(
        line for line in seen.lines if line.track != track or not at(from_s) <= line.from_ns < at(to_s)
    )  # fmt: skip


def test_what_holds_is_left_alone() -> None:
    """H2: a story in which every promise held has no verdict."""
    assert judge(whole()) == []


def broken(name: str) -> dict[str, Any]:
    """Of the story above, what is otherwise where one promise did not hold."""
    seen = whole()
    event, line, gap = seen.desk[0], seen.lines[0], Line("r1", A, "video", at(17), at(19), is_gap=True)
    moved = replace(seen.gone[0], boot_ns=seen.gone[0].boot_ns - 2 * H_NS)
    breaks: dict[str, dict[str, Any]] = {
        "lost": {"desk": ()},
        "twice": {"desk": (event, replace(event, event_id="e2"))},
        "phantom": {"desk": (event, replace(event, event_id="e2", pressed_boot_ns=at(20), stored_ns=round(20.2 * NS)))},
        "late, not marked": {"desk": (replace(event, stored_ns=45 * NS),)},
        "of a boot before, not marked": {"desk": (replace(event, stored_ns=CUT + 5 * NS),)},
        "fresh, marked late": {"desk": (replace(event, replay=True),)},
        "older than it is": {"desk": (replace(event, age_ms=60_000),)},
        "dark": {"lamps": tuple(replace(look, lit=False) for look in seen.lamps)},
        "written in the dark": {"lines": (*seen.lines, replace(line, made_ns=50 * NS))},
        "lit for nothing": {"lamps": tuple(replace(one, lit=one.lit or one.asked_ns > 45 * NS) for one in seen.lamps)},
        "a hole": {"lines": without(seen, "video", 17, 19)},
        "half a hole": {"lines": (*without(seen, "video", 17, 21), gap)},
        "a late beginning": {"lines": without(seen, "audio", 7, 13)},
        "an early end": {"lines": without(seen, "audio", 26, 40)},
        "one track alone": {"lines": without(seen, "audio", 0, 40)},
        "switched off": {"off": (("audio", Span(20 * NS, 22 * NS)),)},
        "early": {"gone": (moved,)},
        "held": {"held": (replace(seen.held[0], span=Span(40 * NS, 290 * NS)),)},
        "untold": {"told": tuple(replace(told, faults=frozenset({"microphone"})) for told in seen.told)},
    }  # fmt: skip
    return breaks[name]


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("lost", "A1"), ("twice", "A1"), ("phantom", "A1"), ("late, not marked", "A4"),
        ("of a boot before, not marked", "A4"), ("fresh, marked late", "A4"), ("older than it is", "A4"),
        ("dark", "R3"), ("written in the dark", "R3"), ("lit for nothing", "R3"), ("a hole", "R5"),
        ("half a hole", "R5"), ("a late beginning", "R8"), ("an early end", "R8"), ("one track alone", "R8"),
        ("switched off", "R7"), ("early", "K1"), ("held", "K2"), ("untold", "H1"),
    ],
)  # fmt: skip
def test_each_promise_that_is_broken_is_named(name: str, promise: str) -> None:
    """H2: every check of the judge is seen to fail, and by its own promise alone."""
    verdicts = judge(replace(whole(), **broken(name)))
    assert {verdict.promise for verdict in verdicts} == {promise}, "\n".join(map(str, verdicts))


def test_a_gap_line_is_as_good_as_a_segment() -> None:
    """R8: what is nowhere and has a line that says so is no hole."""
    seen = whole()
    gap = Line("r1", A, "video", at(17), at(19), is_gap=True)
    assert judge(replace(seen, lines=(*without(seen, "video", 17, 19), gap))) == []


def test_an_alarm_that_was_reset_before_it_was_recorded_owes_no_beginning() -> None:
    """R8: what is recorded of the next alarm reaches back into it, not to its press; what was recorded of it does."""
    seen, short = whole(), Span(10 * NS, round(12.2 * NS))
    of_next = tuple(replace(line, made_ns=max(line.made_ns or 0, 13 * NS)) for line in without(seen, "audio", 7, 11))
    told = replace(seen, lines=of_next, alarms=(OpenAlarm(short, ("audio", "video"), is_settled=False),))
    assert judge(told) == []
    of_it = tuple(replace(line, made_ns=12 * NS) if line.from_ns == at(11) else line for line in of_next)
    assert {one.promise for one in judge(replace(told, lines=of_it))} == {"R8"}


def test_a_machine_that_cannot_keep_up_is_seen_by_its_answers() -> None:
    """R8: where answers take half a second the last seconds of an alarm are not judged by the clock."""
    seen = whole()
    span = seen.alarms[0].span
    assert not is_overtaxed(seen.lamps, span)
    slow = [replace(look, answered_ns=look.asked_ns + NS) if n == 310 else look for n, look in enumerate(seen.lamps)]
    assert is_overtaxed(slow, span)
    assert is_overtaxed([look for n, look in enumerate(seen.lamps) if not 300 < n < 310], span)


def test_what_nobody_could_find_or_tell_is_not_asked_for() -> None:
    """H1: a camera that is gone while the alarm process is away is told by nobody, and that is no verdict."""
    seen = replace(whole(), told=())
    away = Staged("alarm-process.down", "alarm", Span(71 * NS, 79 * NS))
    assert [verdict.promise for verdict in judge(seen)] == ["H1"]
    assert judge(replace(seen, staged=(*seen.staged, away))) == []
    short = replace(seen.staged[0], span=Span(70 * NS, 75 * NS))
    assert judge(replace(seen, staged=(short,))) == []


@given(st.integers(-200, 200), st.integers(0, 400))
def test_a_press_is_owed_from_when_the_unit_must_have_had_it(before_ms: int, after_ms: int) -> None:
    """A1: a press is owed when the process ran from before it until 150 ms after its edge, and not otherwise."""
    ms = NS // 1000
    one = Try(10 * NS, 10 * NS + ms)
    ran = (Span(10 * NS - before_ms * ms, one.down_ns + after_ms * ms),)
    assert is_owed(one, ran) is (before_ms >= 0 and after_ms >= 150)


spans = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=12)


@given(spans, st.integers(0, 40), st.integers(1, 60))
def test_holes_are_what_no_line_covers(drawn: list[tuple[int, int]], begins: int, length: int) -> None:
    """R5: second by second, a hole is where no line is, whatever order and overlap the lines have."""
    span = Span(begins * NS, (begins + length) * NS)
    found = holes([Line("r", A, "audio", a * NS, (a + n) * NS) for a, n in drawn], span)
    nowhere = {s for s in range(begins, begins + length) if not any(a <= s < a + n for a, n in drawn)}
    assert {s for hole in found for s in range(hole.from_ns // NS, hole.to_ns // NS)} == nowhere


def test_the_rooms_clocks_hang_together() -> None:
    """K4: a moment of the room is found on the host's clock and in true time, over a cut and skipped hours."""
    assert ROOMS.host_ns(A, at(10)) == 10 * NS
    assert ROOMS.host_ns(B, BOOTED) == CUT
    assert ROOMS.host_ns(B, BOOTED + 150 * NS + H_NS) == 200 * NS, "an hour that was skipped is the skip's moment"
    assert ROOMS.true_ns(CUT) - ROOMS.true_ns(CUT - 1) == OFF + 1
    assert ROOMS.true_ns(201 * NS) - ROOMS.true_ns(199 * NS) == 2 * H_NS + 2 * NS
