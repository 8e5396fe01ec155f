# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A year of one unit in figures, counted only from the lines of its audit log.

Invariant: no name, no content, no recording id; only what a council asks (how often, how long, how do you know). Pure:
lines in, figures out; a log of ten years takes no more memory than one of a day.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from daemon.model import acts, timeline
from daemon.model.ledger import Acted, Line
from daemon.model.timeline import Boot, Stamp
from hardware.ports import ClockState, Track

NS = 1_000_000_000
SOURCES_MAX = 64
"""Buttons told apart; a unit has at most 35."""
DECISIONS_MAX = 64
"""Covered windows and policies that are listed."""
FIGURE_MAX = 1e15
"""Maximum number of seconds."""
PARTS_MAX = 64
"""Parts of one event that count as one."""
REMEMBERED_MAX = 20_000
"""Recordings told apart: far more than a room has in a year, some megabytes."""
BOOTS_MAX = 20_000
"""Boots whose UTC is worked out, the newest: five a day for ten years."""
DAY_NS = 86_400 * NS
LAST_NS = 253_402_300_799 * NS
"""The end of the year 9999, and of the calendar."""
PENDING_MAX = 1024
"""Deletions without a receipt yet: a keeper begins 64 at once."""

Key = tuple[str, Track]
"""A recording and one of its tracks."""


class PolicyFrom(msgspec.Struct, frozen=True):
    """When a policy came into force, by the log."""

    at_wall_ns: int
    name: str
    sha256: str
    tracks: tuple[str, ...]
    criteria: str = ""
    """What counts as aggression or violence; the next two: who set it, and when it was looked at last."""
    criteria_by: str = ""
    criteria_reviewed: str = ""


class Incident(msgspec.Struct, frozen=True):
    """One alarm of the year, and what somebody said it was."""

    at_wall_ns: int
    alarm_id: str
    kind: str
    """`unsaid`: nobody has said it."""
    measures: tuple[str, ...] = ()
    police_report: str = ""


class Covered(msgspec.Struct, frozen=True):
    """A covered window that began in the year."""

    at_wall_ns: int
    decision: str


class Figures(msgspec.Struct):
    """The figures of a year. Times are in hours; late means more than 60 s after the term."""

    year: int
    """From its first moment to its last in `zone`."""
    zone: str = "UTC"
    """As the log names it last; UTC where this machine does not have that zone."""
    from_wall_ns: int | None = None
    """The first line of the year; null: there is none, and nothing is known."""
    to_wall_ns: int | None = None
    alarms: int = 0
    """Raised, in the room or by an outside worker's button, without tests."""
    alarms_elsewhere: int = 0
    alarms_by_source: dict[str, int] = {}
    repeated: int = 0
    cancelled: int = 0
    reset: int = 0
    tests: int = 0
    button_faults: int = 0
    conversations: int = 0
    """Uses of the room that its in-use contact told, a recording or not; 0 where none is fitted."""
    conversations_recorded: int = 0
    """Of these, something was recorded."""
    conversations_with_alarm: int = 0
    incidents: dict[str, int] = {}
    """Alarms by what they were, as somebody said it last, in whatever year; `unsaid`: nobody has."""
    measures: dict[str, int] = {}
    """What was done about them."""
    police_reports: int = 0
    """Alarms with the number of a report of a crime."""
    recordings: dict[str, int] = {}
    """By their trigger when they ended: conversation, alarm, test."""
    recorded_h: dict[str, float] = {}
    """By track."""
    tracks_recorded: dict[str, int] = {}
    """Number of recordings that had anything of a track."""
    interrupted: int = 0
    """Recordings that did not end as asked."""
    ring_h: dict[str, float] = {}
    """By track: how long sealed pre-event seconds were held in memory, or a recording was made."""
    objections: int = 0
    objections_lifted: int = 0
    """By an alarm, if the policy lets it be recorded."""
    covered: list[Covered] = []
    holds_placed: dict[str, int] = {}
    """By kind: incident, access."""
    holds_released: int = 0
    holds_lapsed: int = 0
    reviews_missed: int = 0
    holds_in_force: int = 0
    """At the end of the year, or of the log."""
    handed_out: int = 0
    handed_out_for: dict[str, int] = {}
    """By purpose; `unsaid`: an earlier release did not ask for one."""
    copies_used: dict[str, int] = {}
    """By what custodians reported: opened, handed over, accessed, returned, destroyed."""
    copies_used_for: dict[str, int] = {}
    """By purpose."""
    keys_shown: int = 0
    """Answers of holders; a key shown twice a year counts twice."""
    keys_lost: int = 0
    deleted_on_time: dict[str, int] = {}
    """By track."""
    deleted_late: dict[str, int] = {}
    """By reason: off, clock, disk, held, keeper, busy."""
    latest_h: float = 0.0
    """The latest deletion, holds excluded: time after its term."""
    tests_deleted: dict[str, int] = {}
    """By track: an engineer's test recordings, which are deleted at once."""
    purged: dict[str, int] = {}
    """By track: because of a new policy."""
    unreadable_deleted: dict[str, int] = {}
    """By track: recordings with unreadable records, after the longest possible term."""
    refused: int = 0
    """Requests by people whose groups do not allow them."""
    boots: int = 0
    boots_unclean: int = 0
    """After a power cut or a crash."""
    off_h: float = 0.0
    """How long the unit was off, as far as its clock could tell."""
    policies: list[PolicyFrom] = []
    """In force during the year, including the one from before."""
    lines_unsure: int = 0
    """Lines of the year with an unsynchronised clock."""
    lines_dated: int = 0
    """Lines placed in the year by the unit's own count: their clock said otherwise, or was not trusted."""
    acts_lost: int = 0
    torn: int = 0


def year_of(wall_ns: int, zone: datetime.tzinfo = datetime.UTC) -> int:
    """The year of a moment in a zone; a moment beyond a calendar's last day is in its last year."""
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=wall_ns // NS)
    return moment.year if wall_ns > LAST_NS - DAY_NS else moment.astimezone(zone).year


def together(several: Sequence[Figures]) -> Figures:
    """The figures of several units as one: numbers are added up, the latest is the latest of all."""
    first, *others = several
    total = msgspec.structs.replace(first)
    for one in others:
        for name in Figures.__struct_fields__:
            setattr(total, name, _added(name, getattr(total, name), getattr(one, name)))
    total.policies, found = [], sorted(total.policies, key=lambda policy: policy.at_wall_ns)
    for policy in found:
        total.policies = _and(total.policies, policy)
    total.covered.sort(key=lambda window: window.at_wall_ns)
    return total


def _and(policies: list[PolicyFrom], found: PolicyFrom) -> list[PolicyFrom]:
    """One more policy, unless it is the last one again: after a clock in doubt, or in the next room of a town."""
    is_same = policies and msgspec.structs.replace(policies[-1], at_wall_ns=found.at_wall_ns) == found
    return policies if is_same else [*policies, found]


def _added(name: str, one: Any, other: Any) -> Any:
    """Two units' figures of one name."""
    if name in {"year", "zone"}:
        return one
    if name in {"from_wall_ns", "to_wall_ns"}:
        known = [value for value in (one, other) if value is not None]
        return (min if name == "from_wall_ns" else max)(known, default=None)
    if name == "latest_h":
        return max(one, other)
    if isinstance(one, dict):
        return {key: round(one.get(key, 0) + other.get(key, 0), 2) for key in {**one, **other}}
    if isinstance(one, list):
        return [*one, *(part for part in other if part not in one)]
    return round(one + other, 2)


class Calendar:
    """Dates the lines of a log by its lines about boots and UTC. `take` each line, then `finish`."""

    def __init__(self) -> None:
        self._boots: dict[str, Boot] = {}
        self._offset_ns: int | None = None
        """The offset last believed in the log."""
        self.zone = "UTC"
        """Of the policy's days, as the log named it last."""

    def take(self, line: Line) -> None:
        """Take what a line says about time; only a keeper writes such lines."""
        match line.act:
            case acts.Boot(powered_ns=powered_ns):
                self._boots[line.boot_id] = Boot(powered_ns)
                if len(self._boots) > BOOTS_MAX:
                    del self._boots[next(iter(self._boots))]
            case acts.Clock(utc_ns=utc_ns, powered_ns=powered_ns) if line.boot_id in self._boots:
                self._offset_ns = utc_ns - powered_ns
                self._boots[line.boot_id] = Boot(self._boots[line.boot_id].began_ns, own_ns=self._offset_ns)
            case acts.YearBegan(powered_ns=powered_ns, offset_ns=offset_ns) if line.boot_id not in self._boots:
                self._offset_ns = offset_ns  # the year in which this boot began is not there any more
                self._boots[line.boot_id] = Boot(powered_ns, own_ns=offset_ns)
            case acts.Policy(zone=zone):
                self.zone = zone or "UTC"

    def finish(self) -> None:
        """The log has ended: later lines about time date earlier ones."""
        self._boots = timeline.settled(self._boots, self._offset_ns)

    def date(self, line: Line) -> timeline.Date:
        """When it happened: an act by its own clock, anything else when it was written."""
        found = timeline.date(self._boots, _stamp(line), _claimed_ns(line), trusted=_is_trusted(line))
        return timeline.Date(min(max(found.wall_ns, 0), LAST_NS), found.by)


def _stamp(line: Line) -> Stamp:
    """Its moment by the monotonic clock; if its boot is unknown, that of a neighbour, or none."""
    match line:
        case Line(acted=Acted() as acted):
            return Stamp(acted.acted_boot_id if acted.acted_boot_ns >= 0 else "", acted.acted_boot_ns)
        case Line(act=acts.RecordingEnded() as end):
            return Stamp(end.ended_boot_id, end.ended_boot_ns)
    return Stamp(line.boot_id, line.at_boot_ns)


def _claimed_ns(line: Line) -> int:
    """The same by the wall clock."""
    end_ns = line.act.ended_wall_ns if isinstance(line.act, acts.RecordingEnded) else line.at_wall_ns
    return line.acted.acted_wall_ns if line.acted else end_ns


def _is_trusted(line: Line) -> bool:
    """Whether that clock claimed to be synchronised; the end of a recording does not say."""
    has_ended = isinstance(line.act, acts.RecordingEnded) and line.act.ended_boot_id
    return not has_ended and _clock(line) == "synchronised"


def _clock(line: Line) -> ClockState:
    return line.acted.acted_clock if line.acted else line.clock


class Tally:
    """Counts one year. `take` each line in order, then `finish`."""

    def __init__(self, year: int, calendar: Calendar | None = None, zone: datetime.tzinfo = datetime.UTC) -> None:
        """`calendar`: it has taken all lines already. Without it each line is dated by its own clock.

        `zone`: in which the year begins and ends.
        """
        self._calendar = calendar or Calendar()
        self.figures = Figures(year, str(zone))
        self._zone = zone
        self._holds: set[str] = set()
        self._deleting: dict[Key, acts.Deleting] = {}
        self._continues: dict[str, str] = {}
        """Recordings that continue another, and which."""
        self._ended: dict[str, str] = {}
        """Counted events, by their first recording, with their trigger."""
        self._parts: dict[str, None] = {}
        """Counted recordings: a log can name one twice."""
        self._raised_ns: dict[str, int] = {}
        """Alarms of the year, and when."""
        self._closed: dict[str, acts.IncidentClosed] = {}
        """What was said of alarms, of any year and in any: the newest counts."""
        self._slips: dict[str, None] = {}
        """Slips that have been counted."""
        self._uses_told: dict[tuple[str, ...], tuple[int, int]] = {}
        """Uses in the same words: how many by slips, and how many typed."""
        self._ring_ns = 0
        """When the last line of ring time was written."""
        self._gone: dict[Key, None] = {}
        """Tracks whose receipts have been counted."""
        self._rules: Mapping[type, Callable[[Any], None]] = {
            acts.AlarmRaised: self._raised, acts.RecordingEnded: self._recorded, acts.RingTime: self._ring,
            acts.ObjectionEnded: self._relented, acts.HoldPlaced: self._placed, acts.HoldReleasing: self._releasing,
            acts.Deleted: self._deleted, acts.Clock: self._clock, acts.Refused: self._refused,
            acts.ActsLost: self._lost, acts.HandedOut: self._handed_out, acts.CopyUsed: self._used,
            acts.Uses: self._uses,
        }  # fmt: skip

    def take(self, line: Line) -> None:
        """Count a line if it is of the year; remember what carries over from earlier years."""
        when = self._calendar.date(line)
        at_ns = self._middle(line, when.wall_ns)
        if isinstance(line.act, acts.IncidentClosed):  # also of a later year: what is known by now is told
            _remember(self._closed, line.act.alarm_id, line.act)
        year = year_of(at_ns, self._zone)
        if year > self.figures.year:
            return
        self._remember(line, at_ns)
        if year < self.figures.year:
            return
        figures, kind = self.figures, type(line.act)
        figures.from_wall_ns = min(at_ns, figures.from_wall_ns or at_ns)
        figures.to_wall_ns = max(at_ns, figures.to_wall_ns or at_ns)
        figures.lines_unsure += _clock(line) != "synchronised"
        figures.lines_dated += when.by in {"count", "latest"}
        if plain := _COUNTED.get(kind):
            setattr(figures, plain, getattr(figures, plain) + 1)
        if rule := self._rules.get(kind):
            rule(line.act)
        match line.act:
            case acts.AlarmRaised(alarm_id=alarm_id):
                _remember(self._raised_ns, alarm_id, self._raised_ns.get(alarm_id, at_ns))
            case acts.Boot(clean=False):  # before the very first start there was none that could have ended badly
                figures.boots_unclean += line.n != 0
            case acts.CoverBegan(decision=decision) if len(figures.covered) < DECISIONS_MAX:
                figures.covered.append(Covered(at_ns, decision))

    def _middle(self, line: Line, at_ns: int) -> int:
        """A line of ring time is about what went before it: it counts in the year in which most of that was."""
        if not isinstance(line.act, acts.RingTime):
            return at_ns
        since_ns, self._ring_ns = max(self._ring_ns, at_ns - DAY_NS), at_ns
        return (min(since_ns, at_ns) + at_ns) // 2

    def finish(self) -> Figures:
        """Return the figures; hours are rounded to the hundredth, once."""
        figures = self.figures
        for one in self.incidents():
            _add(figures.incidents, one.kind)
            figures.police_reports += bool(one.police_report)
            for measure in one.measures:
                _add(figures.measures, measure)
        for hours in (figures.recorded_h, figures.ring_h):
            hours.update({track: round(length_h, 2) for track, length_h in hours.items()})
        figures.off_h, figures.latest_h = round(figures.off_h, 2), round(figures.latest_h, 2)
        return figures

    def incidents(self) -> list[Incident]:
        """The year's alarms in the order in which they were raised."""
        found = sorted((at_ns, alarm_id) for alarm_id, at_ns in self._raised_ns.items())
        return [self._incident(*one) for one in found]

    def _incident(self, at_ns: int, alarm_id: str) -> Incident:
        said = self._closed.get(alarm_id)
        if said is None:
            return Incident(at_ns, alarm_id, "unsaid")
        return Incident(at_ns, alarm_id, said.kind, said.measures, said.police_report or "")

    def _remember(self, line: Line, at_ns: int) -> None:
        """Remember what a year inherits: the policy in force, holds, and unfinished deletions."""
        figures = self.figures
        match line.act:
            case acts.Policy(name=name, sha256=sha256, tracks=tracks) as policy:
                criteria = policy.criteria or "", policy.criteria_by or "", policy.criteria_reviewed or ""
                found = PolicyFrom(at_ns, name, sha256, tracks, *criteria)
                inherits = year_of(found.at_wall_ns, self._zone) < figures.year
                figures.policies = _and([] if inherits else figures.policies, found)[-DECISIONS_MAX:]
            case acts.HoldPlaced(hold_id=hold_id) | acts.HoldRestored(hold_id=hold_id):
                self._holds.add(hold_id)
            case acts.HoldReleased(hold_id=hold_id):
                self._holds.discard(hold_id)
            case acts.RecordingBegan(recording_id=name, continues=str(before)):
                _remember(self._continues, name, before)
            case acts.Deleting(recording_id=name, track=track) as begun:
                self._deleting[name, track] = begun
                if len(self._deleting) > PENDING_MAX:
                    del self._deleting[next(iter(self._deleting))]
        figures.holds_in_force = len(self._holds)

    def _raised(self, act: acts.AlarmRaised) -> None:
        self.figures.alarms_elsewhere += not act.in_room
        if act.source in self.figures.alarms_by_source or len(self.figures.alarms_by_source) < SOURCES_MAX:
            _add(self.figures.alarms_by_source, act.source)

    def _recorded(self, act: acts.RecordingEnded) -> None:
        figures, name = self.figures, act.recording_id
        if name in self._parts:
            return
        _remember(self._parts, name, None)
        self._count_event(name, act.trigger)
        figures.interrupted += act.why != "asked"
        for track, length_s in act.seconds.items():
            _add(figures.tracks_recorded, track)
            _add(figures.recorded_h, track, _hours(length_s))

    def _count_event(self, name: str, trigger: str) -> None:
        """Count the parts of an interrupted recording as one event, and as an alarm's if any part is."""
        for _ in range(PARTS_MAX):
            name = self._continues.get(name, name)
        before = self._ended.get(name)
        if before is not None and trigger != "alarm":
            return
        if before is not None:
            _add(self.figures.recordings, before, -1)
        _add(self.figures.recordings, trigger)
        if name in self._parts or name in self._continues.values():
            _remember(self._ended, name, trigger)

    def _ring(self, act: acts.RingTime) -> None:
        for track, length_s in (("audio", act.audio_s), ("video", act.video_s)):
            if length_s is not UNSET:
                _add(self.figures.ring_h, track, _hours(length_s))

    def _relented(self, act: acts.ObjectionEnded) -> None:
        self.figures.objections_lifted += act.why == "alarm"

    def _placed(self, act: acts.HoldPlaced) -> None:
        _add(self.figures.holds_placed, act.kind)

    def _releasing(self, act: acts.HoldReleasing) -> None:
        if act.lapsed is True:
            self.figures.holds_lapsed += 1
        else:
            self.figures.holds_released += 1

    def _deleted(self, act: acts.Deleted) -> None:
        figures, track, key = self.figures, act.track, (act.recording_id, act.track)
        begun = self._deleting.pop(key, None)
        if key in self._gone and begun is None:
            return  # a crash between a receipt and its signature: it was written again
        _remember(self._gone, key, None)
        reason, late_s, why = (begun.reason, begun.late_s, begun.late_why) if begun else ("term", 0, "")
        if act.late_s is not UNSET:  # in between the disk refused, or the unit was off
            late_s, why = act.late_s, act.late_why or ""
        if apart := _APART.get(reason):
            _add(getattr(figures, apart), track)
        elif why:
            _add(figures.deleted_late, why)
            figures.latest_h = max(figures.latest_h, 0.0 if why == "held" else _hours(late_s))
        else:
            _add(figures.deleted_on_time, track)

    def _handed_out(self, act: acts.HandedOut) -> None:
        _add(self.figures.handed_out_for, act.purpose or "unsaid")

    def _used(self, act: acts.CopyUsed) -> None:
        """Count a use, unless it is one that was told in the same words by the other way: as a slip, or typed."""
        if is_slip := act.slip_sha256 is not UNSET:
            if act.slip_sha256 in self._slips:
                return  # a crash between its line and the signature: it was brought again
            _remember(self._slips, str(act.slip_sha256), None)
        words = act.recording_id, act.use, act.purpose, act.number, act.on_behalf_of
        slips, typed = self._uses_told.get(words, (0, 0))
        now = slips + is_slip, typed + (not is_slip)
        _remember(self._uses_told, words, now)
        if max(now) == max(slips, typed):
            return
        _add(self.figures.copies_used, act.use)
        _add(self.figures.copies_used_for, act.purpose)

    def _uses(self, act: acts.Uses) -> None:
        self.figures.conversations += act.uses
        self.figures.conversations_recorded += act.recorded
        self.figures.conversations_with_alarm += act.alarms

    def _clock(self, act: acts.Clock) -> None:
        self.figures.off_h += 0.0 if act.off_s is UNSET else _hours(act.off_s)

    def _refused(self, act: acts.Refused) -> None:
        self.figures.refused += act.count

    def _lost(self, act: acts.ActsLost) -> None:
        self.figures.acts_lost += act.count


_COUNTED: Mapping[type, str] = {
    acts.AlarmRaised: "alarms", acts.AlarmRepeated: "repeated", acts.AlarmCancelled: "cancelled",
    acts.AlarmReset: "reset", acts.AlarmTest: "tests", acts.AlarmFault: "button_faults",
    acts.ObjectionBegan: "objections", acts.HoldReviewDue: "reviews_missed", acts.HandedOut: "handed_out",
    acts.HolderProven: "keys_shown", acts.HolderLost: "keys_lost", acts.Boot: "boots", acts.Torn: "torn",
}  # fmt: skip
"""Acts that are counted, and their figures."""
_APART = {"test": "tests_deleted", "unreadable": "unreadable_deleted", "policy": "purged"}
"""Deletions for another reason than the term, and their figures."""


def _hours(seconds: float) -> float:
    """A duration in hours; 0 if no unit writes such a value."""
    return seconds / 3600 if abs(seconds) < FIGURE_MAX else 0.0


def _remember(known: dict[Any, Any], key: object, value: object) -> None:
    known[key] = value
    if len(known) > REMEMBERED_MAX:
        del known[next(iter(known))]


def _add(counts: dict[str, Any], key: str, more: float = 1) -> None:
    counts[key] = counts.get(key, 0) + more
