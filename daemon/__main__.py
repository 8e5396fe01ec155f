# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The operator's command, `spreekkamer`: it asks the unit's processes over their sockets and changes nothing itself."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from daemon.card.rehearsal import rehearse
from daemon.commands import (
    audit,
    check,
    cover,
    evidence,
    hold,
    holders,
    incident,
    judge,
    notice,
    report,
    store,
    support,
    tables,
    version,
    witness,
)
from daemon.commands.console import NOT_EVIDENCE, SHORT, Json, State, as_json, out
from daemon.commands.zone import place_of
from daemon.config import READ, Settings, inwords, load, unread
from daemon.config import report as report_faults
from daemon.config.doubts import doubts
from daemon.config.explain import rows_of
from daemon.errors import LinkError, RefusedError, SettingsError, UnitError
from daemon.link import ask
from daemon.model.notice import in_use, lacking, outdated
from daemon.model.policy import fingerprint, in_words, lost_groups
from daemon.paths import Paths
from daemon.texts import shown
from daemon.times import local, local_of
from hardware.ports import ClockReading

app = typer.Typer(
    name="spreekkamer",
    help="The room unit: what it is doing, what it keeps, and whether its settings hold.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
recordings = typer.Typer(help="The recordings in the store: figures, never content.", no_args_is_help=True)
settings = typer.Typer(help="The two settings files.", no_args_is_help=True)
alarm = typer.Typer(help="The open alarm, and tests of it.", no_args_is_help=True)
app.add_typer(recordings, name="recordings")
app.add_typer(settings, name="settings")
app.add_typer(alarm, name="alarm")
app.add_typer(hold.app, name="hold")
app.add_typer(holders.app, name="holders")
app.add_typer(incident.app, name="incident")
app.add_typer(audit.app, name="audit")
app.add_typer(cover.app, name="cover")
app.add_typer(notice.app, name="notice")
app.add_typer(evidence.app, name="evidence")
app.add_typer(store.app, name="store")
app.command("witness")(witness.witness)

PAGES_MAX = 10_000  # of twenty recordings: two hundred times what a busy room leaves in four weeks


TEST_S = 20.0
"""How long `alarm test` waits for a receiver: two attempts, and a new connection in between."""


def _version(asked: bool) -> None:  # noqa: FBT001 - typer's own way to call it
    if asked:
        sys.stdout.write(f"spreekkamer {importlib.metadata.version('spreekkamer')}\n")
        raise typer.Exit


@app.callback()
def _unit(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="the version that is installed")
    ] = False,
) -> None:
    """The room unit: its state, its recordings, and whether its settings are valid."""


@app.command()
def status(
    *, state: State = None, as_json_: Json = False,
    alarms: Annotated[bool, typer.Option("--alarms", help="the latest alarm events, and how fast each went")] = False,
) -> None:  # fmt: skip
    """Show the unit's health. Exit code 10 when there is a fault."""
    socket = Paths.below(state).operator_socket
    if alarms:
        _show_alarms(state, ask(socket, "alarms"), as_json_=as_json_)
        return
    health = ask(socket, "status")
    if as_json_:
        as_json(health)
    else:
        tables.facts(health["unit"], _status(health, place_of(state)))
    if health["faults"]:
        raise typer.Exit(10)


def _status(health: dict[str, Any], place: datetime.tzinfo) -> Iterator[tuple[tables.Cell, tables.Cell]]:
    keeper = health["keeper"]
    if health["simulated"]:
        yield Text("SIMULATED", style="red"), "a room on simulated devices: no alarm of it is a call for help"
    yield health.get("place", "room"), health["phase"]
    for alarm_id, level in health["alarms"].items():
        yield "alarm", f"{alarm_id}: {level}"
    if health["recording_id"]:
        yield "recording", health["recording_id"]
    yield "lamps", ", ".join(f"{name} {'lit' if lit else 'dark'}" for name, lit in health["lamps"].items())
    yield "policy", f"{health['policy']} ({health['policy_sha256'][:12]})"
    yield from _receivers(health, place)
    yield (
        "clock",
        f"{local_of(health['at'], place, 'seconds')}, {health['clock']}, up {tables.span(health['uptime_s'])}",
    )
    yield from _media(health["recorder"] or {})
    if keeper:
        ages = {"sound": keeper["oldest_audio_h"], "image": keeper["oldest_video_h"]}
        named = (f"{name} {tables.span(hours * 3600)}" for name, hours in ages.items() if hours is not None)
        size = sum(keeper["store_bytes"].values()) / 1e6
        what = f"{keeper['recordings']} recordings, {size:.1f} MB; {keeper['filled_pct']} % full"
        yield "store", f"{what}; oldest: {', '.join(named) or 'nothing'}"
        if keeper["holds"]:
            yield "holds", f"{keeper['holds']} active"
        if keeper["next_expiry_s"] is not None:
            yield "next deletion", f"in {tables.span(keeper['next_expiry_s'])}"
    for name, detail in health["faults"].items():
        yield Text(f"fault: {name}", style="red"), detail


def _media(recorder: dict[str, Any]) -> Iterator[tuple[tables.Cell, tables.Cell]]:
    """The recorder's measurements of its devices, figures only."""
    for track, device in recorder.get("devices", {}).items():
        ring, age = recorder["ring_s"].get(track, 0), recorder["age_ms"].get(track, "-")
        yield track, f"{device}; {ring} s in the ring; last frame {age} ms ago; {recorder['gaps'][track]} gaps"
    if picture := recorder.get("picture"):
        sharp = "nothing to judge" if picture["sharpness_pct"] is None else f"{picture['sharpness_pct']} %"
        yield "picture", f"light {picture['brightness_pct']:.0f} %; sharpness {sharp}"
    if recorder.get("sound"):
        drift = "not known yet" if recorder["drift_ppm"] is None else f"{recorder['drift_ppm']:+.0f} ppm"
        level = "-" if recorder["level_dbfs"] is None else f"{recorder['level_dbfs']:.0f} dBFS"
        yield "microphone", f"{recorder['sound']}; level {level}; drift {drift}"
    if recorder:
        yield "ring", f"{recorder['ring_bytes'] / 1e6:.1f} MB; {recorder['free_bytes'] / 1e9:.1f} GB free on disk"


def _receivers(health: dict[str, Any], place: datetime.tzinfo) -> Iterator[tuple[tables.Cell, tables.Cell]]:
    """Where alarms go, which receivers listen, and when each button was proved to work."""
    yield "broker", f"{health['broker']}, {health['undelivered']} alarm events undelivered"
    if health["second_broker"] is not None:
        yield "second broker", health["second_broker"]
    if health["receiver"] == "listens":
        yield "receivers", "only listen: the broker's answer counts as delivered"
    else:
        yield "receivers", ", ".join(health["consoles"]) or "none"
    for name, proof in health["buttons"].items():
        press, test = (_at(proof[key], place) for key in ("last_press", "last_test"))
        yield f"button {name}", f"last press {press}; last test {test}"


def _at(moment: str | None, place: datetime.tzinfo) -> str:
    return local_of(moment, place) if moment else "-"


def _show_alarms(state: Path | None, lines: list[dict[str, Any]], *, as_json_: bool) -> None:
    """One line per alarm event; `?` after its time: the clock was not synchronised."""
    if as_json_:
        as_json(lines)
        return
    columns = ("pressed", "kind", "button", "tries", "kept", "broker", "stored", "accepted", "by")
    place = place_of(state)
    tables.rows(columns, (_alarm(line, place) for line in lines), title="milliseconds from the press")


def _alarm(line: dict[str, Any], place: datetime.tzinfo) -> tuple[str, ...]:
    levels = (_ms(line[level]) for level in ("kept_ms", "broker_ms", "stored_ms", "accepted_ms"))
    pressed = local_of(line["pressed_at"], place, "seconds")[5:] + ("" if line["clock"] == "synchronised" else " ?")
    by = line["accepted_by"] or line["stored_by"] or ("" if line["delivered"] else "on its way")
    return pressed, line["kind"], line["source"], str(line["attempts"]), *levels, by


def _ms(value: int | None) -> str:
    return "-" if value is None else str(value)


@recordings.command("list")
def list_(*, state: State = None, as_json_: Json = False) -> None:
    """List all recordings in the store, the oldest first."""
    socket = Paths.below(state).keeper_socket
    found: list[dict[str, Any]] = []
    for _ in range(PAGES_MAX):
        page = ask(socket, "recordings", after=found[-1]["recording_id"] if found else "")
        found += page
        if not page:
            break
    if as_json_:
        as_json(found)
        return
    place = place_of(state)
    cells = (
        (one["recording_id"][:SHORT], _began(one, place), _kind(one), one["state"],
         *(_track(one["tracks"].get(track)) for track in ("audio", "video")))
        for one in found
    )  # fmt: skip
    tables.rows(("recording", "began", "kind", "state", "sound", "image"), cells)
    simulated = [one["recording_id"][:SHORT] for one in found if one["simulated"]]
    if simulated:
        which = "each of them" if len(simulated) == len(found) else ", ".join(simulated)
        out().print(f"[red]{NOT_EVIDENCE}[/red] ({which})", soft_wrap=True, highlight=False)
    for by in sorted({one["dated_by"] for one in found} & DATED.keys()):
        out().print(f"{DATED[by][0]} {DATED[by][1]}", soft_wrap=True)


@recordings.command()
def show(recording_id: str, *, state: State = None, as_json_: Json = False) -> None:
    """Show one recording: its tracks, gaps and terms."""
    one = ask(Paths.below(state).keeper_socket, "recording", recording_id=recording_id)
    if as_json_:
        as_json(one)
        return
    tables.facts(one["recording_id"], _recording(one, _labels(Paths.below(state)), place_of(state)))


def _recording(
    one: dict[str, Any], labels: dict[str, str], place: datetime.tzinfo
) -> Iterator[tuple[tables.Cell, tables.Cell]]:
    if one["simulated"]:
        yield Text(NOT_EVIDENCE, style="red"), "made on simulated devices"
    for key in ("state", "detail", "policy", "clock", "continues"):
        if one[key]:
            yield key, str(one[key])
    told = DATED.get(one["dated_by"])
    yield "began", local(one["at_wall_ns"], place, "seconds") + (f" ({told[1]})" if told else "")
    yield "kind", _kind(one)
    for name, track in one["tracks"].items():
        what = f"{_track(track)}, {track['segments']} segments, {track['bytes'] / 1e6:.2f} MB, {track['gaps']} gaps"
        yield name, f"{what}, {'its term ends' if track['held'] else 'goes'} {local(track['expires_wall_ns'], place)}"
    others = [name for name in one["parts"] if name != one["recording_id"]]
    if others:
        yield "same event", ", ".join(others)
    for number, group in enumerate(one["groups"], 1):
        names = (labels.get(key, f"{fingerprint(key)} (no holder of the policy now)") for key in group)
        yield f"opens, group {number}", ", ".join(names)


def _kind(one: dict[str, Any]) -> str:
    return "alarm" if one["alarm"] else "conversation"


DATED = {
    "count": ("*", "the clock was not synchronised then, or wrong; this is the keeper's own count"),
    "latest": ("<", "the clock was not synchronised then, or wrong; by the keeper's own count it was then or earlier"),
    "unsure": ("?", "the clock was not synchronised then, and nothing is known that is better"),
}
"""A mark after a date that does not come from a synchronised clock, and its meaning."""


def _began(one: dict[str, Any], place: datetime.tzinfo) -> str:
    """The minute in which a recording began, with its mark."""
    return f"{local(one['at_wall_ns'], place)} {DATED.get(one['dated_by'], ('',))[0]}".rstrip()


def _labels(paths: Paths) -> dict[str, str]:
    """The holders of the policy in force, by public key; empty if the settings cannot be read."""
    try:
        return {holder.recipient: holder.label for holder in load(paths.etc).policy.holders}
    except SettingsError:
        return {}


def _track(track: dict[str, Any] | None) -> str:
    if track is None:
        return "off"
    if not track["there"]:
        return "deleted"
    return f"{track['seconds']:g} s" + (", held" if track["held"] else "")


@settings.command("show")
def settings_show(*, state: State = None, as_json_: Json = False) -> None:
    """Show every setting in force, where it came from, and what it means."""
    rows = rows_of(load(Paths.below(state).etc))
    if as_json_:
        as_json([row._asdict() for row in rows])
        return
    tables.rows(("setting", "value", "from", "expected"), (tuple(map(str, row)) for row in rows), sentences=True)


@settings.command("microphones")
def settings_microphones(*, as_json_: Json = False) -> None:
    """List this machine's sound inputs, by the names that `microphone.device` takes. Devices in use are not shown."""
    from hardware.microphone import offers  # noqa: PLC0415 - PyAudio is on a unit only, and other commands need none

    found = offers()
    if as_json_:
        as_json(found)
        return
    if not found:
        out().print("There is no sound input.")
        return
    cells = (
        (one.name, ", ".join(map(str, one.rates_hz)), ", ".join(map(str, one.channels)), one.trouble) for one in found
    )
    tables.rows(("input", "Hz", "channels", "trouble"), cells, sentences=True)


def _checked(etc: Path) -> Settings:
    """The settings. Raises SettingsError for every fault, and for settings under which no alarm can leave."""
    checked = load(etc)
    if found := doubts(checked):
        raise SettingsError(report_faults(found, "no alarm could leave"))
    return checked


def _in_words(checked: Settings) -> None:
    """Unit and policies, one line each; warnings begin with a mark."""
    for head, sentences in inwords.lines(checked):
        out().print(f"\n{escape(head)}", style="bold", soft_wrap=True)
        for line in sentences:
            mark = "[bold yellow]!" if line.strikes else "[default] "
            out().print(f"{mark} {escape(line.text)}[/]", soft_wrap=True, highlight=False)


@settings.command("check")
def settings_check(
    *, state: State = None, as_json_: Json = False,
    card: Annotated[Path | None, typer.Option(
        "--card", metavar="FILE", help="a spreekkamer.toml for a card, in place of the unit's files",
    )] = None,
    files: Annotated[Path | None, typer.Option(
        "--files", metavar="DIR", help="with --card: where the files are that it names; without it: beside it",
    )] = None,
) -> None:  # fmt: skip
    """Check all files and list every fault. Exit code 2 when there is one."""
    if card is not None:
        _check_card(card, files or card.parent, as_json_=as_json_)
    else:
        _check_unit(state, as_json_=as_json_)


def _check_unit(state: Path | None, *, as_json_: bool) -> None:
    checked = _checked(Paths.below(state).etc)
    rows = [
        (one.policy.in_force_from, one.policy.name, one.sha256, one.file, one.policy.zone) for one in checked.policies
    ]
    if as_json_:
        names = ("in_force_from", "policy", "sha256", "file", "zone")
        policies = [
            dict(zip(names, row, strict=True)) | {"holders": one.policy.fingerprints(), "signed_by": one.signed_by()}
            for row, one in zip(rows, checked.policies, strict=True)
        ]
        as_json({"unit": checked.unit.name(), "signers": checked.unit.policy.codes(), "policies": policies})
        return
    out().print(f"All files hold: unit {checked.unit.name()}.")
    for day, name, sha256, file, days in rows:
        out().print(f"From {day}, midnight in {days}: policy {name} ({sha256[:12]}), {file}.")
    _who_signed(checked)
    _warn_of_lost_groups(checked, Paths.below(state))
    _what_they_come_to(checked)
    for name in unread(Paths.below(state).etc, signed=bool(checked.unit.policy.signers)):
        out().print(f"{escape(name)} is not read: expected {READ}.")
    for one in checked.policies:
        if empty := lacking(one.policy):
            out().print(f"{one.file}: empty: {', '.join(empty)}; the notices leave out what residents have to be told.")
    for one in checked.policies:
        for kind, code in outdated(one.policy, in_use(one.policy), one.sha256, checked.unit.policy.codes()).items():
            out().print(f"{one.file}: the {kind} in use is outdated: this policy needs {code} (notice {kind}).")
    _in_words(checked)


def _who_signed(checked: Settings) -> None:
    """Who may sign, and who did; nothing where unit.toml names nobody."""
    roles = {signer.code(): signer.role for signer in checked.unit.policy.signers}
    for code in checked.unit.policy.codes():
        out().print(f"A policy may be signed with the key {code} ({roles[code]}).", highlight=False)
    for one in checked.policies:
        if code := one.signed_by():
            out().print(f"{one.file}: signed with the key {code} ({roles[code]}).", highlight=False)


def _what_they_come_to(checked: Settings) -> None:
    """Of each policy: what is kept, and the keys that recordings are sealed to."""
    for one in checked.policies:
        for words in in_words(one.policy):
            out().print(f"{one.file}: {escape(words)}.")
        for holder in one.policy.holders:
            about = f"{escape(holder.label)} ({holder.role})"
            out().print(f"{one.file}: sealed to the key {fingerprint(holder.recipient)}, {about}.", highlight=False)


@settings.command("confirm-signers")
def settings_confirm_signers(
    codes: Annotated[list[str] | None, typer.Argument(metavar="CODE...", help="of each key that may sign")] = None,
    *, state: State = None,
) -> None:  # fmt: skip
    """Confirm, as a custodian, who may sign the policy, after it was changed in unit.toml. Without a code: nobody."""
    found = ask(Paths.below(state).keeper_socket, "signers_confirm", signers=sorted(codes or []))
    out().print(f"noted: {', '.join(found['signers']) or 'the policy need not be signed'}", highlight=False)
    if found["fault"]:
        out().print(f"[red]{escape(found['fault'])}[/red]", soft_wrap=True)


def _check_card(card: Path, files: Path, *, as_json_: bool) -> None:
    found = rehearse(card, files)
    if as_json_:
        as_json(found)
        return
    out().print(f"{escape(str(card))}: a unit would take it.", soft_wrap=True)
    for line in found.told:
        out().print(escape(line), soft_wrap=True, highlight=False)
    for name in found.files:
        out().print(f"{escape(name)}: fits.", soft_wrap=True, highlight=False)
    for name in found.missing:
        out().print(f"{escape(name)} is not there: the unit has to have it already.", soft_wrap=True, highlight=False)


def _warn_of_lost_groups(checked: Settings, paths: Paths) -> None:
    """Warn of a policy that leaves a group without any of its holders: the next one, or one under a running unit."""
    for before, after in pairwise(checked.policies):
        for number in lost_groups(before.policy, after.policy):
            out().print(
                f"{after.file}: no holder of group {number} of {before.file} is one any more. What was recorded until "
                f"{after.policy.in_force_from} opens with their keys alone: keep those as long as it.", soft_wrap=True
            )  # fmt: skip
    for number in _losing(checked, paths):
        out().print(
            f"No holder of group {number} of the policy that the unit works by now is one any more. What was recorded "
            "under it opens with their keys alone (recordings show): keep those until it is gone.", soft_wrap=True
        )  # fmt: skip


def _losing(checked: Settings, paths: Paths) -> list[int]:
    """Groups of the unit's current policy of which today's has no holder; empty if the unit cannot be asked."""
    try:
        running = ask(paths.keeper_socket, "holders")["groups"]
    except (LinkError, RefusedError):
        return []
    today = checked.at(ClockReading(time.monotonic_ns(), time.time_ns(), "synchronised")).policy
    kept = {fingerprint(holder.recipient) for holder in today.holders}
    return [
        number
        for number, group in enumerate(running, 1)
        if group["holders"] and not kept & {one["fingerprint"] for one in group["holders"]}
    ]


@alarm.command()
def reset(*, state: State = None) -> None:
    """End the open alarm; its recording continues for the post-event seconds."""
    out().print(f"phase: {ask(Paths.below(state).operator_socket, 'reset')}")


@alarm.command("test")
def alarm_test(*, state: State = None, as_json_: Json = False) -> None:
    """Send a marked test alarm the whole way and show the time of each part. Exit code 10: it did not arrive."""
    socket = Paths.below(state).operator_socket
    test_id = ask(socket, "test")
    until_s = time.monotonic() + TEST_S
    while True:
        line = next((line for line in ask(socket, "alarms") if line["id"] == test_id), None)
        if (line is not None and line["delivered"]) or time.monotonic() > until_s:
            break
        time.sleep(0.1)
    _show_alarms(state, [line] if line else [], as_json_=as_json_)
    if line is None or not line["delivered"]:
        raise typer.Exit(10)


@alarm.command("walk-test")
def walk_test(
    *, state: State = None,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="how long; it ends by itself")] = 10,
    end: Annotated[bool, typer.Option("--end", help="end it now")] = False,
    button: Annotated[str, typer.Option(help="an outside worker's button: its next press, that one alone")] = "",
) -> None:  # fmt: skip
    """For a while, each press of an alarm button in a room at rest is a test: marked, and sent the whole way."""
    named = {"button": button} if button else {}
    answer = ask(Paths.below(state).operator_socket, "walk_test", seconds=0 if end else minutes * 60, **named)
    what = f"press {button} once" if button else "press each button"
    out().print(f"walk test: {answer}" + ("" if end else f"; {what}; it ends in {minutes} minutes"))


@app.command()
def idle(*, state: State = None, as_json_: Json = False) -> None:
    """Whether a restart interrupts nothing. Exit code 10 during an alarm, a recording or an export."""
    paths = Paths.below(state)
    health = ask(paths.operator_socket, "status")
    runs = [f"an alarm is open ({alarm_id})" for alarm_id in health["alarms"]]
    if health["recording_id"]:
        runs.append(f"a recording runs ({health['recording_id'][:SHORT]})")
    with contextlib.suppress(LinkError):  # an absent keeper hands nothing out
        runs += [f"an export runs ({name[:SHORT]})" for name in ask(paths.keeper_socket, "exports")]
    if as_json_:
        as_json({"idle": not runs, "runs": runs})
    else:
        out().print("; ".join(runs) or "at rest", highlight=False)
    if runs:
        raise typer.Exit(10)


@app.command()
def forget(*, state: State = None) -> None:
    """Drop the seconds that the unit holds in memory, now."""
    out().print(f"forget: {ask(Paths.below(state).operator_socket, 'forget')}")


app.command("check")(check.check)
app.command("version")(version.version)
app.command("report")(report.report)
app.command("judge", hidden=True)(judge.judge)
app.command("support")(support.support)


def main() -> None:
    """Run the command. An error is one clear text and an exit code of its kind."""
    for name in ("SIGTERM", "SIGHUP"):  # closing the terminal leaves no more behind than ^C
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        app()
    except UnitError as error:
        text = "\n".join(map(shown, str(error).split("\n")))  # a name in it may come from somebody else
        sys.stderr.write(f"spreekkamer: {text}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
