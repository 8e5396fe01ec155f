# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer support`: what remote support needs from a unit, and nothing about anybody who was in the room.

It asks the two processes that answer, reads the settings and the system's journal, and writes five small files that an
engineer reads before sending them. No process has to run for it: a missing answer is listed. See `veil`.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from daemon import loglines
from daemon.about import about
from daemon.auditfiles import AuditFiles, joined
from daemon.commands.console import State, out
from daemon.commands.veil import HEALTH, PLAIN, Veil, typed, written
from daemon.config import Settings, load
from daemon.config.explain import rows_of
from daemon.errors import LinkError, RequestError, StoreError, UnitError
from daemon.link import Conversation, ask
from daemon.paths import Paths

SINCE = "14 days ago"
"""How far back a fault is remembered; the journal of a unit at rest has some hundred lines a day."""
LINES_MAX = 50_000
"""Lines of the journal: some ten megabytes. The newest are kept."""
JOURNAL_S = 60.0
UNITS = ("alarm", "recorder", "keeper", "card", "answer", "renew")
SHOWN = "Id,ActiveState,SubState,Result,NRestarts,ExecMainStatus,ActiveEnterTimestamp,MemoryCurrent,CPUUsageNSec"
README = """\
Of unit {unit}, {at}. For whoever helps with it; read it before you send it.

versions.json  the unit's version and what it stands on
settings.json  every setting in force; texts that people wrote are left out
health.json    what the unit says of itself
services.json  what systemd says of its services
journal.txt    the log of its services, two weeks
missing.txt    what could not be had, and why

Left out: sound and image, every key, labels and roles of holders, numbers and reasons of incidents, names of buttons,
consoles and people, numbers of users. {typed} texts that people typed on this unit were looked for in all of it.
"""


class Gathered(NamedTuple):
    """The files, by name, and what is missing."""

    files: dict[str, str]
    missing: list[str]


def support(
    *, to: Annotated[Path, typer.Option(metavar="DIR", help="a directory, such as a stick's")], state: State = None
) -> None:
    """Write settings, health, versions and the journal for support: no content, no label, no incident."""
    now = datetime.datetime.now(datetime.UTC)
    gathered, unit = _gather(Paths.below(state), now, in_field=state is None)
    place = _write(to, f"spreekkamer-{unit}-{now:%Y%m%dT%H%M%SZ}", gathered.files)
    out().print(str(place), soft_wrap=True, highlight=False)
    for line in gathered.missing:
        out().print(f"missing: {line}", soft_wrap=True, highlight=False, markup=False)


def _gather(paths: Paths, now: datetime.datetime, *, in_field: bool) -> tuple[Gathered, str]:
    missing: list[str] = []

    def had(what: str, get: Callable[[], Any]) -> Any:
        try:
            return get()
        except (UnitError, OSError, ValueError) as error:
            missing.append(f"{what}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            return None

    health = had("health", lambda: ask(paths.operator_socket, "status"))
    settled = had("texts of the settings", lambda: list(_of_settings(paths.etc)))
    acts = had("texts of the audit log", lambda: list(_of_log(paths)))
    known = [*(settled or ()), *(acts or ()), *((health or {}).get("consoles") or ()), *_buttons(health or {})]
    veil = Veil(known)
    allowed = HEALTH if settled is not None and acts is not None else HEALTH - {"faults"}
    try:
        settings: Settings | None = load(paths.etc)
    except UnitError:  # whose text may quote something typed
        settings = None
        missing.append("settings: they do not hold; `spreekkamer settings check` says why, on the unit")
    files = {
        "versions.json": _json(about()),
        "settings.json": _json([_row(veil, row) for row in rows_of(settings)] if settings else None),
        "health.json": _json(_health(veil, health, allowed) if health else None),
        "services.json": _json(had("services", lambda: list(_services())) if in_field else None),
    }
    if acts is None or settled is None:
        missing.append("journal: nobody knows what has to be taken out of it")
    elif in_field:
        lines = had("journal", lambda: list(_journal(veil)))
        files["journal.txt"] = "".join(f"{line}\n" for line in lines or ())
    unit = settings.unit.name() if settings else "without-settings"
    files["missing.txt"] = "".join(f"{veil.text(line)}\n" for line in missing) or "nothing\n"
    at = now.isoformat(timespec="seconds")
    files["README.txt"] = README.format(unit=unit, at=at, typed=len(known))
    return Gathered(files, [veil.text(line) for line in missing]), unit.replace("/", "-")


def _of_settings(etc: Path) -> Iterator[str]:
    """Texts that people wrote in the files, even in invalid ones."""
    for file in (etc / "policy.toml", *sorted((etc / "policy.d").glob("*.toml"))):
        if file.exists():
            yield from written(tomllib.loads(file.read_text(encoding="utf-8-sig")))
    if (etc / "unit.toml").exists():
        unit = tomllib.loads((etc / "unit.toml").read_text(encoding="utf-8-sig"))
        yield from written({"holders": unit.get("mobile", [])})


def _of_log(paths: Paths) -> Iterator[str]:
    """The same from the audit log, as handed out by the keeper, or from the file itself without a keeper."""
    try:
        with Conversation(paths.keeper_socket) as keeper:
            files = keeper.ask_for_files("audit")[1]
        log = joined(files)
    except (LinkError, IndexError):
        try:
            log = AuditFiles(paths.audit_log).open()
        except FileNotFoundError:
            return
    with log:
        for line in loglines.read(log):
            with contextlib.suppress(msgspec.DecodeError, RecursionError):
                told = msgspec.json.decode(line.raw)
                yield from typed(told) if isinstance(told, dict) else ()


def _row(veil: Veil, row: Any) -> dict[str, Any]:
    return {"key": row.key, "value": veil.setting(row.key, row.value), "source": row.source}


def _buttons(health: dict[str, Any]) -> list[str]:
    """Names of wireless buttons."""
    return [name for name in health.get("buttons") or {} if name not in PLAIN]


def _health(veil: Veil, health: dict[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    """Replace names of consoles and wireless buttons, and ids of open alarms, by numbers."""
    names = {name: f"wireless {number}" for number, name in enumerate(_buttons(health), 1)}
    buttons = {names.get(name, name): proof for name, proof in (health.get("buttons") or {}).items()}
    levels = sorted((health.get("alarms") or {}).values())
    told = {**health, "consoles": len(health.get("consoles") or ()), "alarms": levels, "buttons": buttons}
    return veil.fields(told, allowed)


def _services() -> Iterator[dict[str, str]]:
    for name in UNITS:
        said = _said("systemctl", "show", f"--property={SHOWN}", f"spreekkamer-{name}.service")
        yield dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def _journal(veil: Veil) -> Iterator[str]:
    units = [f"--unit=spreekkamer-{name}.service" for name in UNITS]
    how = (f"--since={SINCE}", f"--lines={LINES_MAX}", "--output=json", "--output-fields=MESSAGE,SYSLOG_IDENTIFIER")
    for line in _said("journalctl", *units, *how, "--no-pager", "--quiet").splitlines():
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        if isinstance(message, list):  # bytes that are not UTF-8
            message = bytes(message).decode(errors="replace")
        at = datetime.datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, datetime.UTC)
        yield f"{at:%Y-%m-%dT%H:%M:%S} {entry.get('SYSLOG_IDENTIFIER', '-')}: {veil.line(str(message))}"


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=JOURNAL_S)
    except subprocess.TimeoutExpired as error:
        raise StoreError(f"{command[0]}: no answer in {JOURNAL_S:.0f} s") from error
    if done.returncode:
        raise StoreError(f"{command[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _json(body: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(body), indent=1).decode() + "\n"


def _write(to: Path, name: str, files: dict[str, str]) -> Path:
    """Write all of them, or none. Raises RequestError if it is not a directory, StoreError if the medium fails."""
    if not to.is_dir():
        raise RequestError(f"--to {to}: expected a directory that is there")
    place, part = to / name, to / f"{name}.part"
    try:
        part.mkdir()
        for file, text in files.items():
            with (part / file).open("w", encoding="utf-8") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
        return part.rename(place)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StoreError(f"{place}: {error.strerror or error}") from error
