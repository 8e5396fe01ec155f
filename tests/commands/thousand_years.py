# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Years of a unit, told twice: as the log that its keeper would write, and as answers to the council, counted by hand.

`python -m tests.commands.thousand_years --count 1000 --seed 1` (`make council-years`): each year is written as a log of
closed years and the newest, read by `report` and `report --csv`, and compared question by question. What is counted
here knows no line of a log: it is counted while the story is made up, by the date on a wall in Amsterdam.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import datetime
import io
import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from daemon.commands.report import report
from daemon.model.ledger import START
from daemon.records import sha256
from tests.auditlog import raw, sample

NS = 1_000_000_000
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAY = datetime.timedelta(days=1)
KINDS = ("verbal", "intimidation", "physical", "property", "false", "exercise")
MEASURES = ("aftercare", "talk", "warning", "ban", "damages", "other")
PURPOSES = ("report_to_police", "demand", "access_request", "complaint", "internal_measure")
USES = ("opened", "handed_over", "accessed", "returned", "destroyed")
DUTCH = {
    "verbal": "verbaal", "intimidation": "bedreiging of intimidatie", "physical": "fysiek", "property": "vernieling",
    "false": "loos alarm", "exercise": "oefening", "": "niet opgegeven", "aftercare": "opvang en nazorg",
    "talk": "ordegesprek", "warning": "waarschuwing", "ban": "toegangsontzegging", "damages": "schadeverhaal",
    "other": "anders",
}  # fmt: skip
QUESTIONS = {
    "3, how often": ("conversations", "conversations_recorded", "conversations_with_alarm", "alarms",
                     "alarms_elsewhere", "alarms_by_source", "repeated", "cancelled", "tests", "button_faults"),
    "3, what it was": ("incidents", "measures", "police_reports", "policies"),
    "3, how we know": ("boots", "boots_unclean", "off_h", "lines_unsure", "acts_lost", "refused"),
    "4, how often used": ("handed_out", "copies_used"),
    "4, for what": ("handed_out_for", "copies_used_for"),
    "6, was all recorded": ("recordings", "tracks_recorded", "recorded_h", "interrupted", "ring_h", "objections",
                            "objections_lifted", "covered"),
    "kept and deleted": ("holds_placed", "holds_released", "holds_lapsed", "holds_in_force", "deleted_on_time",
                         "deleted_late", "latest_h", "tests_deleted", "purged"),
}  # fmt: skip
"""Figures by the question of Dronten's council that they answer; the last row is the officer's."""
Answers = dict[str, Any]
Holds = list[tuple[datetime.datetime, str]]
"""Active ones, and when they were placed."""


class Told:
    """What was told of one year, by hand."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = defaultdict(float)
        self.by: dict[str, Counter[str]] = defaultdict(Counter)
        self.alarms: dict[str, datetime.datetime] = {}
        self.policies: list[tuple[datetime.datetime, str]] = []
        self.covered: list[str] = []
        self.latest_s = 0


class Story:
    """A unit from autumn to the spring after next, and what happened in each year on the way."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.year = self.random.randint(2026, 2036)
        self.told: dict[int, Told] = defaultdict(Told)
        self.closed: dict[str, tuple[str, tuple[str, ...], str]] = {}
        """What each alarm was, as it was said last."""
        self._lines: list[tuple[datetime.datetime, int, dict[str, Any]]] = []
        self._boot, self._boot_at, self._powered_s, self._numbers = "", self._start(), 0.0, 0
        self._live()

    def _start(self) -> datetime.datetime:
        return datetime.datetime(self.year - 1, 11, 3, 8, tzinfo=AMSTERDAM).astimezone(datetime.UTC)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    # --- what happens -----------------------------------------------------------------------------------------------

    def _live(self) -> None:
        at, ends = self._start(), datetime.datetime(self.year + 1, 3, 1, tzinfo=datetime.UTC)
        self._turned_on(at, None)
        self._policy(at)
        holds: Holds = []
        handed: list[str] = []
        while at < ends:
            local = at.astimezone(AMSTERDAM)
            # Whatever the year's length, it is busy around its ends.
            near = (local.month, local.day) in {(12, 31), (1, 1)}
            for _ in range(self.random.randint(2, 7) if near else self.random.randint(0, 2)):
                self._something(self._moment(at), holds, handed)
            self._day_ends(at)
            if self.random.random() < 0.05:
                off = at + datetime.timedelta(hours=20, minutes=self.random.randint(0, 120))
                on = off + datetime.timedelta(hours=self.random.choice([1, 5, 60, 300]))
                self._turned_on(on, off)
                at = on
            at += datetime.timedelta(days=1 if near else self.random.choice([1, 3, 9]))
            local = at.astimezone(AMSTERDAM)
            back = at - datetime.timedelta(days=local.day - 1)
            if local.month == 1 and 2 <= local.day <= 9 and not near and back > self._boot_at:
                at = back  # no leap goes over New Year

    def _moment(self, at: datetime.datetime) -> datetime.datetime:
        """Some moment of a day's first hours; of the last hour of an old year too, and of a new one's first."""
        return at + datetime.timedelta(
            seconds=self.random.randint(60, 15 * 3600), milliseconds=self.random.randint(0, 999)
        )

    def _something(self, at: datetime.datetime, holds: Holds, handed: list[str]) -> None:
        what = self.random.choice([
            self._alarm, self._alarm, self._close, self._press, self._uses, self._recording, self._recording,
            self._objection, self._cover, self._deleted, self._deleted, self._refused,
        ])  # fmt: skip
        what(at)
        if self.random.random() < 0.2:
            self._hold(at, holds)
        if self.random.random() < 0.3:
            self._copy(at, handed)
        if self.random.random() < 0.02:
            self._policy(at)

    def _of(self, at: datetime.datetime) -> Told:
        return self.told[at.astimezone(AMSTERDAM).year]

    def _turned_on(self, at: datetime.datetime, off: datetime.datetime | None) -> None:
        clean = self.random.random() < 0.7
        is_first = off is None
        if off is not None:
            self._powered_s += (off - self._boot_at).total_seconds()
        self._boot, self._boot_at = f"boot-{self._number()}", at
        told = self._of(at)
        told.sums["boots"] += 1
        told.sums["boots_unclean"] += not clean and not is_first
        self._write(at, "boot", powered_ns=round(self._powered_s * NS), clean=clean)
        later = at + datetime.timedelta(minutes=11)
        powered_s = self._powered_s + (later - at).total_seconds()
        clock: dict[str, Any] = {"utc_ns": _ns(later), "powered_ns": round(powered_s * NS)}
        if off is not None:
            off_s = (at - off).total_seconds()
            self._of(later).sums["off_s"] += off_s
            clock["off_s"] = off_s
        self._write(later, "clock", **clock)

    def _policy(self, at: datetime.datetime) -> None:
        at += datetime.timedelta(minutes=12)
        name = f"policy-{self.random.randint(1, 3)}"
        self._of(at).policies.append((at, name))
        self._write(at, "policy", name=name, sha256=sha256(name.encode()), tracks=["audio"], zone="Europe/Amsterdam",
                    criteria="huisregels")  # fmt: skip

    def _alarm(self, at: datetime.datetime) -> None:
        alarm_id, source = f"alarm-{self._number()}", self.random.choice(["alarm", "record", "balie"])
        elsewhere = self.random.random() < 0.2
        told = self._of(at)
        told.alarms[alarm_id] = at
        told.by["alarms_by_source"][source] += 1
        told.sums["alarms_elsewhere"] += elsewhere
        self._acted(at, "alarm_raised", alarm_id=alarm_id, source=source, in_room=not elsewhere)

    def _close(self, at: datetime.datetime) -> None:
        known = [alarm_id for told in self.told.values() for alarm_id, when in told.alarms.items() if when < at]
        if not known:
            return
        alarm_id, kind = self.random.choice(known[-4:]), self.random.choice(KINDS)
        measures = tuple(sorted(self.random.sample(MEASURES, self.random.randint(0, 3))))
        report = self.random.choice(["", "", f"PL{self._number()}"])
        self._later(at, lambda: self.closed.__setitem__(alarm_id, (kind, measures, report)), "incident_closed",
                    alarm_id=alarm_id, kind=kind, measures=list(measures), police_report=report or None)  # fmt: skip

    def _press(self, at: datetime.datetime) -> None:
        event, name = self.random.choice([
            ("alarm_repeated", "repeated"), ("alarm_cancelled", "cancelled"), ("alarm_test", "tests"),
            ("alarm_fault", "button_faults"),
        ])  # fmt: skip
        self._of(at).sums[name] += 1
        self._acted(at, event)

    def _uses(self, at: datetime.datetime) -> None:
        uses = self.random.randint(1, 6)
        recorded, alarms = self.random.randint(0, uses), self.random.randint(0, uses)
        told = self._of(at)
        for name, n in (("", uses), ("_recorded", recorded), ("_with_alarm", alarms)):
            told.sums[f"conversations{name}"] += n
        self._acted(at, "uses", uses=uses, recorded=recorded, alarms=alarms)

    def _recording(self, at: datetime.datetime) -> None:
        """In one part, or in two that a fault cut; of the trigger of any of its parts that was an alarm's."""
        parts = self.random.choice([1, 1, 1, 2])
        triggers = [self.random.choice(["conversation", "alarm", "conversation", "test"])] * parts
        if parts == 2 and triggers[0] == "conversation" and self.random.random() < 0.5:
            triggers[1] = "alarm"
        names = [f"{self._number():032x}" for _ in range(parts)]
        told = self._of(at)
        told.by["recordings"]["alarm" if "alarm" in triggers else triggers[0]] += 1
        for n, name in enumerate(names):
            seconds = {track: round(self.random.uniform(1, 5400), 1) for track in ("audio", "video")}
            if self.random.random() < 0.3:
                del seconds[self.random.choice(["audio", "video"])]
            why = self.random.choice(["asked", "asked", "lease", "interrupted"])
            told.sums["interrupted"] += why != "asked"
            for track, length_s in seconds.items():
                told.by["tracks_recorded"][track] += 1
                told.sums[f"recorded {track}"] += length_s
            ended: dict[str, Any] = {
                "ended_wall_ns": _ns(at),
                "ended_boot_id": self._boot,
                "ended_boot_ns": self._boot_ns(at),
            }
            about: dict[str, Any] = {"recording_id": name, "trigger": triggers[n]}
            self._write(at, "recording_began", **about, continues=names[n - 1] if n else None)
            self._write(at, "recording_ended", **about, why=why, seconds=seconds, **ended)

    def _objection(self, at: datetime.datetime) -> None:
        why = self.random.choice(["asked", "time", "alarm"])
        told = self._of(at)
        told.sums["objections"] += 1
        told.sums["objections_lifted"] += why == "alarm"
        self._acted(at, "objection_began", why="asked")
        self._acted(at, "objection_ended", why=why)

    def _cover(self, at: datetime.datetime) -> None:
        decision = f"besluit {self._number()}"
        if len(self._of(at).covered) < 60:
            self._of(at).covered.append(decision)
            self._acted(at, "cover_began", decision=decision)

    def _hold(self, at: datetime.datetime, holds: Holds) -> None:
        before = [one for one in holds if one[0] < at]
        if before and self.random.random() < 0.6:
            holds.remove(before[0])
            hold_id, lapses = before[0][1], self.random.random() < 0.4
            told = self._of(at)
            told.sums["holds_lapsed" if lapses else "holds_released"] += 1
            told.sums["ended"] += 1
            self._write(at, "hold_releasing", hold_id=hold_id, **({"lapsed": True} if lapses else {}))
            self._write(at, "hold_released", hold_id=hold_id)
            return
        hold_id, kind = f"{self._number():032x}", self.random.choice(["incident", "access"])
        holds.append((at, hold_id))
        self._of(at).by["holds_placed"][kind] += 1
        self._write(at, "hold_placed", hold_id=hold_id, kind=kind)

    def _copy(self, at: datetime.datetime, handed: list[str]) -> None:
        purpose, counted = self.random.choice(PURPOSES), self._of(at)
        about: dict[str, Any] = {"purpose": purpose, "number": "1", "on_behalf_of": "manager"}
        if handed and self.random.random() < 0.5:
            use = self.random.choice(USES)
            counted.by["copies_used"][use] += 1
            counted.by["copies_used_for"][purpose] += 1
            told = {"recording_id": self.random.choice(handed), "use": use, **about, "number": f"{self._number()}"}
            ways = self.random.choice(["slip", "typed", "both"]) if use == "opened" else "typed"  # both: one opening
            if ways != "typed":
                slip = sha256(told["number"].encode())
                self._write(at, "copy_used", **told, slip_sha256=slip, opened_at="2026-01-01T09:00:00Z")
            if ways != "slip":
                self._write(at, "copy_used", **told)
            return
        handed.append(f"{self._number():032x}")
        is_said = self.random.random() < 0.7
        counted.by["handed_out_for"][purpose if is_said else "unsaid"] += 1
        self._write(at, "handed_out", recording_id=handed[-1], **(about if is_said else {}))

    def _deleted(self, at: datetime.datetime) -> None:
        name, track = f"{self._number():032x}", self.random.choice(["audio", "video"])
        reason = self.random.choice(["term", "term", "term", "test", "policy"])
        late_s = self.random.choice([0, 0, 30, 4000, 90_000])
        why = self.random.choice(["off", "clock", "disk", "held", "keeper", "busy"]) if late_s > 60 else ""
        told = self._of(at)
        if reason == "test":
            told.by["tests_deleted"][track] += 1
        elif reason == "policy":
            told.by["purged"][track] += 1
        elif why:
            told.by["deleted_late"][why] += 1
            told.latest_s = max(told.latest_s, 0 if why == "held" else late_s)
        else:
            told.by["deleted_on_time"][track] += 1
        about: dict[str, Any] = {"recording_id": name, "track": track}
        self._write(at, "deleting", **about, reason=reason, late_s=late_s, late_why=why)
        self._write(at, "deleted", **about)
        if self.random.random() < 0.1:
            self._write(at, "deleted", **about)  # a crash between a receipt and its head

    def _refused(self, at: datetime.datetime) -> None:
        count = self.random.randint(1, 9)
        name, event = self.random.choice([("refused", "refused"), ("acts_lost", "acts_lost")])
        self._of(at).sums[name] += count
        self._write(at, event, count=count)

    def _day_ends(self, at: datetime.datetime) -> None:
        """A line of ring time some seconds after midnight is about the day before."""
        midnight = datetime.datetime.combine(at.astimezone(AMSTERDAM).date() + DAY, datetime.time(), AMSTERDAM)
        written = midnight.astimezone(datetime.UTC) + datetime.timedelta(seconds=self.random.randint(1, 50))
        seconds = {track: round(self.random.uniform(600, 30_000), 1) for track in ("audio", "video")}
        told = self.told[at.astimezone(AMSTERDAM).year]
        for track, length_s in seconds.items():
            told.sums[f"ring {track}"] += length_s
        unsure = self._write(
            written, "ring_time", count_unsure=False, audio_s=seconds["audio"], video_s=seconds["video"]
        )
        told.sums["lines_unsure"] += unsure

    # --- as lines ---------------------------------------------------------------------------------------------------

    def _boot_ns(self, at: datetime.datetime) -> int:
        return round((at - self._boot_at).total_seconds() * NS)

    def _write(self, at: datetime.datetime, event: str, *, count_unsure: bool = True, **fields: Any) -> bool:
        """A line of the keeper's, written when it happened; whether its clock was in doubt."""
        unsure = event not in {"boot", "clock"} and self.random.random() < 0.05
        if count_unsure:
            self._of(at).sums["lines_unsure"] += unsure
        frame = {"at_wall_ns": _ns(at), "at_boot_ns": self._boot_ns(at), "boot_id": self._boot}
        clock = "unsynchronised" if unsure else "synchronised"
        self._lines.append((at, self._number(), {**sample(event, **fields), **frame, "clock": clock}))
        return unsure

    def _later(self, at: datetime.datetime, said: Any, event: str, **fields: Any) -> None:
        """A line whose order decides: what was said last counts. Told in the order of time when all is written."""
        self._write(at, event, **fields)
        self._lines[-1][2]["said"] = said

    def _acted(self, at: datetime.datetime, event: str, **fields: Any) -> None:
        """An act of the alarm process: its line can be written later, also in the next year."""
        late = datetime.timedelta(seconds=self.random.choice([0, 0, 1, 600, 3 * 3600]))
        acted = {"acted_wall_ns": _ns(at), "acted_boot_ns": self._boot_ns(at), "acted_boot_id": self._boot}
        unsure = self.random.random() < 0.05
        self._of(at).sums["lines_unsure"] += unsure
        place = {"journal": "0f0e0d0c0b0a0908", "n": self._number()}
        clock = "unsynchronised" if unsure else "synchronised"
        self._write(at + late, event, count_unsure=False, **fields, **acted, acted_clock=clock, act=place)

    def files(self, home: Path) -> int:
        """The log as files: a year each, the newest last. Return the number of lines."""
        self._lines.sort(key=lambda line: line[:2])
        n, head, year, newest = 0, START, 0, list[bytes]()
        for at, _, fields in self._lines:
            if (said := fields.pop("said", None)) is not None:
                said()
            now = at.astimezone(AMSTERDAM).year
            lines = [fields]
            is_time = fields["event"] in {"boot", "clock"}
            if is_time and now != year:  # a unit that was off at midnight closes the year when it knows the time
                now = year or now
            if year and now != year:
                (home / f"audit-{year}.jsonl").write_bytes(b"".join(newest))
                newest.clear()
                frame = {key: fields[key] for key in ("at_wall_ns", "at_boot_ns", "boot_id")}
                told = {"powered_ns": round(self._powered_s * NS), "offset_ns": 0}
                began = {**sample("year_began", year=now, closed=year, **told), **frame, "clock": "synchronised"}
                lines.insert(0, began)
            year = now
            for line in lines:
                newest.append(raw(n, head, **line))
                n, head = n + 1, sha256(newest[-1])
        (home / "audit.jsonl").write_bytes(b"".join(newest))
        return n

    # --- answers ----------------------------------------------------------------------------------------------------

    def answers(self, year: int) -> Answers:
        """Each question, by hand."""
        told, found = self.told[year], Answers()
        for names in QUESTIONS.values():
            for name in names:
                found[name] = dict(told.by[name]) if name in _BY else int(told.sums[name])
        said = [self.closed.get(alarm_id, ("", (), "")) for alarm_id in told.alarms]
        earlier = sorted(one for y, other in self.told.items() if y < year for one in other.policies)
        policies = [name for _, name in [*earlier[-1:], *sorted(told.policies)]]
        placed = sum(n for y, other in self.told.items() if y <= year for n in other.by["holds_placed"].values())
        ended = sum(other.sums["ended"] for y, other in self.told.items() if y <= year)
        return found | {
            "alarms": len(told.alarms),
            "incidents": dict(Counter(kind or "unsaid" for kind, _, _ in said)),
            "measures": dict(Counter(measure for _, measures, _ in said for measure in measures)),
            "police_reports": sum(bool(report) for _, _, report in said),
            "policies": [name for name, _ in groupby(policies)],
            "off_h": round(told.sums["off_s"] / 3600, 2),
            "handed_out": sum(told.by["handed_out_for"].values()),
            "recorded_h": _hours(told, "recorded"), "ring_h": _hours(told, "ring"),
            "covered": sorted(told.covered),
            "holds_in_force": placed - int(ended),
            "latest_h": round(told.latest_s / 3600, 2),
        }  # fmt: skip

    def register(self, year: int, place: str) -> list[list[str]]:
        """The incident register's rows, by hand."""
        rows = []
        for alarm_id, at in sorted(self.told[year].alarms.items(), key=lambda one: (one[1], one[0])):
            kind, measures, report = self.closed.get(alarm_id, ("", (), ""))
            local = at.astimezone(AMSTERDAM)
            what = [DUTCH[kind], "; ".join(DUTCH[measure] for measure in measures), "ja" if report else "nee", report]
            rows.append([alarm_id, f"{local:%Y-%m-%d}", f"{local:%H:%M}", place, *what])
        return rows


_BY = {
    "alarms_by_source", "handed_out_for", "copies_used", "copies_used_for", "recordings", "tracks_recorded",
    "holds_placed", "deleted_on_time", "deleted_late", "tests_deleted", "purged",
}  # fmt: skip
"""Figures by kind."""


def _hours(told: Told, what: str) -> dict[str, float]:
    return {track: round(told.sums[f"{what} {track}"] / 3600, 2) for track in ("audio", "video")
            if told.sums[f"{what} {track}"]}  # fmt: skip


def _ns(at: datetime.datetime) -> int:
    return round(at.timestamp() * 1000) * 1_000_000


def _is_same(one: Any, other: Any) -> bool:
    """Alike, hours to the hundredth: the last digit of a sum depends on what was added first."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 0.0101
    return bool(one == other)


def reported(home: Path, year: int) -> tuple[Answers, list[list[str]]]:
    """What `report` says of the log in a directory, and its lines for the incident register."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        report(year=year, file=[home], as_json_=True)
    figures = json.loads(said.getvalue())["figures"]
    figures["policies"] = [policy["name"] for policy in figures["policies"]]
    figures["covered"] = sorted(window["decision"] for window in figures["covered"])
    figures["recordings"] = {kind: n for kind, n in figures["recordings"].items() if n}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        report(year=year, file=[home], csv_=True)
    return figures, list(csv.reader(io.StringIO(said.getvalue())))[1:]


class Compared(msgspec.Struct):
    """What was compared."""

    years: int = 0
    lines: int = 0
    alarms: int = 0
    figures: int = 0
    wrong: list[str] = []


def compare(numbers: Iterator[int] | range) -> Compared:
    """Each story of these numbers, in its middle year and the ones around it."""
    found = Compared()
    for number in numbers:
        story = Story(number)
        with tempfile.TemporaryDirectory() as place:
            home = Path(place)
            found.lines += story.files(home)
            figures, rows = reported(home, story.year)
        found.years += 1
        right, register = story.answers(story.year), story.register(story.year, place)
        found.alarms += len(register)
        for question, names in QUESTIONS.items():
            for name in names:
                found.figures += 1
                if not _is_same(figures[name], right[name]):
                    found.wrong.append(f"{number}: {question}: {name}: {figures[name]}; by hand {right[name]}")
        if rows != register:
            found.wrong.append(f"{number}: the incident register: {rows}; by hand {register}")
    return found


def main() -> None:
    """Compare as many years as asked, and print what was compared."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=1)
    said = asked.parse_args()
    found = compare(range(said.seed, said.seed + said.count))
    counted = f"{found.years} years, {found.lines} lines, {found.alarms} alarms, {found.figures} figures compared"
    sys.stdout.writelines(f"{line}\n" for line in (counted, f"{len(found.wrong)} differ", *found.wrong[:20]))
    sys.exit(10 if found.wrong else 0)


if __name__ == "__main__":
    main()
