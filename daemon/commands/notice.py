# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The commands `spreekkamer notice …`: what people are told about a room, from the policy in force."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer

from daemon.commands import site, tables
from daemon.commands.console import Json, State, as_json, day, out
from daemon.commands.zone import place_of
from daemon.config import Settings, load
from daemon.errors import RequestError, StoreError
from daemon.model.notice import in_use, make, outdated
from daemon.model.site import answers, lead
from daemon.model.wording import KINDS, Kind, Notice
from daemon.paths import Paths
from hardware.ports import ClockReading

app = typer.Typer(
    help="Texts for residents, staff and the officer, in Dutch, from the policy in force.", no_args_is_help=True
)
On = Annotated[
    str, typer.Option("--on", metavar="DAY", help="by the policy of that day, such as 2026-01-01; without it: today's")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="where it goes; without it: on the screen, as text")
]
TEXTS = (".txt", ".md", "")
FORMATS = (".svg", ".pdf", ".txt")
PAGES = (".html", ".htm")


@app.command()
def sticker(*, state: State = None, on: On = "", to: Out = None) -> None:
    """The sticker at the door, A5: SVG or PDF by the name of the file, otherwise its text."""
    settings = _settings(state, on)
    notice = _made("sticker", settings)
    if to is None or to.suffix == ".txt":
        _write(notice.text().encode(), to)
        return
    if to.suffix not in FORMATS:
        raise RequestError(f"{to}: expected a name that ends in {', '.join(FORMATS)}")
    from daemon.commands import sticker as drawn  # noqa: PLC0415 - half a second, only when it is drawn

    marks = drawn.draw(notice, settings.policy.tracks())
    _write(drawn.svg(marks) if to.suffix == ".svg" else drawn.pdf(marks, notice.title), to)


@app.command()
def letter(*, state: State = None, on: On = "", to: Out = None) -> None:
    """Paragraphs for the invitation to a conversation."""
    _write_text(_notice("letter", state, on), to)


@app.command()
def spoken(*, state: State = None, on: On = "", to: Out = None) -> None:
    """What staff say at the start of a conversation."""
    _write_text(_notice("spoken", state, on), to)


@app.command()
def page(*, state: State = None, on: On = "", to: Out = None) -> None:
    """A page for the municipality's site, one file: HTML by the name of the file, otherwise its text."""
    settings = _settings(state, on)
    notice = _made("page", settings)
    if to is None or to.suffix.lower() in TEXTS:
        _write_text(notice, to)
        return
    if to.suffix.lower() not in PAGES:
        raise RequestError(f"{to}: expected a name that ends in {' or '.join((*PAGES, '.txt'))}")
    _write(site.html(notice, lead(settings.policy), answers(settings.policy)), to)


@app.command()
def dpia(*, state: State = None, on: On = "", to: Out = None) -> None:
    """Facts about this room for an assessment: data, terms, access, keys, statistics."""
    _write_text(_notice("dpia", state, on), to)


@app.command()
def staff(*, state: State = None, on: On = "", to: Out = None) -> None:
    """What the unit writes down about staff, for how long, and the works council's consent."""
    _write_text(_notice("staff", state, on), to)


@app.command()
def call(*, state: State = None, on: On = "", to: Out = None) -> None:
    """What callers hear in the telephone's menu before the call, and what a letter says."""
    _write_text(_notice("call", state, on), to)


@app.command()
def check(*, state: State = None, as_json_: Json = False, on: On = "") -> None:
    """Check by their codes in the policy whether the notices in use still match it. Exit code 10: one does not."""
    settings = _settings(state, on)
    used = in_use(settings.policy)
    old = outdated(settings.policy, used, settings.policy_sha256, settings.unit.policy.codes())
    rows = [
        {"notice": kind, "in_use": used[kind], "now": _made(kind, settings).code,
         "verdict": "outdated" if kind in old else "fits" if used[kind] else "not in use"}
        for kind in KINDS
    ]  # fmt: skip
    to_come = [
        {"from": dated.policy.in_force_from.isoformat(), "notice": kind, "needs": code}
        for dated in settings.policies[settings.nth + 1 :]
        for kind, code in outdated(dated.policy, used, dated.sha256, settings.unit.policy.codes()).items()
    ]
    if as_json_:
        as_json({"policy": settings.policy.name, "notices": rows, "to_come": to_come})
    else:
        _show(settings, rows, to_come)
    if old:
        raise typer.Exit(10)


def _show(settings: Settings, rows: list[dict[str, str]], to_come: list[dict[str, str]]) -> None:
    cells = ((row["notice"], row["in_use"] or "-", row["now"], row["verdict"]) for row in rows)
    tables.rows(("notice", "in use", "now", "verdict"), cells, title=f"notices by policy {settings.policy.name}")
    for row in to_come:
        out().print(f"From {row['from']} the {row['notice']} is outdated: it needs {row['needs']}.")


def _notice(kind: Kind, state: Path | None, on: str) -> Notice:
    settings = _settings(state, on)
    return _made(kind, settings)


def _made(kind: Kind, settings: Settings) -> Notice:
    return make(kind, settings.policy, settings.policy_sha256, settings.unit.policy.codes())


def _settings(state: Path | None, on: str) -> Settings:
    """The settings in force at noon of a day. Raises RequestError for an invalid date."""
    place = place_of(state)
    wanted = day(on, "--on") if on else datetime.datetime.now(tz=place).date()
    noon = datetime.datetime.combine(wanted, datetime.time(12), tzinfo=place)
    return load(Paths.below(state).etc).at(ClockReading(0, round(noon.timestamp()) * 1_000_000_000, "synchronised"))


def _write_text(notice: Notice, to: Path | None) -> None:
    """Write text. Raises RequestError if the name says another kind of file."""
    if to is not None and to.suffix.lower() not in TEXTS:
        raise RequestError(f"{to}: this is text; expected a name that ends in {' or '.join(TEXTS[:2])}")
    _write(notice.text().encode(), to)


def _write(data: bytes, to: Path | None) -> None:
    if to is None:
        sys.stdout.write(data.decode())
        return
    try:
        to.write_bytes(data)
    except OSError as error:
        raise StoreError(f"{to}: {error.strerror or error}") from error
    out().print(f"written: {to}")
