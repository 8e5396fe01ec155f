# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A year of one unit in figures, counted from the lines of its audit log and from nothing else.

The law here: no name, no content, no recording's number; what a council asks (how often, how long, how do you know) and
no more. Pure: lines in, one after the other, figures out; a log of ten years takes no more memory than one of a day.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, TypeGuard

import msgspec

from daemon.model import timeline
from daemon.model.timeline import Boot

NS = 1_000_000_000
SOURCES_MAX = 64
"""Buttons that are told apart; a unit has 35 at the most."""
DECISIONS_MAX = 64
"""Covered windows and policies that are named."""
FIGURE_MAX = 1e15
"""No count, and no number of seconds, is larger."""
PARTS_MAX = 64
"""Parts of one event that are counted as one."""
REMEMBERED_MAX = 20_000
"""Recordings that are told apart: far more than a room has in a year, some megabytes."""
BOOTS_MAX = 20_000
"""Boots whose UTC is worked out, the newest: five a day for ten years."""
LAST_NS = 253_402_300_799 * NS
"""The end of the year 9999: a calendar holds no more."""
PENDING_MAX = 1024
"""Deletions that were begun and have no receipt yet: a keeper begins 64 at once."""

Line = dict[str, Any]


class PolicyFrom(msgspec.Struct, frozen=True):
    """From when a policy was in force, by the log."""

    at_wall_ns: int
    name: str
    sha256: str
    tracks: tuple[str, ...]


class Covered(msgspec.Struct, frozen=True):
    """A covered window that began in the year."""

    at_wall_ns: int
    decision: str


class Figures(msgspec.Struct):
    """The figures of a year. Hours are hours, late is more than 60 s after the term."""

    year: int
    from_wall_ns: int | None = None
    """The first line of the year; null: there is none, and nothing is known."""
    to_wall_ns: int | None = None
    alarms: int = 0
    """Raised, in the room or by an outside worker's button; tests are none."""
    alarms_elsewhere: int = 0
    alarms_by_source: dict[str, int] = {}
    repeated: int = 0
    cancelled: int = 0
    reset: int = 0
    tests: int = 0
    button_faults: int = 0
    recordings: dict[str, int] = {}
    """By what triggered them, as they were when they ended: conversation, alarm, test."""
    recorded_h: dict[str, float] = {}
    """Per track."""
    tracks_recorded: dict[str, int] = {}
    """In how many recordings a track had anything."""
    interrupted: int = 0
    """Recordings that ended otherwise than was asked for."""
    ring_h: dict[str, float] = {}
    """Per track: how long the seconds before an event were held in memory, sealed, or a recording was made."""
    objections: int = 0
    objections_lifted: int = 0
    """By an alarm, where the policy lets it be recorded."""
    covered: list[Covered] = []
    holds_placed: dict[str, int] = {}
    """By kind: incident, access."""
    holds_released: int = 0
    holds_lapsed: int = 0
    reviews_missed: int = 0
    holds_in_force: int = 0
    """At the end of the year, or of the log."""
    handed_out: int = 0
    keys_shown: int = 0
    """By holders who answered a word; one that is shown twice a year counts twice."""
    keys_lost: int = 0
    deleted_on_time: dict[str, int] = {}
    """Per track."""
    deleted_late: dict[str, int] = {}
    """By why: off, clock, disk, held, keeper, busy."""
    latest_h: float = 0.0
    """The latest of them, holds left out: how long after its term."""
    tests_deleted: dict[str, int] = {}
    """Per track: of an engineer's test recordings, which go at once."""
    purged: dict[str, int] = {}
    """Per track: because a policy came into force."""
    unreadable_deleted: dict[str, int] = {}
    """Per track: of recordings that nobody could read the records of, after the longest term that there is."""
    refused: int = 0
    """Requests by people whose groups do not allow them."""
    boots: int = 0
    boots_unclean: int = 0
    """After a pulled plug or a crash."""
    off_h: float = 0.0
    """How long the unit was off, as far as its clock could tell."""
    policies: list[PolicyFrom] = []
    """In force in the year, the one from before it included."""
    lines_unsure: int = 0
    """Lines of the year whose clock followed no reference."""
    lines_dated: int = 0
    """Lines that stand in the year by the unit's own count: their clock said something else, or was not to be
    trusted."""
    acts_lost: int = 0
    torn: int = 0


def year_of(wall_ns: int) -> int:
    """The year of a moment, in UTC."""
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=wall_ns // NS)
    return moment.year


class Calendar:
    """When each line of a log happened, by what the log says of boots and UTC. `take` each line, then `finish`."""

    def __init__(self) -> None:
        self._boots: dict[str, Boot] = {}
        self._offset_ns: int | None = None
        """As the log believed it last."""

    def take(self, line: Line) -> None:
        """Takes what a line says of time; only a keeper writes such lines."""
        boot_id, powered_ns, utc_ns = line.get("boot_id"), line.get("powered_ns"), line.get("utc_ns")
        if not isinstance(boot_id, str) or not _is_ns(powered_ns):
            return
        if line.get("event") == "boot":
            self._boots[boot_id] = Boot(powered_ns)
            if len(self._boots) > BOOTS_MAX:
                del self._boots[next(iter(self._boots))]
        elif line.get("event") == "clock" and boot_id in self._boots and _is_ns(utc_ns):
            self._offset_ns = utc_ns - powered_ns
            self._boots[boot_id] = Boot(self._boots[boot_id].began_ns, own_ns=self._offset_ns)

    def finish(self) -> None:
        """The log has no more lines: what a later one says dates the earlier ones."""
        self._boots = timeline.settled(self._boots, self._offset_ns)

    def date(self, line: Line) -> timeline.Date:
        """When it happened: an act by its own clock, anything else when it was written."""
        for kind in ("acted_", "ended_", ""):
            claimed_ns, boot_id, boot_ns = (line.get(f"{kind}{key}") for key in _STAMP[kind])
            if not isinstance(claimed_ns, int):
                continue
            trusted = line.get(f"{kind}clock", "" if boot_id else line.get("clock")) == "synchronised"
            known = isinstance(boot_id, str) and _is_ns(boot_ns)
            stamp = timeline.Stamp(boot_id, boot_ns) if known else timeline.Stamp("", 0)  # type: ignore[arg-type]
            found = timeline.date(self._boots if known else {}, stamp, claimed_ns, trusted=trusted)
            return timeline.Date(min(max(found.wall_ns, 0), LAST_NS), found.by)
        return timeline.Date(0, "unsure")


_STAMP = {
    "acted_": ("wall_ns", "boot_id", "boot_ns"), "ended_": ("wall_ns", "boot_id", "boot_ns"),
    "": ("at_wall_ns", "boot_id", "at_boot_ns"),
}  # fmt: skip


class Tally:
    """Counts one year. `take` each line in order, then `finish`."""

    def __init__(self, year: int, calendar: Calendar | None = None) -> None:
        """`calendar`: what has gone through all lines already; without it each line is dated by its own clock."""
        self.figures = Figures(year)
        self._calendar = calendar or Calendar()
        self._holds: dict[str, bool] = {}
        self._deleting: dict[tuple[str, str], Line] = {}
        self._continues: dict[str, str] = {}
        """Recordings that go on with another, and which."""
        self._ended: dict[str, str] = {}
        """Events that were counted, by their first recording, and as what."""
        self._parts: dict[str, None] = {}
        """Recordings that were counted: a log can tell of one twice."""
        self._gone: dict[tuple[str, str], None] = {}
        """Tracks whose receipts were counted."""
        self._rules: dict[str, Callable[[Line], None]] = {
            "alarm_raised": self._raised, "recording_ended": self._recorded, "ring_time": self._ring,
            "objection_ended": self._relented, "cover_began": self._covered, "hold_placed": self._placed,
            "hold_releasing": self._releasing, "deleted": self._deleted, "boot": self._boot, "clock": self._clock,
            "refused": self._refused, "acts_lost": self._lost,
        }  # fmt: skip

    def take(self, line: Line) -> None:
        """Counts a line, if it is of the year; what carries over from earlier years is remembered."""
        when = self._calendar.date(line)
        at_ns, year = when.wall_ns, year_of(when.wall_ns)
        if year > self.figures.year:
            return
        self._remember(line, at_ns)
        if year < self.figures.year:
            return
        figures, event = self.figures, str(line.get("event"))
        figures.from_wall_ns = min(at_ns, figures.from_wall_ns or at_ns)
        figures.to_wall_ns = max(at_ns, figures.to_wall_ns or at_ns)
        figures.lines_unsure += line.get("acted_clock", line.get("clock")) != "synchronised"
        figures.lines_dated += when.by in {"count", "latest"}
        plain = _COUNTED.get(event)
        if plain:
            setattr(figures, plain, getattr(figures, plain) + 1)
        if event in self._rules:
            self._rules[event](line)

    def finish(self) -> Figures:
        """The figures, hours to the hundredth: they are counted in full and rounded once."""
        figures = self.figures
        for hours in (figures.recorded_h, figures.ring_h):
            hours.update({track: round(length_h, 2) for track, length_h in hours.items()})
        figures.off_h, figures.latest_h = round(figures.off_h, 2), round(figures.latest_h, 2)
        return figures

    def _remember(self, line: Line, at_ns: int) -> None:
        """What a year inherits: the policy in force, holds, and deletions that were begun."""
        figures = self.figures
        match line:
            case {"event": "policy", "name": str(name), "sha256": str(sha256), "tracks": list(tracks)}:
                found = PolicyFrom(at_ns, name, sha256, tuple(map(str, tracks)))
                inherits = year_of(found.at_wall_ns) < figures.year
                figures.policies = [found] if inherits else [*figures.policies, found][-DECISIONS_MAX:]
            case {"event": "hold_placed" | "hold_restored", "hold_id": str(hold_id)}:
                self._holds[hold_id] = True
            case {"event": "hold_released", "hold_id": str(hold_id)}:
                self._holds.pop(hold_id, None)
            case {"event": "recording_began", "recording_id": str(name), "continues": str(before)}:
                _remember(self._continues, name, before)
            case {"event": "deleting", "recording_id": str(name), "track": str(track)}:
                self._deleting[name, track] = line
                if len(self._deleting) > PENDING_MAX:
                    del self._deleting[next(iter(self._deleting))]
        figures.holds_in_force = len(self._holds)

    def _raised(self, line: Line) -> None:
        self.figures.alarms_elsewhere += line.get("in_room") is False
        source = str(line.get("source"))
        if source in self.figures.alarms_by_source or len(self.figures.alarms_by_source) < SOURCES_MAX:
            _add(self.figures.alarms_by_source, source)

    def _recorded(self, line: Line) -> None:
        figures, seconds, name = self.figures, line.get("seconds"), str(line.get("recording_id"))
        if name in self._parts:
            return
        if "recording_id" in line:
            _remember(self._parts, name, None)
        self._count_event(name, str(line.get("trigger")))
        figures.interrupted += line.get("why") != "asked"
        for track, length_s in seconds.items() if isinstance(seconds, dict) else ():
            _add(figures.tracks_recorded, str(track))
            _add(figures.recorded_h, str(track), _number(length_s) / 3600)

    def _count_event(self, name: str, trigger: str) -> None:
        """What a fault of the recorder cut in parts is one event, and an alarm's where any part of it is."""
        for _ in range(PARTS_MAX):
            name = self._continues.get(name, name)
        before = self._ended.get(name)
        if before is not None and (trigger != "alarm" or before == "alarm"):
            return
        if before is not None:
            _add(self.figures.recordings, before, -1)
        _add(self.figures.recordings, trigger)
        if name in self._parts or name in self._continues.values():
            _remember(self._ended, name, trigger)

    def _ring(self, line: Line) -> None:
        for track in ("audio", "video"):
            if f"{track}_s" in line:
                _add(self.figures.ring_h, track, _number(line[f"{track}_s"]) / 3600)

    def _relented(self, line: Line) -> None:
        self.figures.objections_lifted += line.get("why") == "alarm"

    def _covered(self, line: Line) -> None:
        if len(self.figures.covered) < DECISIONS_MAX:
            self.figures.covered.append(Covered(self._calendar.date(line).wall_ns, str(line.get("decision"))))

    def _placed(self, line: Line) -> None:
        _add(self.figures.holds_placed, str(line.get("kind")))

    def _releasing(self, line: Line) -> None:
        if line.get("lapsed"):
            self.figures.holds_lapsed += 1
        else:
            self.figures.holds_released += 1

    def _deleted(self, line: Line) -> None:
        figures, track, name = self.figures, str(line.get("track")), str(line.get("recording_id"))
        begun = self._deleting.pop((name, track), {})
        if (name, track) in self._gone and not begun:
            return  # a crash came between a receipt and its signature: it was written again
        if "recording_id" in line:
            _remember(self._gone, (name, track), None)
        if begun.get("reason") == "test":
            _add(figures.tests_deleted, track)
            return
        if "late_s" in line:  # the disk refused, or the unit went off, in between
            begun = {**begun, "late_s": line["late_s"], "late_why": line.get("late_why")}
        why = str(begun.get("late_why") or "")
        if begun.get("reason") == "unreadable":
            _add(figures.unreadable_deleted, track)
        elif begun.get("reason") == "policy":
            _add(figures.purged, track)
        elif why:
            _add(figures.deleted_late, why)
            late_h = 0.0 if why == "held" else _number(begun.get("late_s")) / 3600
            figures.latest_h = max(figures.latest_h, late_h)
        else:
            _add(figures.deleted_on_time, track)

    def _boot(self, line: Line) -> None:
        """The very first start has no other before it that could have ended badly."""
        self.figures.boots_unclean += line.get("clean") is False and line.get("n") != 0

    def _clock(self, line: Line) -> None:
        self.figures.off_h += _number(line.get("off_s")) / 3600

    def _refused(self, line: Line) -> None:
        self.figures.refused += int(_number(line.get("count")))

    def _lost(self, line: Line) -> None:
        self.figures.acts_lost += int(_number(line.get("count")))


_COUNTED = {
    "alarm_raised": "alarms", "alarm_repeated": "repeated", "alarm_cancelled": "cancelled", "alarm_reset": "reset",
    "alarm_test": "tests", "alarm_fault": "button_faults", "objection_began": "objections",
    "hold_review_due": "reviews_missed", "handed_out": "handed_out",
    "holder_proven": "keys_shown", "holder_lost": "keys_lost", "boot": "boots", "torn": "torn",
}  # fmt: skip
"""Events of which a year has so many, and the figure that says it."""


def _is_ns(value: object) -> TypeGuard[int]:
    """Whether this is a time that a unit can have written: 300 years at the most."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < timeline.NEVER_NS


def _number(value: object) -> float:
    """A figure of a line; 0 for what is none, or none that a unit writes."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and abs(value) < FIGURE_MAX else 0.0  # type: ignore[arg-type]


def _remember(known: dict[Any, Any], key: object, value: object) -> None:
    known[key] = value
    if len(known) > REMEMBERED_MAX:
        del known[next(iter(known))]


def _add(counts: dict[str, Any], key: str, more: float = 1) -> None:
    counts[key] = counts.get(key, 0) + more
