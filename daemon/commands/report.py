# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The command `spreekkamer report`: the council's figures, from the unit's log or a copy of it."""

from __future__ import annotations

import csv
import datetime
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from daemon import durable
from daemon.auditfiles import LOG, AuditFiles, joined
from daemon.commands import tables
from daemon.commands.console import Json, State, as_json, out
from daemon.config import load_to_run
from daemon.errors import RequestError, SettingsError, StoreError
from daemon.inspection.counting import REPORT_BYTES_MAX, Counted, Report, YearReport, counted
from daemon.link import Conversation
from daemon.model import acts
from daemon.model.report import Figures, together
from daemon.paths import Paths
from daemon.texts import shown
from daemon.times import local, zone


class Town(msgspec.Struct, frozen=True):
    """Several units' year."""

    together: Figures
    units: dict[str, Report]


YEAR = "in the zone that the log names; without it: this year"
FILE = "a copy of the log: audit.jsonl, or a directory with its years; for the town several; without it: the unit's own"


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


def _of_unit(paths: Paths, year: int | None) -> Counted:
    with Conversation(paths.keeper_socket) as keeper:
        told, files = keeper.ask_for_files("audit")
        if not files:
            raise StoreError("the keeper handed out no log; expected an open file")
        with joined(files) as file:
            found = counted(_name(paths), file, told["bytes"], year)
        if (gone := _gone(found)) is None:
            return found
        _, files = keeper.ask_for_files("audit_report", year=gone.year)
        with os.fdopen(files[0], "rb") as file:
            return _kept(found, gone, file.read(REPORT_BYTES_MAX + 1))


def _of_file(path: Path, year: int | None) -> Counted:
    copy = AuditFiles(path / LOG)
    try:
        with copy.open_copy() if path.is_dir() else path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            found = counted(str(path), file, size, year)
        if (gone := _gone(found)) is None or not path.is_dir():
            return found
        return _kept(found, gone, durable.read(copy.report_of(gone.year), REPORT_BYTES_MAX))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _gone(found: Counted) -> acts.YearDeleted | None:
    """The line by which the year that is asked for has gone; None: it has not."""
    year = found.report.figures.year
    return next((gone.act for gone in reversed(found.gone) if gone.act.year == year), None)


def _kept(found: Counted, gone: acts.YearDeleted, raw: bytes) -> Counted:
    """The year as its report has it, which stayed when its lines went. Raises StoreError if it is not that report."""
    if hashlib.sha256(raw).hexdigest() != gone.report_sha256:
        raise StoreError(f"{found.of}: the report of {gone.year} is not the one that the log names; it proves nothing")
    try:
        kept = msgspec.json.decode(raw, type=YearReport).report
    except msgspec.DecodeError as error:
        raise StoreError(f"{found.of}: the report of {gone.year} cannot be read: {error}") from error
    return msgspec.structs.replace(found, report=kept, incidents=())


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
    """Raises RequestError for a year whose alarms are past their term."""
    for unit in found:
        if (gone := _gone(unit)) is not None:
            raise RequestError(
                f"{unit.of}: the alarms of {gone.year} are past their term; expected `report` without --csv"
            )
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
    "alarms_elsewhere": ("of these by an outside worker's button", "waarvan met een knop voor buiten"),
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
GONE = (
    "{of}The log's file of {year} is past its term and deleted; its report stays: --year {year}.",
    "{of}Het logboek van {year} is na de bewaartermijn gewist. Het verslag van dat jaar is er nog.",
)
KEPT = (
    "{of}The log's file of {year} is past its term and deleted; these figures were counted before that, and signed.",
    "{of}Het logboek van {year} is na de bewaartermijn gewist. Deze cijfers zijn daarvoor geteld en ondertekend.",
)
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
        for year in [gone.act.year for gone in one.gone]:
            what = KEPT if year == one.report.figures.year else GONE
            out().print(Text(what[language].format(of=of, year=year)), soft_wrap=True)
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
