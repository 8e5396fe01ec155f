# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room on which stories are played: the real three processes, a real broker and desk, a card, and who watches them.

The law here: what is done is noted with its time, what is seen is noted by `looks.py`, and nothing is judged. Whoever
is known not to run is asked nothing: a press is made when there is a process whose button it is.
"""

from __future__ import annotations

import contextlib
import io
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.errors import LinkError, UnitError
from daemon.link import ask
from simulators import bench_link
from simulators.clock import BOOTED_NS
from simulators.faults import PLUGS, PROCESSES
from simulators.faults import Staged as Plugs
from simulators.places import bench_path, faults_path
from tests.brokers import Mosquitto
from tests.rooms import WitnessedRoom
from tests.together.card import Card
from tests.together.faults import FAULTS
from tests.together.judge import NS, Held, OpenAlarm, Piece, Rooms, Span, Staged, Try, Verdict, is_owed
from tests.together.looks import Looks, host_ns
from tests.together.story import Step

CONFIG = Path(__file__).resolve().parents[2] / "config"
H_S = 3600
TERM_H = {"audio": 1, "video": 2}
"""The shortest terms that a policy may name: a story waits for them on a clock that is moved on."""
TIMING = {"pre_event_s": 3, "post_event_s": 1, "maximum_s": 600, "warning_s": 0}
PICTURE = {"width": 320, "height": 240, "fps": 10, "bitrate_bps": 300_000, "keepalive_s": 5}
"""Small: what is tried is not the picture. A dead link is noticed after twice the keepalive."""
OFF_S = 2.0
"""The power is off for so long."""
EFFECT_S = 3.0
"""A fault has taken effect by then; a process in a disk that stands still cannot die before the disk goes on."""
RESTART_S, WHOLE_S = 8.0, 90.0
"""A restart is waited for so long with a broken card, by which it comes to no end, and so long with a good one."""
FINGER_S = 0.08
"""A finger is away for so long, or its next press is the bounce of this one."""
ECHO_NS = 10 * NS
"""A fault that is over at once counts as on for so long: the unit is coming back."""
NEW_POLICY_NS = 20 * NS
"""A process that is stopped for another policy ends within this."""


class _Room(WitnessedRoom):
    """Keeps what no process should say, and tells of a boot before anything runs in it."""

    def __init__(self, state: Path, **options: Any) -> None:
        self.spoilt: list[str] = []
        self.on_boot: Callable[[], None] = lambda: None
        super().__init__(state, **options)

    def _said(self, name: str, line: str) -> None:
        if line and not line.startswith("{"):
            self.spoilt.append(f"{name}: {line}")
        super()._said(name, line)

    def _start_again(self) -> None:
        self.on_boot()
        super()._start_again()


def settings(home: Path) -> tuple[Path, Path, Path]:
    """The unit's file, the policy that a story begins under, and the one that it changes to: sound is off in that."""
    text = (CONFIG / "unit.toml").read_text()
    for key, value in PICTURE.items():
        text = re.sub(rf"^#? ?{key} = \S+", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
    unit, both, image = home / "unit.toml", home / "both.toml", home / "image.toml"
    unit.write_text(text.replace("# free_bytes_min = 3000000000 ", "free_bytes_min = 10000000 # "))
    policy = (CONFIG / "policies" / "heusden-2020.toml").read_text()
    for key, value in TIMING.items():
        policy = re.sub(rf"^{key} = \d+", f"{key} = {value}", policy, count=1, flags=re.MULTILINE)
    policy = policy.replace("maximum_s = 3600", "maximum_s = 900")  # shorter than the shortest term
    policy = policy.replace("term_h = 168", f"term_h = {TERM_H['audio']}")
    policy = policy.replace("term_h = 672", f"term_h = {TERM_H['video']}")
    both.write_text(policy)
    image.write_text(policy.replace("record = true", "record = false", 1))
    return unit, both, image


class Stage:
    """One room, in a directory of its own. One thread acts; `begin` before each story."""

    def __init__(self, home: Path, card: Card | None) -> None:
        self.card = card
        home.mkdir(parents=True, exist_ok=True)
        state = home / "room"
        state.mkdir()
        if card is not None:
            for name in ("store", "journal"):
                (card.path / name).mkdir()
                (state / name).symlink_to(card.path / name)
        unit, self._both, self._image = settings(home)
        self._broker = Mosquitto(home / "broker")
        self._broker.start()
        self.timeline = io.StringIO()
        self.room = _Room(state, policy=str(self._both), unit=unit, broker=self._broker.address, out=self.timeline)
        self.room.on_boot = self._note_boot
        self.paths = self.room.paths
        self._plugs = Plugs(self.paths)
        self.looks = Looks(self.paths, lambda: self.up_ns is not None)
        self.up_ns: int | None = None
        """Since when the alarm process is known to run; None: it is not, and nobody asks it anything."""
        self._coming_or_going = threading.Lock()
        """Who answered just before a fault stopped it is not taken for one that runs after it."""
        self._gone_pid = 0
        """Of an alarm process that has ended, or is about to."""
        self._watch = threading.Thread(target=self._watch_alarm, name="alarm is up", daemon=True)
        self._over = threading.Event()
        self._restarting: threading.Thread | None = None
        self._policy_ns: int | None = None
        """Since when sound is off; None: it is on."""
        self._finger: dict[str, int] = {}
        self._on: dict[str, int] = {}

    def start(self) -> None:
        """Raises UnitError when a process does not come up."""
        self.room.start()
        self.up_ns = host_ns()
        self.begin()
        self.looks.start()
        self._watch.start()

    def stop(self) -> None:
        """Everything ends; what a story left broken ends too."""
        if self.card is not None:
            self.card.thaw()
        self._over.set()
        self.looks.stop()
        self._watch.join(10)
        self.room.stop()
        self._broker.kill()

    def begin(self) -> None:
        """Another story: nothing has been done in it yet."""
        clock, now_ns = self.room.clock, host_ns()
        self._pieces = [Piece(clock.boot_id(), now_ns, clock.boot_ns() - now_ns)]
        self._boots = {clock.boot_id(): 0}
        self._wall_ns = clock.read().wall_ns - clock.boot_ns()
        """UTC at the true time 0."""
        self._ran: list[Span] = []
        self.up_ns = now_ns if self.up_ns is not None else None
        self.tries: list[Try] = []
        self.staged: list[Staged] = []
        self.holds: dict[str, Held] = {}
        """What a keeper has answered for, by the hold's id; `to_ns` is when its release was asked for."""
        self._alarm_ns: int | None = None
        self.alarms: list[OpenAlarm] = []
        self._off: list[Span] = []
        self.wrong: list[Verdict] = []
        self.was_cut = False
        self.looks.forget()
        self.room.spoilt.clear()
        self.room.wire.violations.clear()

    # --- what was done ----------------------------------------------------------------------------------------------

    @property
    def ran(self) -> tuple[Span, ...]:
        """When the alarm process ran."""
        return (*self._ran, *([Span(self.up_ns, host_ns())] if self.up_ns is not None else []))

    @property
    def rooms(self) -> Rooms:
        """The room's clocks."""
        return Rooms(tuple(self._pieces), dict(self._boots))

    @property
    def off(self) -> tuple[tuple[str, Span], ...]:
        """When which track was switched off."""
        return tuple(("audio", span) for span in self._off)

    @property
    def tracks(self) -> tuple[str, ...]:
        """What the policy records."""
        return ("audio", "video") if self._policy_ns is None else ("video",)

    @property
    def has_alarm(self) -> bool:
        """Whether an alarm has been pressed that the unit owes, and that nobody has reset."""
        return self._owed_ns() is not None

    @property
    def is_broken(self) -> bool:
        """Whether the card refuses, or stands still."""
        return any(FAULTS[name].of == "disk" for name in self._on)

    @property
    def on(self) -> tuple[str, ...]:
        """The faults that are on."""
        return tuple(self._on)

    def do(self, step: Step) -> None:
        """One step."""
        acts: dict[str, Callable[[], None]] = {
            "wait": lambda: time.sleep(step.ms / 1000), "press": lambda: self.press(step.what, step.ms),
            "down": lambda: self._down(step.what), "up": lambda: self._up(step.what),
            "begin": lambda: self._stage(step.what), "end": lambda: self.end(step.what),
            "told": lambda: self._until_told(step.what), "reset": lambda: self.reset(is_settled=False),
            "hold": self._hold, "hour": self._hour,
        }  # fmt: skip
        acts[step.act]()

    # --- hands --------------------------------------------------------------------------------------------------------

    def press(self, button: str, ms: int = 150) -> None:
        """Down and up."""
        self._down(button)
        time.sleep(ms / 1000)
        self._up(button)

    def _down(self, button: str) -> None:
        if self.up_ns is None or button in self._finger:
            return  # nobody is there whom a finger could reach: the bench is the alarm process's own
        asked_ns = host_ns()
        try:
            reply = bench_link.ask(bench_path(self.paths), bench_link.Hold(button))
            if not reply.ok:
                return
        except LinkError:  # it is busy, and does it when it can
            pass
        down_ns = self._finger[button] = host_ns()
        if button == "alarm":
            self.tries.append(Try(asked_ns, down_ns))
            self._alarm_ns = self._alarm_ns or down_ns

    def _up(self, button: str) -> None:
        if button not in self._finger or self.up_ns is None:
            return
        del self._finger[button]
        with contextlib.suppress(LinkError):
            bench_link.ask(bench_path(self.paths), bench_link.Release(button))
        time.sleep(FINGER_S)

    def let_go(self) -> None:
        """No finger is left on a button."""
        for button in list(self._finger):
            self._up(button)

    def _owed_ns(self) -> int | None:
        """The first press of the open alarm that the unit owes."""
        if self._alarm_ns is None:
            return None
        since = (one for one in self.tries if one.down_ns >= (self._alarm_ns or 0))
        return next((one.down_ns for one in since if is_owed(one, self.ran)), None)

    def reset(self, *, is_settled: bool) -> None:
        """The desk's. `is_settled`: everything is mended, and the recording runs."""
        if self.up_ns is None:
            return
        asked_ns = host_ns()  # it was open until then at the least; on a busy machine the answer is heard seconds later
        try:
            ask(self.paths.operator_socket, "reset")
        except UnitError:
            return
        owed_ns = self._owed_ns()
        if owed_ns is not None and not self._policy_changed_since(owed_ns):
            self.alarms.append(OpenAlarm(Span(owed_ns, asked_ns), self.tracks, is_settled))
        self._alarm_ns = None

    def _policy_changed_since(self, ns: int) -> bool:
        changes = [edge for span in self._off for edge in (span.from_ns, span.to_ns)]
        return any(change >= ns for change in [*changes, self._policy_ns or 0])

    def _hold(self) -> None:
        """A custodian holds the newest recording that is closed."""
        try:
            found = ask(self.paths.keeper_socket, "recordings", after="")
            closed = [one["recording_id"] for one in found if one["state"] != "open"]
            if not closed:
                return
            day = time.strftime("%Y-%m-%d", time.gmtime(self.room.clock.read().wall_ns / 1e9 + 30 * 86_400))
            placed = ask(
                self.paths.keeper_socket, "hold_place", recording=closed[-1], incident=f"2026-{len(self.holds)}",
                on_behalf_of="manager", reason="a threat", review=day,
            )  # fmt: skip
        except UnitError:
            return  # it was refused, and a custodian knows
        self.holds[placed["hold_id"]] = Held(closed[-1], tuple(placed["tracks"]), Span(host_ns(), 2**62))

    def _hour(self) -> None:
        """What was recorded with sound falls due. In a room that is in use no hour is skipped."""
        if self._alarm_ns is None and not self._finger and not self.open_recordings():
            self.looks.look_at_store()
            self.advance(H_S)

    def advance(self, seconds: float) -> None:
        """Time passes in the room."""
        self.room.clock.advance(seconds)
        now_ns = host_ns()
        self._pieces.append(Piece(self.room.clock.boot_id(), now_ns, self.room.clock.boot_ns() - now_ns))

    def open_recordings(self) -> list[str]:
        """Those that are not closed; a store that cannot be read may have any."""
        try:
            return [
                path.name for path in self.paths.recordings.iterdir()
                if (path / "begin.json").exists() and not (path / "SHA256SUMS.sig").exists()
            ]  # fmt: skip
        except OSError:
            return ["?"]

    # --- faults -------------------------------------------------------------------------------------------------------

    def _stage(self, name: str) -> None:
        fault = FAULTS[name]
        of_disk = fault.of == "disk"
        if name in self._on or (of_disk and (self.card is None or any(FAULTS[one].of == "disk" for one in self._on))):
            return
        if fault.lasts:
            self._on[name] = host_ns()
        else:
            self.staged.append(Staged(name, fault.of, Span(host_ns(), host_ns() + ECHO_NS)))
        if fault.of in PROCESSES:
            self._to_process(name, fault.of)
        elif _is_plug(name):
            try:
                self._plugs.switch(name, on=True)
            except UnitError:  # the policy in force has no such device
                del self._on[name]
        else:
            self._to_world(name)

    def _to_world(self, name: str) -> None:
        clock, now_ns = self.room.clock, self.room.clock.read().wall_ns
        acts: dict[str, Callable[[], None]] = {
            "broker.unplugged": self._broker.kill,
            "clock.lost": lambda: clock.set_synchronised(False),
            "clock.stepped": lambda: self._step_clock(now_ns + 400 * 86_400 * NS),
            "clock.lying": lambda: clock.set_wall(now_ns - 3 * H_S * NS),
            "policy.changed": lambda: self._restart(self._image),
            "power.cut": self.cut,
        }
        if (card := self.card) is not None:
            acts |= {"disk.full": card.fill, "disk.slow": card.freeze, "disk.eio": card.fail}
            acts |= {"disk.readonly": card.become_read_only}
        acts[name]()

    def _step_clock(self, wall_ns: int) -> None:
        self.room.clock.set_synchronised(False)
        self.room.clock.set_wall(wall_ns)

    def _to_process(self, name: str, of: str) -> None:
        """Returns when the process is gone, or stands; what is in a disk that stands still cannot go."""
        process = self.room.children[of].process
        stopped, killed = name.endswith(".stopped"), name.endswith(".killed")
        with self._coming_or_going:
            if of == "alarm":
                self._goes(comes_back=stopped)
            if not killed:
                self._plugs.switch(name, on=True)
        if killed and process is not None and process.poll() is None:
            process.send_signal(signal.SIGKILL)
        until_s = time.monotonic() + EFFECT_S
        while process is not None and process.poll() is None and time.monotonic() < until_s:
            if stopped and _state(process.pid) == "T":
                return
            time.sleep(0.01)

    def end(self, name: str) -> None:
        """Mends one; nothing where it is not on."""
        if name not in self._on:
            return
        fault = FAULTS[name]
        if fault.reboots:
            self.cut()
            return
        if fault.of == "broker":
            self._broker.start()
        elif _is_plug(name):
            self._plugs.switch(name, on=False)
        elif fault.of == "clock":
            rooms = self.rooms
            self.room.clock.set_wall(self._wall_ns + rooms.true_ns(host_ns()))
            self.room.clock.set_synchronised(True)
        elif fault.of == "policy":
            self._restart(self._both)
        elif self.card is not None:
            self.card.empty() if name == "disk.full" else self.card.thaw()
        self._ended(name)

    def _ended(self, name: str) -> None:
        fault, span = FAULTS[name], Span(self._on.pop(name), host_ns())
        self.staged.append(Staged(name, fault.of, span, fault.told_as, round(fault.told_s * NS)))

    def _until_told(self, name: str) -> None:
        """As long as the unit may take; nobody waits for what is not on, or for a process that is not there."""
        if name not in self._on or not FAULTS[name].told_as:
            return
        until_ns = self._on[name] + round((FAULTS[name].told_s + 1) * NS)
        while host_ns() < until_ns and self.up_ns is not None:
            if set(self.looks.health().get("faults", {})) & set(FAULTS[name].told_as):
                time.sleep(0.5)  # those who look have seen it too
                return
            time.sleep(0.2)

    # --- the alarm process comes and goes -----------------------------------------------------------------------------

    def _goes(self, *, comes_back: bool = False) -> None:
        """From now on the alarm process is not known to run. `comes_back`: the same one goes on later."""
        if self.up_ns is not None:
            self._ran.append(Span(self.up_ns, host_ns()))
            self.up_ns = None
        process = self.room.children["alarm"].process
        if not comes_back:
            if any(one.of == "disk" and one.span.to_ns > (self._alarm_ns or 0) for one in self._disk_faults()):
                self._alarm_ns = None  # the disk did not take it: the desk has it, and the unit may have forgotten it
            self._gone_pid = process.pid if process is not None else 0
            self._finger.clear()  # the bench was the process's own

    def _disk_faults(self) -> list[Staged]:
        on = [Staged(name, FAULTS[name].of, Span(ns, host_ns())) for name, ns in self._on.items()]
        return [one for one in [*self.staged, *on] if one.of == "disk"]

    def _watch_alarm(self) -> None:
        """It runs as soon as it answers, unless a fault holds it down."""
        while not self._over.wait(0.1):
            if self.up_ns is not None or not self._may_run():
                continue
            asked_ns = host_ns()
            if self.looks.health():
                with self._coming_or_going:
                    if self._may_run():
                        self.up_ns = asked_ns

    def _may_run(self) -> bool:
        held = any((faults_path(self.paths) / f"alarm-process.{how}").exists() for how in ("down", "stopped"))
        process = self.room.children["alarm"].process
        there = process is not None and process.poll() is None and process.pid != self._gone_pid
        return there and not held and process is not None and _state(process.pid) != "T"

    # --- restarts -----------------------------------------------------------------------------------------------------

    def _beside(self, act: Callable[[], None]) -> None:
        """A restart that a broken card holds up is not waited for for ever; the next comes after it all the same."""
        within_s = RESTART_S if self.is_broken else WHOLE_S
        self.restarted(within_s)
        before = self._restarting

        def in_turn() -> None:
            if before is not None:
                before.join()
            act()

        self._restarting = threading.Thread(target=in_turn, name="restart", daemon=True)
        self._restarting.start()
        self._restarting.join(within_s)

    def restarted(self, within_s: float) -> bool:
        """Waits for the end of a restart that is under way; whether it has come."""
        if self._restarting is not None:
            self._restarting.join(within_s)
            return not self._restarting.is_alive()
        return True

    def _restart(self, policy: Path) -> None:
        self._goes()
        now_ns = host_ns()
        if policy == self._image:
            self._policy_ns = now_ns
        elif self._policy_ns is not None:
            if now_ns > self._policy_ns + NEW_POLICY_NS:
                self._off.append(Span(self._policy_ns + NEW_POLICY_NS, now_ns))
            else:
                self._off.append(Span(now_ns, now_ns))
            self._policy_ns = None
        self._beside(lambda: self.room.take_policy(str(policy)))

    def cut(self) -> None:
        """The power goes, with what the card had not on it; a card that failed is repaired by the boot."""
        self._goes()
        self.was_cut = True
        if self.card is not None:
            self.card.thaw()
        for name in list(self._on):
            if FAULTS[name].reboots or name == "disk.slow":
                self._ended(name)
        lose = self.card.lose_power if self.card is not None else lambda: None
        self._beside(lambda: self.room.power_cut(OFF_S, lose))
        for name in PROCESSES:  # one that was stopped is another one now
            self.end(f"{name}-process.stopped")

    def _note_boot(self) -> None:
        """Before anything runs in it: how the new boot's clock hangs together with the old one's."""
        clock, now_ns = self.room.clock, host_ns()
        if clock.boot_id() in self._boots:
            return
        shift_ns = clock.boot_ns() - now_ns
        booted_ns = BOOTED_NS - shift_ns  # by the host's clock
        was = self._pieces[-1]
        self._boots[clock.boot_id()] = self._boots[was.boot_id] + booted_ns + was.shift_ns + round(OFF_S * NS)
        self._pieces.append(Piece(clock.boot_id(), booted_ns, shift_ns))


def _is_plug(name: str) -> bool:
    """Whether the simulated unit has a plug for it. Broker and card are real: a process dies, a disk fails."""
    return name in PLUGS and FAULTS[name].of not in {"broker", "disk"}


def _state(pid: int) -> str:
    """As /proc has it: T is stopped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
