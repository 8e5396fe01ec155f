# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A whole simulated room: broker, receiver, three real processes, and a timeline of events for a person."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from daemon.alarm.mqtt import Connection, Down, Received, Up, Word
from daemon.config import load
from daemon.errors import SettingsError, UnitError
from daemon.model.unit import Broker, Tls
from daemon.paths import Paths
from simulators import console_facts, stuck
from simulators.broker import EmbeddedBroker
from simulators.clock import SimClock
from simulators.console import Console
from simulators.link import Link, Proxy
from simulators.occupied import Occupied
from simulators.places import OF_A_ROOM, check_length, clock_path, console_path, faults_path, impossible_path
from simulators.state import find_policy, prepare, prepare_policy, put_back

READY_S = 60.0
"""A process is up within two seconds; a machine that compiles its files for the first time gets thirty times that."""
ANSWER_S = 1.0
"""Time for a process that did not get ready to print its stacks."""
STOP_S = 15.0
"""A process closes its recording and ends within five seconds; then it is killed, and the next start closes it."""
CONSOLE = "balie"
"""The room's own receiver, as at a reception desk."""
LINE_MAX = 150
"""Characters of a message in the timeline; the broker has the rest."""
ID = re.compile(r"[0-9a-f-]{32,36}")
UNIT = "simulators.unit"
"""The module started as each process; the recorder may be another's, with a camera that is not simulated."""
LINKS = {"broker.unplugged": Link.REFUSE, "link.black_hole": Link.BLACK_HOLE, "link.slow": Link.SLOW}
"""Effect of each fault on the link, the worst first."""
RESTART_S = 0.5
"""As systemd's RestartSec: an ended process is restarted after this."""


class Child:
    """One process of the unit, restarted when it ends, as by systemd."""

    def __init__(self, name: str, command: list[str], say: Any) -> None:
        self.name, self._command, self._say = name, command, say
        self.ready = threading.Event()
        self.process: subprocess.Popen[str] | None = None
        self._stopping, self._last = False, "nothing"
        self._may_run = threading.Event()
        self._may_run.set()
        self._off, self._lock = set[str](), threading.Lock()
        """Why it may not run: plugging in one thing starts nothing while the room's own power is off."""
        self._times_off = 0
        self._thread = threading.Thread(target=self._run, name=f"child {name}", daemon=True)

    def start(self) -> None:
        """Start it, and wait until it is ready. Raises UnitError with its last output."""
        self._thread.start()
        if not self.ready.wait(READY_S):
            if self.process is not None:
                for line in stuck.ask(self.process.pid):
                    self._say(self.name, line)
                time.sleep(ANSWER_S)
            raise UnitError(f"{self.name}: not ready within {READY_S:.0f} s; what it said last: {self._last}")
        if self._stopping:
            raise UnitError(f"{self.name}: ended before it was ready; what it said last: {self._last}")

    def stop(self) -> None:
        """End it, as systemd does: ask, wait, kill."""
        self._stopping = True
        if self.process is not None:
            self.freeze(on=False)
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._thread.join(STOP_S)

    def power(self, *, on: bool, ask: bool = False, why: str = "power") -> None:
        """End it, by kill or by a stop as systemd's, and run it again when every reason for that is over."""
        with self._lock:
            self._times_off += not on
            (self._off.discard if on else self._off.add)(why)
            (self._may_run.clear if self._off else self._may_run.set)()
        if not on:
            self.freeze(on=False)
            self._signal(signal.SIGTERM if ask else signal.SIGKILL)

    def gone(self) -> None:
        """Wait until it has ended; kill it if it does not."""
        if self.process is not None:
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.ready.clear()

    def freeze(self, *, on: bool) -> None:
        """Freeze it, as on a hanging machine, or let it go on."""
        self._signal(signal.SIGSTOP if on else signal.SIGCONT)

    @property
    def state(self) -> str:
        """`runs`, `starts` or `down`."""
        running = self.process is not None and self.process.poll() is None
        return "down" if not running else "runs" if self.ready.is_set() else "starts"

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _run(self) -> None:
        while not self._stopping:
            if not self._may_run.wait(RESTART_S):
                continue
            times_off = self._times_off
            environment = {**os.environ, "PYTHONUNBUFFERED": "1", OF_A_ROOM: "yes"}
            self.process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            )  # fmt: skip
            if self._times_off != times_off:  # whoever switched it off saw the process before, or none
                self.process.kill()
            assert self.process.stdout is not None  # noqa: S101 - a pipe was requested
            with self.process.stdout as said:
                for line in said:
                    self._last = line.rstrip("\n")
                    self._say(self.name, self._last)
                    if '"event": "ready"' in line:
                        self.ready.set()
            code = self.process.wait()
            if self._times_off != times_off:
                self._say(self.name, json.dumps({"event": "down", "code": code}))
            elif not self.ready.is_set():
                self._stopping = True  # it never came up: a restart would fail in the same way
                self.ready.set()
            elif not self._stopping:
                self._say(self.name, json.dumps({"event": "ended", "code": code}))
                time.sleep(RESTART_S)


class SimulatedRoom:
    """Made with the options of `spreekkamer-sim run`. Call `start`, then `stop`.

    `python`: the command for the unit's processes, where they are another machine's (`tests/arm64`).
    """

    def __init__(
        self, state: Path, *, policy: str | None = None, unit: Path | None = None, broker: str = "embedded",
        video: Path | None = None, audio: Path | None = None, microphone: str | None = None, out: Any = None,
        console: bool = True, recorder: str = UNIT, console_tls: tuple[Path, Path] | None = None,
        python: Sequence[str] = (sys.executable,),
    ) -> None:  # fmt: skip
        self._out = out or sys.stdout
        self._lines: queue.Queue[str | None] = queue.Queue(1000)  # a timeline that nobody reads is dropped
        self.broker = EmbeddedBroker() if broker == "embedded" else None
        self.link: Proxy | None = None
        """Between the unit and the embedded broker; desk and witness are on the broker's side."""
        address = self._start_broker(broker)
        try:
            check_length(Paths.below(state))
            self._occupied = Occupied(Paths.below(state))
        except UnitError:
            self._stop_broker()
            raise
        try:
            self.paths: Paths = prepare(state, policy, unit, address)
            settings = load(self.paths.etc).unit
        except UnitError:
            self._stop_broker()
            put_back(Paths.below(state))
            self._occupied.leave()
            raise
        self.clock = SimClock(clock_path(self.paths))
        self._began_ns = self.clock.boot_ns()
        self._organisation = settings.organisation
        own = replace(settings.broker, port=self.broker.port) if self.broker is not None else settings.broker
        self._address = _as_desk(own, console_tls)
        self._second = _as_desk(settings.second_broker, console_tls) if settings.second_broker else None
        self._say_impossible(desk=console, microphone=microphone)
        self.console = self._new_console() if console else None
        """The receiver that listens; None while it is unplugged, and in a room without one."""
        self._witness = Connection(
            "witness", f"witness-{os.getpid()}", self._address, self._heard, subscribe=("spreekkamer/v1/#",)
        )
        base = [*python, "-m", UNIT]
        sources = {"--video": video, "--audio": audio, "--microphone": microphone}
        media = [word for option, source in sources.items() if source for word in (option, str(source))]
        tail = ["--state", str(state)]
        # In systemd's order: the keeper's first sweep is done before the recorder starts.
        self.children = {
            "alarm": Child("alarm", [*base, "alarm", *tail], self._said),
            "keeper": Child("keeper", [*base, "keeper", *tail], self._said),
            "recorder": Child(
                "recorder", [*no_network(), *python, "-m", recorder, "recorder", *tail, *media], self._said
            ),
        }
        self._printer = threading.Thread(target=self._print, name="timeline", daemon=True)
        self._plugs = threading.Thread(target=self._watch_plugs, name="plugs", daemon=True)
        self._stopping = threading.Event()
        self.heard: list[dict[str, Any]] = []
        """Alarm events as received by the witness at the broker."""
        self.listeners: list[Callable[[Word], None]] = []
        """Called with every word of the witness's connection, on its thread; they have to return soon."""
        self.signs: dict[str, str] = {}
        """What each lamp shows, by the alarm process's own log: a key of panel.PATTERNS, or lit and dark."""

    def start(self) -> None:
        """Start the processes. Raises UnitError if one does not come up."""
        self._printer.start()
        self._witness.start()
        if self.console is not None:
            self.console.start()
        try:
            for child in self.children.values():
                child.start()
        except UnitError:
            self.stop()
            raise
        self._plugs.start()

    def stop(self) -> None:
        """Stop in reverse order."""
        self._stopping.set()
        for child in reversed(self.children.values()):
            if child.process is not None:
                child.stop()
        if self._plugs.is_alive():
            self._plugs.join(timeout=STOP_S)
        if self.console is not None:
            self.console.stop()
        self._witness.close()
        self._stop_broker()
        self._lines.put(None)
        self._printer.join(timeout=2.0)
        put_back(self.paths)
        self._occupied.leave()

    def power_cut(self, off_s: float = 0.0, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Cut the unit's power for this many seconds of the room's time: all processes die at once, the clock reboots.

        Broker and desk have their own power. `meanwhile` is called when nothing runs: the effects of a cut on a disk.
        Returns when the processes are up again.
        """
        for child in self.children.values():
            child.power(on=False)
        for child in self.children.values():
            child.gone()
        meanwhile()
        self.clock = SimClock.reboot(clock_path(self.paths), off_s)
        self._began_ns = self.clock.boot_ns()
        self._tell("room", f"the power was cut, for {off_s:g} s")
        self._start_again()

    def take_policy(self, policy: str) -> None:
        """Restart the unit under another shipped policy. Raises SettingsError for an unknown one."""
        find_policy(policy)
        for child in reversed(self.children.values()):
            child.power(on=False, ask=True)
        for child in self.children.values():
            child.gone()
        prepare_policy(self.paths, policy)
        self._tell("room", f"starts again under the policy {policy}")
        self._start_again()

    def say(self, topic: str, payload: bytes) -> None:
        """Publish as somebody else's device would, by the witness's connection. Raises UnitError."""
        if not self._witness.publish(topic, payload):
            raise UnitError("the broker is away: a wireless button reaches nobody")

    def _start_broker(self, asked: str) -> tuple[str, int]:
        """Address of the unit's broker. Raises SettingsError."""
        if self.broker is not None:
            self.broker.start()
            self.link = Proxy(self.broker.port)
            self.link.start()
            return "127.0.0.1", self.link.port
        host, _, port = asked.rpartition(":")
        if not host or not port.isdigit():
            raise SettingsError(f"--broker {asked}: expected embedded, or HOST:PORT such as localhost:1883")
        return host, int(port)

    def _say_impossible(self, *, desk: bool, microphone: str | None) -> None:
        """List the faults that cannot be staged in this room."""
        found = {} if self.broker is not None else dict.fromkeys(("broker", "link"), "broker_elsewhere")
        found |= {} if desk else {"console": "no_desk"}
        found |= {"microphone": "real_microphone"} if microphone else {}
        impossible_path(self.paths).write_text(json.dumps(found))

    def _start_again(self) -> None:
        """Restart in order; processes held down by a fault stay down."""
        for name, child in self.children.items():
            child.power(on=True)
            if not (faults_path(self.paths) / f"{name}-process.down").exists():
                child.ready.wait(READY_S)

    def _stop_broker(self) -> None:
        if self.link is not None:
            self.link.stop()
        if self.broker is not None:
            self.broker.stop()

    # --- the timeline ------------------------------------------------------------------------------------------------

    def _said(self, name: str, line: str) -> None:
        try:
            fields = json.loads(line)
        except ValueError:
            self._tell(name, line)
            return
        event, level = fields.pop("event", "?"), fields.pop("level", "info")
        for key in ("process", "at"):
            fields.pop(key, None)
        if event == "lamp":
            self.signs[fields.get("lamp", "")] = fields.get("says", "")
        if level != "debug":
            text = "  ".join(f"{key}={_short(value)}" for key, value in fields.items() if value not in (None, ""))
            self._tell(name, f"{event}  {text}".rstrip())

    def _heard(self, word: Word) -> None:
        for listener in self.listeners:
            listener(word)
        match word:
            case Received(topic=topic, payload=payload):
                if topic.split("/")[3:4] != ["console"]:  # a receiver reports its own presence
                    self._at_broker("/".join(topic.split("/")[5:]), payload)
            case Up():
                self._tell("broker", "the witness listens")
            case Down(reason=reason):
                self._tell("broker", f"away: {reason}")

    def _at_broker(self, topic: str, payload: bytes) -> None:
        try:
            body = json.loads(payload)
            data = body["data"] if topic == "alarm/event" else dict(body)
        except (ValueError, TypeError, KeyError, RecursionError):
            self._tell("broker", f"{topic}  {len(payload)} bytes that are not ours")
            return
        if topic == "alarm/event":
            self.heard.append(body)
            late = "  LATE (replay)" if data["replay"] else ""
            age = f"age {data['age_ms']} ms  attempt {data['attempt']}{late}"
            self._tell("broker", f"alarm/event {data['kind']}  {age}")
        elif topic != "health":
            shown = {
                key: _short(value)
                for key, value in data.items()
                if key not in {"at", "boot_id", "session", "simulated"}
            }
            self._tell("broker", f"{topic}  " + "  ".join(f"{key}={value}" for key, value in shown.items())[:LINE_MAX])

    def _tell(self, who: str, text: str) -> None:
        now = self.clock.read()
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now.wall_ns / 1e9))
        since_s = (now.boot_ns - self._began_ns) / 1e9
        try:
            self._lines.put_nowait(f"{moment}.{now.wall_ns // 1_000_000 % 1000:03d}  {since_s:9.3f} s  {who:9}{text}")
        except queue.Full:
            return

    def _print(self) -> None:
        while (line := self._lines.get()) is not None:
            self._out.write(line + "\n")
            self._out.flush()

    def _new_console(self) -> Console:
        path = console_path(self.paths, CONSOLE)
        return Console(
            CONSOLE, self._organisation, self._address, path, self._console_said, second=self._second, simulated=True
        )

    def _console_said(self, fact: console_facts.Fact) -> None:
        """Show what the witness at the broker has not shown already."""
        if not isinstance(fact, console_facts.RoomSays):
            self._tell("console", console_facts.text(fact))

    def _watch_plugs(self) -> None:
        """A plug is a file like the other faults: while `broker.unplugged` or `console.gone` exists, it is pulled."""
        plugs: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {}
        if self.broker is not None and self.link is not None:
            plugs["broker.unplugged"] = self._pull_broker, self._plug_in_broker
            plugs["link.black_hole"] = plugs["link.slow"] = self._relink, self._relink
        if self.console is not None:
            plugs["console.gone"] = self._pull_console, self._plug_in_console
        for name, child in self.children.items():
            plug = partial(child.power, why="plug")
            plugs[f"{name}-process.down"] = partial(plug, on=False), partial(plug, on=True)
            plugs[f"{name}-process.stopped"] = partial(child.freeze, on=True), partial(child.freeze, on=False)
        out: set[str] = set()
        while not self._stopping.wait(0.05):
            for fault, (pull, plug_in) in plugs.items():
                wanted = (faults_path(self.paths) / fault).exists()
                if wanted != (fault in out):
                    (out.add if wanted else out.discard)(fault)
                    (pull if wanted else plug_in)()
                    self._tell(fault.partition(".")[0], told(fault, on=wanted))

    def _pull_broker(self) -> None:
        if self.broker is not None:
            self.broker.pull_plug()
            self._relink()

    def _plug_in_broker(self) -> None:
        if self.broker is not None:
            self.broker.plug_in()
            self._relink()

    def _relink(self) -> None:
        """Set the link to the worst of its active faults."""
        if self.link is not None:
            wrong = (link for fault, link in LINKS.items() if (faults_path(self.paths) / fault).exists())
            self.link.becomes(next(wrong, Link.WHOLE))

    def _pull_console(self) -> None:
        if self.console is not None:
            self.console.pull_plug()
            self.console = None

    def _plug_in_console(self) -> None:
        console = self._new_console()
        console.start()
        self.console = console


def told(fault: str, *, on: bool) -> str:
    """The event in words, for the timeline."""
    begins, ends = {
        "down": ("is killed, and nothing starts it", "may start again"),
        "stopped": ("hangs", "goes on"),
        "black_hole": ("swallows every byte", "hands on again"),
        "slow": ("is slow", "is as fast as before"),
    }.get(fault.partition(".")[2], ("its plug is pulled", "plugged in again"))
    return begins if on else ends


def _as_desk(broker: Broker, files: tuple[Path, Path] | None) -> Broker:
    """How the desk and the witness connect to the unit's broker: with their own certificate, or the unit's."""
    if broker.tls is None or files is None:
        return broker
    certificate, key = files
    return replace(broker, tls=Tls(broker.tls.ca, str(certificate), str(key)))


def _short(value: Any) -> Any:
    """Ids shortened for a person, still distinct."""
    if isinstance(value, list):
        return ", ".join(str(_short(item)) for item in value) or "none"
    return value[:8] if isinstance(value, str) and ID.fullmatch(value) else value


def no_network() -> list[str]:
    """A command prefix that takes the network from the recorder: as root, or in a user namespace."""
    unshare = shutil.which("unshare")
    for options in (["--net"], ["--user", "--map-current-user", "--net"]):
        if unshare and subprocess.run([unshare, *options, "true"], capture_output=True, check=False).returncode == 0:
            return [unshare, *options]
    os.environ["SPREEKKAMER_WALLS"] = "off"
    sys.stderr.write("this machine gives no network namespaces: the simulated recorder keeps its network\n")
    return []
