# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The command `spreekkamer report`: the council's figures, from the unit's log or a copy of it."""

from __future__ import annotations

import csv
import datetime
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
import typer
from rich.text import Text

from daemon import loglines
from daemon.auditfiles import joined
from daemon.commands import tables
from daemon.commands.console import Json, State, as_json, out
from daemon.config import load_to_run
from daemon.errors import RequestError, SettingsError, StoreError
from daemon.link import Conversation
from daemon.model.ledger import Walk, parse
from daemon.model.report import Calendar, Figures, Incident, Tally, together
from daemon.paths import Paths
from daemon.texts import shown
from daemon.times import local, zone


class Report(msgspec.Struct, frozen=True):
    """The figures, and the log that they were counted from."""

    figures: Figures
    lines: int
    head: str
    """SHA-256 of the log's last line: a count from a log with this head gives the same figures."""
    faults_n: int
    """Lines that do not fit the chain; figures from such a log prove nothing."""


class Counted(msgspec.Struct, frozen=True):
    """One unit's year."""

    of: str
    """The unit's name, or the file's."""
    report: Report
    incidents: tuple[Incident, ...]
    first: str
    """SHA-256 of its first line, which no two units share."""


class Town(msgspec.Struct, frozen=True):
    """Several units' year."""

    together: Figures
    units: dict[str, Report]


YEAR = "in the zone that the log names; without it: this year"
FILE = "a copy of audit.jsonl, for the town several; without it: the unit's own"


def report(
    *, state: State = None, as_json_: Json = False,
    year: Annotated[int | None, typer.Option(min=2000, max=9999, help=YEAR)] = None,
    file: Annotated[list[Path] | None, typer.Option(metavar="F", help=FILE)] = None,
    dutch: Annotated[bool, typer.Option("--nl", help="in Dutch, for the council")] = False,
    csv_: Annotated[bool, typer.Option("--csv", help="an alarm a line, for the incident register")] = False,
) -> None:  # fmt: skip
    """A year in figures, counted from the audit log alone. Exit code 10 when a log is not intact."""
    if as_json_ and csv_:
        raise RequestError("--json and --csv: expected one of them")
    paths = Paths.below(state)
    found = [_of_file(path, year) for path in file] if file else [_of_unit(paths, year)]
    _differ(found)
    if csv_:
        _as_csv(found)
    elif as_json_:
        as_json(found[0].report if len(found) == 1 else _town(found))
    else:
        _show(found, 1 if dutch else 0)
    if any(one.report.faults_n for one in found):
        raise typer.Exit(10)


def count(file: IO[bytes], size: int, year: int | None) -> Report:
    """Count from the first `size` bytes of a log; without a year: this one. Raises OSError if it cannot be read."""
    return _count("", file, size, year).report


def _count(of: str, file: IO[bytes], size: int, year: int | None) -> Counted:
    calendar, first = Calendar(), ""
    for line in loglines.read(file, size):
        first = first or line.sha256
        if (found := parse(line.raw)) is not None:
            calendar.take(found)
    calendar.finish()
    file.seek(0)  # once more: later lines about time date the earlier ones
    place = zone(calendar.zone) or datetime.UTC
    walk, tally = Walk(), Tally(year or datetime.datetime.now(tz=place).year, calendar, place)
    for line in loglines.read(file, size):
        if (found := walk.take(line.raw, line.sha256)) is not None:
            tally.take(found)
    walk.finish()
    counted = Report(tally.finish(), walk.lines, walk.head, walk.faults_n)
    return Counted(of, counted, tuple(tally.incidents()), first)


def _of_unit(paths: Paths, year: int | None) -> Counted:
    with Conversation(paths.keeper_socket) as keeper:
        told, files = keeper.ask_for_files("audit")
    if not files:
        raise StoreError("the keeper handed out no log; expected an open file")
    with joined(files) as file:
        return _count(_name(paths), file, told["bytes"], year)


def _of_file(path: Path, year: int | None) -> Counted:
    try:
        with path.open("rb") as file:
            return _count(str(path), file, os.fstat(file.fileno()).st_size, year)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _name(paths: Paths) -> str:
    try:
        return load_to_run(paths.etc).unit.name()
    except SettingsError:
        return ""


def _differ(found: list[Counted]) -> None:
    """Raises RequestError where a unit would be counted twice, or years of two zones would be added up."""
    known: dict[str, str] = {}
    for one in found:
        if one.first and one.first in known:
            raise RequestError(f"{one.of} and {known[one.first]}: two copies of one unit's log; expected one of them")
        known[one.first] = one.of
    zones = {one.report.figures.zone: one.of for one in found if one.report.lines}
    if len(zones) > 1:
        named = "; ".join(f"{of}: {name}" for name, of in zones.items())
        raise RequestError(f"the logs name different time zones ({named}); expected logs of one town")


def _town(found: list[Counted]) -> Town:
    figures = together([one.report.figures for one in found])
    return Town(figures, {one.of: one.report for one in found})


COLUMNS = (
    "incidentnummer", "datum", "tijdstip", "locatie", "soort_incident", "maatregelen", "aangifte", "aangiftenummer",
)  # fmt: skip
"""As the incident register's forms name them (GIR, A&O fonds Gemeenten); it publishes no list of fields."""
GIR = {
    "verbal": "verbaal", "intimidation": "bedreiging of intimidatie", "physical": "fysiek", "property": "vernieling",
    "false": "loos alarm", "exercise": "oefening", "unsaid": "niet opgegeven",
    "aftercare": "opvang en nazorg", "talk": "ordegesprek", "warning": "waarschuwing", "ban": "toegangsontzegging",
    "damages": "schadeverhaal", "other": "anders",
}  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula, at the beginning of a cell."""


def _as_csv(found: list[Counted]) -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(COLUMNS)
    for unit in found:
        place = zone(unit.report.figures.zone) or datetime.UTC
        for one in unit.incidents:
            day, time = local(one.at_wall_ns, place).split()[:2]
            measures = "; ".join(GIR[measure] for measure in one.measures)
            reported = "ja" if one.police_report else "nee"
            cells = (one.alarm_id, day, time, unit.of, GIR[one.kind], measures, reported, one.police_report)
            rows.writerow(f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells)


WORDS: dict[str, tuple[str, str]] = {
    "conversations": ("conversations, by the in-use contact", "Gesprekken, volgens het contact"),
    "conversations_recorded": ("of these recorded", "waarvan opgenomen"),
    "conversations_with_alarm": ("of these with an alarm", "waarvan met alarm"),
    "alarms": ("alarms raised", "Alarmen"),
    "alarms_elsewhere": ("of these by an outside worker's button", "waarvan buiten de kamer"),
    "alarms_by_source": ("by button", "per knop"),
    "incidents": ("alarms, by what they were", "Alarmen, naar wat het was"),
    "measures": ("what was done about them", "Maatregelen"),
    "police_reports": ("with a report to the police", "Met aangifte"),
    "repeated": ("presses in an open alarm", "Nog eens gedrukt tijdens een alarm"),
    "cancelled": ("cancelled at once", "Meteen ingetrokken"),
    "tests": ("tests", "Tests van de alarmknop"),
    "button_faults": ("faults of buttons", "Storingen aan knoppen"),
    "recordings": ("recordings, by trigger", "Opnamen, per aanleiding"),
    "tracks_recorded": ("of these with", "waarvan met"),
    "recorded_h": ("hours recorded", "Uren opgenomen"),
    "interrupted": ("ended otherwise than asked", "anders geëindigd dan gevraagd"),
    "ring_h": ("hours that a ring ran", "Uren dat de buffer liep"),
    "objections": ("objections", "Bezwaren"),
    "objections_lifted": ("ended by an alarm", "geëindigd door een alarm"),
    "holds_placed": ("holds placed", "Opnamen vastgehouden"),
    "holds_released": ("holds released", "Vrijgegeven"),
    "holds_lapsed": ("holds that lapsed", "Vanzelf vervallen"),
    "reviews_missed": ("reviews missed", "Herbeoordeling te laat"),
    "holds_in_force": ("holds active at the end", "Aan het einde nog vastgehouden"),
    "handed_out": ("sealed copies handed out", "Verzegelde kopieën verstrekt"),
    "handed_out_for": ("for", "waarvoor"),
    "copies_used": ("copies used, as reported", "Gebruik van kopieën, zoals gemeld"),
    "copies_used_for": ("for", "waarvoor"),
    "keys_shown": ("keys shown by holders", "Sleutels bewezen door houders"),
    "keys_lost": ("keys reported lost", "Sleutels als verloren gemeld"),
    "deleted_on_time": ("tracks deleted on time", "Op tijd gewist"),
    "deleted_late": ("tracks deleted late, by why", "Te laat gewist, en waarom"),
    "latest_h": ("the latest, in hours after its term", "De laatste, uren na de termijn"),
    "tests_deleted": ("tracks of test recordings deleted", "Testopnamen gewist"),
    "purged": ("tracks purged by a policy", "Gewist door een nieuw protocol"),
    "unreadable_deleted": ("tracks deleted of damaged recordings", "Gewist van beschadigde opnamen"),
    "refused": ("requests refused", "Geweigerde verzoeken"),
    "boots": ("starts of the machine", "Keren gestart"),
    "boots_unclean": ("after a pulled plug or a crash", "na stroomuitval of een storing"),
    "off_h": ("hours off, as far as known", "Uren uit, voor zover bekend"),
    "lines_unsure": ("lines with an uncertain clock", "Regels met een onzekere klok"),
    "lines_dated": ("lines dated by the unit's own count", "Regels gedateerd door het kastje zelf"),
    "acts_lost": ("acts that never reached the log", "Gebeurtenissen die het logboek niet haalden"),
    "torn": ("lines torn by a power cut", "Regels afgebroken door stroomuitval"),
}
"""Names of the figures, in English and Dutch, in the order of the table."""
PARTS: dict[str, str] = {
    "audio": "geluid", "video": "beeld", "conversation": "gesprek", "alarm": "alarm", "test": "test",
    "incident": "incident", "access": "inzageverzoek", "off": "kastje uit", "clock": "klok", "disk": "schijf",
    "verbal": "verbaal", "intimidation": "bedreiging of intimidatie", "physical": "fysiek", "property": "vernieling",
    "false": "loos", "exercise": "oefening", "unsaid": "niet opgegeven", "aftercare": "opvang en nazorg",
    "talk": "ordegesprek", "warning": "waarschuwing", "ban": "toegangsontzegging", "damages": "schadeverhaal",
    "other": "anders", "report_to_police": "aangifte", "demand": "vordering", "access_request": "inzageverzoek",
    "complaint": "klacht", "internal_measure": "interne maatregel", "opened": "geopend", "handed_over": "overgedragen",
    "accessed": "inzage gegeven", "returned": "teruggegeven", "destroyed": "vernietigd",
    "held": "was vastgehouden", "keeper": "bewaarder stond stil", "busy": "te veel tegelijk",
}  # fmt: skip
TITLE = ("{year}, counted from the audit log", "{year}, geteld uit het logboek")
NOTHING = ("The log has no line of {year}: nothing is known of it.", "Het logboek heeft geen regel van {year}.")
POLICY = ("policy from", "Protocol vanaf")
COVERED = ("covered from", "Afgeplakt vanaf")
NONE = ("nothing recorded", "niets opgenomen")
SOURCE = ("from {lines} lines; head {head}", "uit {lines} regels; kop {head}")
UNITS = ("{units} units", "{units} kastjes")
CRITERIA = (
    ("aggression is, by the policy", "set by {by}, looked at last on {on}"),
    ("Agressie is, volgens het protocol", "vastgesteld door {by}, het laatst bekeken op {on}"),
)
NOBODY = ("nobody named", "niet genoemd")
NEVER = ("no date named", "geen datum genoemd")
BROKEN = (
    "{of}The log does not hold together: {faults} lines are wrong. These figures prove nothing; see `audit verify`.",
    "{of}Het logboek klopt niet: {faults} regels zijn fout. Deze cijfers bewijzen niets.",
)


def _show(found: list[Counted], language: int) -> None:
    figures = together([one.report.figures for one in found])
    if figures.from_wall_ns is None or figures.to_wall_ns is None:
        out().print(NOTHING[language].format(year=figures.year))
    else:
        place = zone(figures.zone) or datetime.UTC
        span = f"{local(figures.from_wall_ns, place)}, {local(figures.to_wall_ns, place)}"
        units = f"; {UNITS[language].format(units=len(found))}" if len(found) > 1 else ""
        tables.facts(TITLE[language].format(year=figures.year) + units, _rows(figures, span, language, place))
    for one in found:
        of = f"{one.of}: " if len(found) > 1 else ""
        if of:
            out().print(Text(of.rstrip()), soft_wrap=True)  # a path is not broken
        out().print(Text(SOURCE[language].format(lines=one.report.lines, head=one.report.head)))
        if one.report.faults_n:
            wrong = BROKEN[language].format(of=of, faults=one.report.faults_n)
            out().print(Text(wrong, style="red"), soft_wrap=True)


def _rows(figures: Figures, span: str, language: int, place: datetime.tzinfo) -> Iterator[tuple[str, str]]:
    yield ("from, to", "Van, tot")[language], span
    for policy in figures.policies:
        tracks = ", ".join(_word(track, language) for track in policy.tracks) or NONE[language]
        yield f"{POLICY[language]} {local(policy.at_wall_ns, place)[:10]}", f"{policy.name}: {tracks}"
        if policy.criteria:
            name, said = CRITERIA[language]
            by, on = policy.criteria_by or NOBODY[language], policy.criteria_reviewed or NEVER[language]
            yield name, shown(f"{policy.criteria} ({said.format(by=by, on=on)})")
    for key, words in WORDS.items():
        yield words[language], _cell(getattr(figures, key), language)
    windows = ((local(window.at_wall_ns, place)[:10], window.decision) for window in figures.covered)
    for day, decision in dict.fromkeys(windows):  # all rooms of a town are covered on one day
        yield f"{COVERED[language]} {day}", decision


def _cell(value: Any, language: int) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_word(key, language)} {part:g}" for key, part in value.items()) or "0"
    return f"{value:g}"


def _word(key: str, language: int) -> str:
    return PARTS.get(key, key) if language else key.replace("_", " ")
