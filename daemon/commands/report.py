# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The command `spreekkamer report`: the council's figures, from the unit's log or a copy of it."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
import typer

from daemon import loglines
from daemon.commands import tables
from daemon.commands.console import Json, State, as_json, out
from daemon.errors import StoreError
from daemon.link import Conversation
from daemon.model.ledger import Walk, parse
from daemon.model.report import Calendar, Figures, Tally
from daemon.paths import Paths
from daemon.times import local, zone


class Report(msgspec.Struct, frozen=True):
    """The figures, and the log that they were counted from."""

    figures: Figures
    lines: int
    head: str
    """SHA-256 of the log's last line: a count from a log with this head gives the same figures."""
    faults_n: int
    """Lines that do not fit the chain; figures from such a log prove nothing."""


def report(
    *, state: State = None, as_json_: Json = False,
    year: Annotated[
        int | None, typer.Option(min=2000, max=9999, help="in the zone that the log names; without it: this year")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="F", help="a copy of audit.jsonl; without it: the unit's own")
    ] = None,
    dutch: Annotated[bool, typer.Option("--nl", help="in Dutch, for the council")] = False,
) -> None:  # fmt: skip
    """A year in figures, counted from the audit log alone. Exit code 10 when the log is not intact."""
    found = _of_file(file, year) if file else _of_unit(Paths.below(state), year)
    if as_json_:
        as_json(found)
    else:
        _show(found, 1 if dutch else 0)
    if found.faults_n:
        raise typer.Exit(10)


def count(file: IO[bytes], size: int, year: int | None) -> Report:
    """Count from the first `size` bytes of a log; without a year: this one. Raises OSError if it cannot be read."""
    calendar = Calendar()
    for line in loglines.read(file, size):
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
    return Report(tally.finish(), walk.lines, walk.head, walk.faults_n)


def _of_unit(paths: Paths, year: int | None) -> Report:
    with Conversation(paths.keeper_socket) as keeper:
        told, files = keeper.ask_for_files("audit")
    if not files:
        raise StoreError("the keeper handed out no log; expected an open file")
    with os.fdopen(files[0], "rb") as file:
        return count(file, told["bytes"], year)


def _of_file(path: Path, year: int | None) -> Report:
    try:
        with path.open("rb") as file:
            return count(file, os.fstat(file.fileno()).st_size, year)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


WORDS: dict[str, tuple[str, str]] = {
    "alarms": ("alarms raised", "Alarmen"),
    "alarms_elsewhere": ("of these by an outside worker's button", "waarvan buiten de kamer"),
    "alarms_by_source": ("by button", "per knop"),
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
    "holds_in_force": ("holds in force at the end", "Aan het einde nog vastgehouden"),
    "handed_out": ("sealed copies handed out", "Verzegelde kopieën verstrekt"),
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
    "held": "was vastgehouden", "keeper": "bewaarder stond stil", "busy": "te veel tegelijk",
}  # fmt: skip
TITLE = ("{year}, counted from the audit log", "{year}, geteld uit het logboek")
NOTHING = ("The log has no line of {year}: nothing is known of it.", "Het logboek heeft geen regel van {year}.")
POLICY = ("policy from", "Protocol vanaf")
COVERED = ("covered from", "Afgeplakt vanaf")
NONE = ("nothing recorded", "niets opgenomen")
SOURCE = ("from {lines} lines; head {head}", "uit {lines} regels; kop {head}")
BROKEN = (
    "The log does not hold together: {faults} lines are wrong. These figures prove nothing; see `audit verify`.",
    "Het logboek klopt niet: {faults} regels zijn fout. Deze cijfers bewijzen niets.",
)


def _show(found: Report, language: int) -> None:
    figures = found.figures
    if figures.from_wall_ns is None or figures.to_wall_ns is None:
        out().print(NOTHING[language].format(year=figures.year))
    else:
        place = zone(figures.zone) or datetime.UTC
        span = f"{local(figures.from_wall_ns, place)}, {local(figures.to_wall_ns, place)}"
        tables.facts(TITLE[language].format(year=figures.year), _rows(figures, span, language, place))
    out().print(SOURCE[language].format(lines=found.lines, head=found.head))
    if found.faults_n:
        out().print(f"[red]{BROKEN[language].format(faults=found.faults_n)}[/red]")


def _rows(figures: Figures, span: str, language: int, place: datetime.tzinfo) -> Iterator[tuple[str, str]]:
    yield ("from, to", "Van, tot")[language], span
    for policy in figures.policies:
        tracks = ", ".join(_word(track, language) for track in policy.tracks) or NONE[language]
        yield f"{POLICY[language]} {local(policy.at_wall_ns, place)[:10]}", f"{policy.name}: {tracks}"
    for key, words in WORDS.items():
        yield words[language], _cell(getattr(figures, key), language)
    for window in figures.covered:
        yield f"{COVERED[language]} {local(window.at_wall_ns, place)[:10]}", window.decision


def _cell(value: Any, language: int) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_word(key, language)} {part:g}" for key, part in value.items()) or "0"
    return f"{value:g}"


def _word(key: str, language: int) -> str:
    return PARTS.get(key, key) if language else key
