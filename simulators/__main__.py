# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The tester's command, `spreekkamer-sim`: a room without hardware, and hands to press its buttons."""

from __future__ import annotations

import os
import sys
import webbrowser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.errors import RequestError, UnitError
from daemon.link import ask as ask_unit
from daemon.paths import Paths
from simulators import bench_link, console
from simulators.clock import SimClock
from simulators.faults import WHY_NOT, Fault, Staged
from simulators.keyboard import keys, told_to_end
from simulators.occupied import check_runs
from simulators.panel.page import Page
from simulators.passing import passes
from simulators.places import bench_path, clock_path, faults_path
from simulators.room import SimulatedRoom
from simulators.timeline import Timeline

app = typer.Typer(
    name="spreekkamer-sim", help="A simulated room: the three real processes on simulated devices.",
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True,
)  # fmt: skip
State = Annotated[
    Path, typer.Option("--state", metavar="DIR", envvar="SPREEKKAMER_STATE", help="the simulated unit's directory")
]
Json = Annotated[bool, typer.Option("--json", help="for machines")]
HERE = Path("room")
FITTED = Path(__file__).parent / "room.toml"
"""Fittings of a new room if no file is named: everything that can be tried."""
KEYS = "r record · a alarm · x accept · c reset · b broker's plug · k desk's · q quit"


@app.command()
def run(
    *,
    state: State = HERE,
    policy: Annotated[str | None, typer.Option(help="a shipped policy's name, or a file")] = None,
    unit: Annotated[Path | None, typer.Option(help="a unit.toml", exists=True)] = None,
    broker: Annotated[str, typer.Option(help="embedded, or HOST:PORT")] = "embedded",
    video: Annotated[Path | None, typer.Option(help="a file to play instead of the test card", exists=True)] = None,
    audio: Annotated[Path | None, typer.Option(help="a file to play instead of the tone", exists=True)] = None,
    microphone: Annotated[str | None, typer.Option(help="part of the name of a microphone of this machine")] = None,
    seconds: Annotated[float | None, typer.Option(help="stop after so many seconds")] = None,
    console: Annotated[str, typer.Option(metavar="on|off", help="whether a receiver listens")] = "on",
    console_certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="of the receiver at a broker with TLS; none: the unit's", exists=True),
    ] = None,
    console_key: Annotated[Path | None, typer.Option(metavar="FILE", help="of that certificate", exists=True)] = None,
    panel: Annotated[str, typer.Option(metavar="PORT|off", help="the page's port; 0: a free one")] = "0",
    verbose: Annotated[
        bool, typer.Option("--verbose", help="whole lines; else they stand in DIR/timeline.log")
    ] = False,
) -> None:
    """Start a room and print what happens. Keys work on a terminal; `press` works from any shell."""
    listens = _is_on(f"--console {console}", console)
    if unit is None and not (state / "etc" / "unit.toml").exists():
        unit = FITTED
    if (console_certificate is None) != (console_key is None):
        raise UnitError("--console-certificate, --console-key: expected both, or none for the unit's own")
    console_tls = (console_certificate, console_key) if console_certificate and console_key else None
    with Timeline(state / "timeline.log", verbose=verbose) as timeline:
        room = SimulatedRoom(
            state, policy=policy, unit=unit, broker=broker, video=video, audio=audio, microphone=microphone,
            console=listens, console_tls=console_tls, out=timeline,
        )  # fmt: skip
        over = told_to_end()
        page = _page(room, panel)
        room.start()
        _greet(state, page)
        try:
            for key in keys(over, seconds):
                try:
                    _do_key(room, key)
                except UnitError as error:
                    sys.stderr.write(f"{error}\n")
        finally:
            if page is not None:
                page.stop()
            room.stop()


def _greet(state: Path, page: Page | None) -> None:
    """Print the address of the page, and what else can be done; open the page if there is a desktop."""
    if page is not None:
        sys.stdout.write(f"\n  the page:  {page.address}\n")
        if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(page.address)
    if sys.stdin.isatty():
        sys.stdout.write(f"\n{KEYS}\n")
    sys.stdout.write(
        f"\nThe room stands in {state}; whole lines: {state}/timeline.log. In another shell:\n"
        f"  spreekkamer-sim press alarm --state {state}\n  spreekkamer status --state {state}\n\n"
    )
    sys.stdout.flush()


def _page(room: SimulatedRoom, port: str) -> Page | None:
    """The room's page, which is up before the room is ready and shows it starting."""
    if port == "off":
        return None
    if not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise UnitError(f"--panel {port}: expected a port, or off")
    page = Page(room, int(port))
    page.start()
    return page


def _do_key(room: SimulatedRoom, key: str) -> None:
    if key in "ra":
        button = {"r": "record", "a": "alarm"}[key]
        bench_link.ask(bench_path(room.paths), bench_link.Press(button))
    elif key == "c":
        ask_unit(room.paths.operator_socket, "reset")
    elif key == "x":
        at_the_desk = room.console
        if at_the_desk is None or not at_the_desk.accept_newest():
            raise UnitError("there is nothing to accept at the console")
    elif key in "bk":
        plug = faults_path(room.paths) / {"b": "broker.unplugged", "k": "console.gone"}[key]
        _make(plug, on=not plug.exists())


@app.command()
def press(
    button: Annotated[str, typer.Argument(help="record or alarm")], *, state: State = HERE,
    hold: Annotated[float, typer.Option(help="seconds that the button is down")] = 0.2, as_json: Json = False,
) -> None:  # fmt: skip
    """Press a button, with the bounce of a real contact, and release it."""
    if not 0 < hold <= bench_link.HOLD_S_MAX:
        raise RequestError(f"--hold {hold:g}: expected more than 0 and at most {bench_link.HOLD_S_MAX:.0f} seconds")
    _tell(bench_link.ask(bench_path(Paths.below(state)), bench_link.Press(button, hold)), as_json=as_json)


@app.command()
def lamps(*, state: State = HERE, as_json: Json = False) -> None:
    """Show which lamps are lit now."""
    reply = bench_link.ask(bench_path(Paths.below(state)), bench_link.Lamps())
    if as_json:
        _print(reply.lamps)
    else:
        sys.stdout.write("".join(f"{name:10} {'lit' if lit else 'dark'}\n" for name, lit in reply.lamps.items()))


@app.command()
def fault(
    name: Annotated[str | None, typer.Argument(help="as camera.gone or alarm.stuck; none: lists all, and which are on")]
    = None,
    switch: Annotated[str, typer.Argument(metavar="on|off")] = "", *, state: State = HERE, as_json: Json = False,
) -> None:  # fmt: skip
    """Make or mend a fault; without a name: list every fault of this room."""
    staged = Staged(Paths.below(state))
    if name is None:
        check_runs(Paths.below(state))
        every = staged.all()
        if as_json:
            _print([msgspec.to_builtins(one._asdict()) for one in every])
        else:
            sys.stdout.write("".join(f"{one.name:26} {_how(one)}\n" for one in every))
        return
    on = _is_on(f"fault {name} {switch}", switch)
    _tell(bench_link.Reply(ok=True, text=staged.switch(name, on=on), lamps={}), as_json=as_json)


def _how(one: Fault) -> str:
    if one.why_not:
        return f"not here: {WHY_NOT.get(one.why_not, one.why_not)}"
    return "on" if one.on else "off"


@app.command()
def clock(
    to: Annotated[str, typer.Argument(help="+168h or +4w: time passes; 2038-01-19T03:14:07: the wall clock steps; "
                                           "lost or found: whether it is synchronised")],
    *, state: State = HERE, as_json: Json = False,
) -> None:  # fmt: skip
    """Move the room's time."""
    paths = Paths.below(state)
    check_runs(paths)
    room_clock = SimClock(clock_path(paths))
    if to in {"lost", "found"}:
        room_clock.set_synchronised(to == "found")
    elif to.startswith("+"):
        passes(paths, _seconds(to[1:]))
    else:
        room_clock.set_wall(_wall_ns(to))
    now = room_clock.read()
    shown = datetime.fromtimestamp(0, tz=UTC) + timedelta(microseconds=now.wall_ns // 1000)
    body = {"wall": shown.isoformat(timespec="seconds"), "state": now.state, "boot_s": now.boot_ns // 1_000_000_000}
    if as_json:
        _print(body)
    else:
        sys.stdout.write(f"the room's clock: {body['wall']}, {body['state']}\n")


app.command("console")(console.command)


def _is_on(what: str, switch: str) -> bool:
    if switch not in {"on", "off"}:
        raise UnitError(f"{what}: expected on or off")
    return switch == "on"


def _seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    try:
        return float(text[:-1]) * units[text[-1]]
    except (ValueError, KeyError, IndexError):
        raise RequestError(f"clock +{text}: expected a number and s, m, h, d or w, such as +168h") from None


def _wall_ns(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RequestError(f"clock {text}: expected +168h, or a moment such as 2038-01-19T03:14:07") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


def _make(path: Path, *, on: bool) -> None:
    if on:
        path.touch()
    else:
        path.unlink(missing_ok=True)


def _tell(reply: bench_link.Reply, *, as_json: bool) -> None:
    if as_json:
        _print(msgspec.to_builtins(reply))
    elif reply.ok:
        sys.stdout.write(f"{reply.text}\n")
    if not reply.ok:
        raise UnitError(reply.text)


def _print(body: Any) -> None:
    sys.stdout.write(msgspec.json.encode(body).decode() + "\n")


def main() -> None:
    """Run the command. An error is one clear text and an exit code of its kind."""
    try:
        app()
    except UnitError as error:
        sys.stderr.write(f"spreekkamer-sim: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
