# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Holds what was done in a room against what was seen of it: each promise that did not hold, by its number. Pure.

Times are nanoseconds of the machine's boot clock ("host") unless they carry a boot id: then they are the room's own
boot clock, which jumps when time passes and begins anew at a power cut. `Rooms` knows how the two hang together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

MS = 1_000_000
NS = 1_000_000_000
OWED_NS = 150 * MS
"""A press is owed when the alarm process ran for so long after its first edge: 50 ms of debounce, and what a busy
machine takes to decide and keep (`tests/torture/account.py`)."""
NEAR_NS = 400 * MS
"""The driver's stamp is as far off the hand's as its thread was put aside; presses of a story are further apart."""
REPLAY_NS = 10 * NS
SLACK_NS = 4 * NS
"""Between the sending of an event and its row at the desk, on a machine that runs other rooms as well."""
APART_NS = NS
"""Looks at the lamp that are further apart say nothing of what was between them."""
SEGMENT_NS = 2 * NS
"""The open segment, and one that is on its way to the disk."""
SEAM_NS = 300 * MS
"""Two lines of a track that are nearer than this follow each other: a block of sound, a picture and their rounding."""
LEASE_NS = 6 * NS
"""What a lamp's owner that died can leave being written: its last lease, and the segment on its way to the disk."""
LIT_NS, BACK_NS = 6 * NS, 20 * NS
"""The lamp may be lit for a lease without a byte; what a fault has broken is coming back for so long after it."""
TAXED_NS = 5 * NS
"""About the end of an alarm: as long as a lease lasts."""


class Verdict(NamedTuple):
    """A promise that did not hold, and what shows it."""

    promise: str
    what: str

    def __str__(self) -> str:
        """For a person."""
        return f"{self.promise}: {self.what}"


class Piece(Struct, frozen=True):
    """From then on the room's boot clock was so much ahead of the host's."""

    boot_id: str
    from_ns: int
    shift_ns: int


class Rooms(Struct, frozen=True):
    """The room's clocks, in the order of their changes."""

    pieces: tuple[Piece, ...]
    boots: dict[str, int]
    """Of each boot: the true time at which its boot clock stood at 0."""

    def host_ns(self, boot_id: str, boot_ns: int) -> int:
        """The host's time of a moment of the room; of one that was jumped over, the jump's."""
        mine = [piece for piece in self.pieces if piece.boot_id == boot_id]
        for piece, after in zip(mine, [*mine[1:], None], strict=True):
            at_ns = boot_ns - piece.shift_ns
            if after is None or at_ns < after.from_ns:
                return max(at_ns, piece.from_ns) if piece is not mine[0] else at_ns
        raise KeyError(boot_id)

    def at(self, host_ns: int) -> Piece:
        """What held then."""
        return max((p for p in self.pieces if p.from_ns <= host_ns), key=lambda p: p.from_ns, default=self.pieces[0])

    def true_ns(self, host_ns: int) -> int:
        """True time of a moment of the host's."""
        piece = self.at(host_ns)
        return self.boots[piece.boot_id] + host_ns + piece.shift_ns


class Span(Struct, frozen=True):
    """From then to then."""

    from_ns: int
    to_ns: int

    def meets(self, other: Span) -> bool:
        """Whether they share a moment."""
        return self.from_ns < other.to_ns and other.from_ns < self.to_ns

    def holds(self, ns: int | None) -> bool:
        """Whether that moment is known, and in it."""
        return ns is not None and self.from_ns <= ns <= self.to_ns


class Try(Struct, frozen=True):
    """A finger on the alarm button: asked of the bench, and closed by then."""

    asked_ns: int
    down_ns: int


class AtDesk(Struct, frozen=True):
    """A row of the desk's file: raised or repeated."""

    event_id: str
    boot_id: str
    pressed_boot_ns: int
    stored_ns: int
    age_ms: int
    replay: bool


class Line(Struct, frozen=True):
    """A segment or a gap of a recording's chain."""

    recording_id: str
    boot_id: str
    track: str
    from_ns: int
    to_ns: int
    is_gap: bool = False
    made_ns: int | None = None
    """When the segment's bytes were written, by the host's clock; None: nobody saw it."""


class Kept(Struct, frozen=True):
    """A track of a recording, as its records say."""

    recording_id: str
    track: str
    term_ns: int


class Gone(Struct, frozen=True):
    """The keeper's line before a deletion."""

    recording_id: str
    track: str
    boot_id: str
    boot_ns: int


class Lamp(Struct, frozen=True):
    """A look at the recording lamp's pin: asked then, answered then."""

    asked_ns: int
    answered_ns: int
    lit: bool


class Held(Struct, frozen=True):
    """What a hold kept, from the keeper's answer to the request for its release."""

    recording_id: str
    tracks: tuple[str, ...]
    span: Span


class Staged(Struct, frozen=True):
    """A fault, from its beginning to its end."""

    name: str
    of: str
    span: Span
    told_as: tuple[str, ...] = ()
    told_ns: int = 0


class Told(Struct, frozen=True):
    """What the unit said was wrong."""

    at_ns: int
    faults: frozenset[str]


class OpenAlarm(Struct, frozen=True):
    """From the first press that is owed to the reset, and the tracks that the policy records of it."""

    span: Span
    tracks: tuple[str, ...]
    is_settled: bool
    """Everything was mended and the recording ran when it ended."""


class Seen(Struct, frozen=True):
    """All that was done and seen in one story."""

    rooms: Rooms
    ran: tuple[Span, ...] = ()
    """When the alarm process ran."""
    tries: tuple[Try, ...] = ()
    desk: tuple[AtDesk, ...] = ()
    lamps: tuple[Lamp, ...] = ()
    lines: tuple[Line, ...] = ()
    kept: tuple[Kept, ...] = ()
    gone: tuple[Gone, ...] = ()
    held: tuple[Held, ...] = ()
    staged: tuple[Staged, ...] = ()
    told: tuple[Told, ...] = ()
    alarms: tuple[OpenAlarm, ...] = ()
    off: tuple[tuple[str, Span], ...] = ()
    """When a policy was in force under which a track is never recorded (promise R7)."""


def judge(seen: Seen) -> list[Verdict]:
    """Every promise that did not hold."""
    checks = (presses, lateness, lit, coverage, early, untold, switched_off)
    return [verdict for check in checks for verdict in check(seen)]


# --- the alarm --------------------------------------------------------------------------------------------------------


def matched(seen: Seen) -> dict[str, int | None]:
    """For each event at the desk the press that it speaks of; None: there was none."""
    found: dict[str, int | None] = {}
    for event in seen.desk:
        at_ns = seen.rooms.host_ns(event.boot_id, event.pressed_boot_ns)
        off = [(max(one.asked_ns - at_ns, at_ns - one.down_ns, 0), n) for n, one in enumerate(seen.tries)]
        nearest_ns, n = min(off, default=(NS, 0))
        found[event.event_id] = n if nearest_ns <= NEAR_NS else None
    return found


def is_owed(one: Try, ran: Iterable[Span]) -> bool:
    """Whether the alarm process ran from before the press until it must have had it."""
    return any(span.from_ns <= one.asked_ns and span.to_ns >= one.down_ns + OWED_NS for span in ran)


def presses(seen: Seen) -> Iterator[Verdict]:
    """A1: each press is one alarm at the desk, and each alarm is of a press."""
    of = matched(seen)
    for event_id, n in of.items():
        if n is None:
            yield Verdict("A1", f"alarm {event_id} is at the desk, and nobody pressed")
    for n, one in enumerate(seen.tries):
        ids = [event_id for event_id, number in of.items() if number == n]
        if len(ids) > 1:
            yield Verdict("A1", f"press {n} is at the desk under {len(ids)} ids: {', '.join(sorted(ids))}")
        if not ids and is_owed(one, seen.ran) and not _could_not_be_kept(one, seen):
            yield Verdict("A1", f"press {n} is owed and never arrived")


def _could_not_be_kept(one: Try, seen: Seen) -> bool:
    """Nobody could be told of it, no disk took it, and the process that knew of it ended: three faults at once."""
    knew = next(Span(one.down_ns, span.to_ns) for span in seen.ran if is_owed(one, [span]))
    of = {staged.of for staged in seen.staged if staged.span.meets(knew)}
    return "disk" in of and ("broker" in of or "desk" in of or knew.to_ns - knew.from_ns < 2 * NS)


def lateness(seen: Seen) -> Iterator[Verdict]:
    """A4: an event that is older than ten seconds, or of a boot before, says so; a fresh one does not."""
    rooms = seen.rooms
    for event in seen.desk:
        age_ns = rooms.true_ns(event.stored_ns) - (rooms.boots[event.boot_id] + event.pressed_boot_ns)
        other_boot = rooms.at(event.stored_ns).boot_id != event.boot_id
        if not event.replay and (age_ns > REPLAY_NS + SLACK_NS or (other_boot and age_ns > SLACK_NS)):
            yield Verdict(
                "A4", f"alarm {event.event_id} came {age_ns / NS:.1f} s after its press and is not marked late"
            )
        if event.replay and age_ns < REPLAY_NS - SLACK_NS and not other_boot:
            yield Verdict("A4", f"alarm {event.event_id} came {age_ns / NS:.1f} s after its press and is marked late")
        if event.age_ms * MS > age_ns + SLACK_NS:
            yield Verdict("A4", f"alarm {event.event_id} says {event.age_ms} ms; it was {age_ns / NS:.1f} s old")


# --- the recording ----------------------------------------------------------------------------------------------------


def lit(seen: Seen) -> Iterator[Verdict]:
    """R3: the lamp is lit whenever something is written, and not for long when nothing is."""
    looks = sorted(seen.lamps, key=lambda look: look.asked_ns)
    writes = sorted(line.made_ns for line in seen.lines if line.made_ns is not None)
    n = 0
    for made_ns in writes:
        while n < len(looks) and looks[n].asked_ns < made_ns:
            n += 1
        before = next((look for look in reversed(looks[:n]) if look.answered_ns <= made_ns), None)
        after = looks[n] if n < len(looks) else None
        if before is None or after is None or after.asked_ns - before.answered_ns > APART_NS:
            continue
        by_lease = any(ran.to_ns < made_ns <= ran.to_ns + LEASE_NS for ran in seen.ran)
        if not before.lit and not after.lit and not by_lease:
            yield Verdict("R3", f"a segment was written at {made_ns} with the lamp dark")
    for span in _lit_spans(looks):
        faulty = any(span.meets(Span(one.span.from_ns, one.span.to_ns + BACK_NS)) for one in seen.staged)
        if not faulty and not any(span.from_ns - NS <= made_ns <= span.to_ns + NS for made_ns in writes):
            yield Verdict(
                "R3", f"the lamp was lit for {(span.to_ns - span.from_ns) / NS:.1f} s and nothing was written"
            )


def _lit_spans(looks: Sequence[Lamp]) -> Iterator[Span]:
    """Unbroken, and longer than a recording takes to begin."""
    began_ns: int | None = None
    last_ns = 0
    for look in looks:
        if look.lit and began_ns is None:
            began_ns = look.answered_ns
        if began_ns is not None and (not look.lit or look.asked_ns - last_ns > APART_NS):
            if last_ns - began_ns > LIT_NS:
                yield Span(began_ns, last_ns)
            began_ns = look.answered_ns if look.lit else None
        last_ns = look.answered_ns
    if began_ns is not None and last_ns - began_ns > LIT_NS:
        yield Span(began_ns, last_ns)


def holes(lines: Iterable[Line], span: Span) -> list[Span]:
    """What of a span no line covers, seams left out; lines and span are of one boot clock."""
    found, at_ns = list[Span](), span.from_ns
    for line in sorted(lines, key=lambda line: line.from_ns):
        if line.from_ns - at_ns > SEAM_NS and at_ns < span.to_ns:
            found.append(Span(at_ns, min(line.from_ns, span.to_ns)))
        at_ns = max(at_ns, line.to_ns)
    if span.to_ns - at_ns > SEAM_NS:
        found.append(Span(at_ns, span.to_ns))
    return found


def coverage(seen: Seen) -> Iterator[Verdict]:
    """R5, R8: what an open alarm has not in a segment it has in a gap line, from its press to its reset."""
    for alarm in seen.alarms:
        for piece, span in _pieces(seen.rooms, alarm.span):
            for track in alarm.tracks:
                lines = [line for line in seen.lines if line.boot_id == piece.boot_id and line.track == track]
                is_first = span.from_ns == alarm.span.from_ns + piece.shift_ns
                is_last = span.to_ns == alarm.span.to_ns + piece.shift_ns
                to_reset = alarm.is_settled and is_last and not is_overtaxed(seen.lamps, alarm.span)
                since_press = is_first and any(alarm.span.holds(line.made_ns) for line in lines)
                yield from _uncovered(lines, span, track, since_press=since_press, to_reset=to_reset)


def is_overtaxed(looks: Iterable[Lamp], span: Span) -> bool:
    """Whether the machine could not keep up about the end of a span: a recorder that is as late loses its lease."""
    near = Span(span.to_ns - TAXED_NS, span.to_ns + TAXED_NS)
    during = [look for look in looks if near.from_ns <= look.asked_ns < near.to_ns]
    apart = [b.asked_ns - a.answered_ns for a, b in pairwise(during)]
    return any(ns > APART_NS // 2 for ns in [*apart, *(look.answered_ns - look.asked_ns for look in during)])


def _uncovered(
    lines: Sequence[Line], span: Span, track: str, *, since_press: bool, to_reset: bool
) -> Iterator[Verdict]:
    """`since_press`: the span begins with the alarm's press, not with a boot, across which no clock compares; and it
    was recorded while it was open. One that was reset before that may have its end in what is recorded of the next.
    """
    inside = [line for line in lines if line.to_ns > span.from_ns and line.from_ns < span.to_ns]
    if not inside:
        if to_reset:
            yield Verdict("R8", f"{track}: an alarm of {_s(span)} has no line at all")
        return
    for hole in holes(inside, span):
        if hole.to_ns == span.to_ns:  # its last seconds: the post-event seconds hold what was on its way
            if to_reset and hole.to_ns - hole.from_ns > SEGMENT_NS:
                yield Verdict("R8", f"{track}: the last {_s(hole)} of an alarm are in no line")
        elif hole.from_ns != span.from_ns:
            yield Verdict("R5", f"{track}: {_s(hole)} between two parts of an alarm are in no line")
        elif since_press:
            yield Verdict("R8", f"{track}: the first {_s(hole)} of an alarm are in no line")


def _pieces(rooms: Rooms, span: Span) -> Iterator[tuple[Piece, Span]]:
    """The parts of a span of the host's that each piece holds, by the room's boot clock."""
    for piece, after in zip(rooms.pieces, [*rooms.pieces[1:], None], strict=True):
        from_ns = max(span.from_ns, piece.from_ns)
        to_ns = span.to_ns if after is None else min(span.to_ns, after.from_ns)
        if from_ns < to_ns:
            yield piece, Span(from_ns + piece.shift_ns, to_ns + piece.shift_ns)


def _s(span: Span) -> str:
    return f"{(span.to_ns - span.from_ns) / NS:.1f} s"


def switched_off(seen: Seen) -> Iterator[Verdict]:
    """R7: of a track that the policy switches off nothing is recorded."""
    for track, span in seen.off:
        for line in seen.lines:
            if line.track != track or line.is_gap:
                continue
            at_ns = seen.rooms.host_ns(line.boot_id, line.from_ns)
            if span.from_ns <= at_ns < span.to_ns:
                yield Verdict("R7", f"{track} was recorded at {at_ns}, under a policy that switches it off")


# --- keeping ----------------------------------------------------------------------------------------------------------


def early(seen: Seen) -> Iterator[Verdict]:
    """K1, K2, K4: nothing goes before its term by true time, or while it is held."""
    rooms = seen.rooms
    terms = {(one.recording_id, one.track): one.term_ns for one in seen.kept}
    for gone in seen.gone:
        key = (gone.recording_id, gone.track)
        at_true_ns = rooms.boots[gone.boot_id] + gone.boot_ns
        made = [line for line in seen.lines if (line.recording_id, line.track) == key and not line.is_gap]
        oldest_ns = min((rooms.boots[line.boot_id] + line.from_ns for line in made), default=None)
        if oldest_ns is not None and key in terms and at_true_ns < oldest_ns + terms[key] - NS:
            age_ns = at_true_ns - oldest_ns
            yield Verdict("K1", f"{key[1]} of {key[0][:8]} went {age_ns / NS:.0f} s old, of {terms[key] / NS:.0f} s")
        at_ns = rooms.host_ns(gone.boot_id, gone.boot_ns)
        for hold in seen.held:
            is_its = hold.recording_id == gone.recording_id and gone.track in hold.tracks
            if is_its and hold.span.from_ns <= at_ns < hold.span.to_ns:
                yield Verdict("K2", f"{key[1]} of {key[0][:8]} went while a hold kept it")


# --- what the unit says -----------------------------------------------------------------------------------------------

MASKS: dict[str, frozenset[str]] = {
    "broker": frozenset({"alarm", "power", "policy"}),
    "desk": frozenset({"alarm", "power", "policy", "broker"}),
    "camera": frozenset({"alarm", "power", "policy", "recorder"}),
    "microphone": frozenset({"alarm", "power", "policy", "recorder"}),
    "recorder": frozenset({"alarm", "power", "policy"}),
    "keeper": frozenset({"alarm", "power", "policy", "disk"}),
    "disk": frozenset({"alarm", "power", "policy", "keeper", "recorder"}),
}
"""By what a fault is of: faults of what else leave nobody there to find it, or to tell it."""


def untold(seen: Seen) -> Iterator[Verdict]:
    """H1: a fault that lasts is told by its name."""
    for one in seen.staged:
        if not one.told_as or one.span.to_ns - one.span.from_ns < one.told_ns:
            continue
        others = (other for other in seen.staged if other is not one and other.of in MASKS[one.of])
        if any(other.span.meets(Span(one.span.from_ns - NS, one.span.to_ns)) for other in others):
            continue
        said = [told.faults for told in seen.told if one.span.from_ns <= told.at_ns <= one.span.to_ns + NS]
        if not any(faults & set(one.told_as) for faults in said):
            lasted = (one.span.to_ns - one.span.from_ns) / NS
            yield Verdict("H1", f"{one.name} lasted {lasted:.0f} s and was told by no name of {', '.join(one.told_as)}")
