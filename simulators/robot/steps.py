# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The twenty things that a scenario can do and see. A step that waits, waits for a fact, and says what it saw instead.

A step's names, Dutch and English, are its keywords; `${}` is an argument. They are in the order of a story: a room,
hands, faults, time, the desk, and then what is seen.
"""

from __future__ import annotations

import datetime
import re
import shlex
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from daemon.errors import UnitError
from daemon.model.panel import PATTERNS
from daemon.model.policy import Policy
from simulators.panel import acts
from simulators.recorded import Recording
from simulators.robot.worlds import CannotStageError, World
from simulators.state import find_policy

WITHIN_S = 60.0
"""How long a fact may take: a recording ends thirty seconds after its button, and twice that allows a busy machine."""
READY_S = 120.0
"""How long a room may take to get ready: two seconds, plus a busy machine's delay."""
RING_S = 2.0
"""A ready room's ring holds this much: its devices deliver. A full one takes the policy's seconds: wait for it."""
LOOK_S = 0.1
LIFTED_S = 0.2
"""Minimum time before a released button is pressed again: within 50 ms it would be one press."""
SPANS_S = {
    "seconde": 1, "seconden": 1, "minuten": 60, "uur": 3600, "dag": 86_400, "dagen": 86_400, "week": 604_800,
    "weken": 604_800, "second": 1, "seconds": 1, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86_400,
    "days": 86_400, "weeks": 604_800,
}  # fmt: skip
JUMPS_S = 60
"""Shorter times are waited for, as by a person; over longer ones the room's clock jumps."""
CONTACT = "in_use"
TRACKS = {"geluid": "audio", "sound": "audio", "beeld": "video", "image": "video"}
NOTHING = {"niets", "nothing"}
SIMULATION = {"simulatie", "simulation"}
ON = {"aan", "lit", "gelijk", "synchronised"}
MOST = ("hoogstens ", "at most ")
FILLED = re.compile(r"\{(opname|recording|hold|map|directory|dag|day|uur|hour)(?:\+(\d+))?\}")
OFF = {"uit", "dark", "ongelijk", "unsynchronised"}


def tracks_of(policy: str) -> tuple[str, ...]:
    """The tracks that a ready room of a shipped policy holds: none where the devices are closed between uses."""
    found = msgspec.toml.decode(find_policy(policy).read_bytes(), type=Policy)
    return found.tracks() if found.use.ring_while == "always" else ()


class Step(NamedTuple):
    """One keyword in both languages."""

    nl: str
    en: str
    do: Callable[..., None]


class Story:
    """One scenario's room and what has been seen of it so far."""

    def __init__(self, world: Callable[[str], World], within_s: float = WITHIN_S) -> None:
        self._make, self._within_s = world, within_s
        self._world: World | None = None
        self._in_use = False

    @property
    def world(self) -> World:
        """The room. Raises UnitError while there is none."""
        if self._world is None:
            raise UnitError("no room yet; expected a step such as `Gegeven een kamer onder het protocol heusden-2020`")
        return self._world

    def told(self) -> str:
        """The room's last output."""
        return self._world.told() if self._world is not None else ""

    def end(self) -> None:
        """Take the room down."""
        world, self._world = self._world, None
        if world is not None:
            world.end()

    # --- a room and hands --------------------------------------------------------------------------------------------

    def room(self, policy: str) -> None:
        """A room under a shipped policy, ready: devices deliver, nothing is wrong; one that is there starts again."""
        if self._world is None:
            self._world = self._make(policy)
        else:
            self._world.do(acts.Policy(policy))
        tracks = tracks_of(policy)
        self._until("a ready room", lambda: self._ready(tracks), within_s=READY_S)

    def press(self, button: str) -> None:
        """A button is pressed and let go; the in-use contact (`in_use`) closes, or opens if it was closed."""
        if button != CONTACT:
            self._finger(button, 0.2)
            return
        self._in_use = closed = not self._in_use
        self.world.do(acts.Hold(CONTACT) if closed else acts.Release(CONTACT))
        self._until("the unit to see the in-use contact move", lambda: self.world.is_down(CONTACT) is closed)

    def hold(self, button: str, seconds: str) -> None:
        """A button is held down for so many seconds."""
        self._finger(button, _number(seconds))

    def wireless(self, name: str) -> None:
        """A wireless button is pressed, by its name in unit.toml."""
        self.world.do(acts.Wireless(name))

    # --- what is wrong, and time -------------------------------------------------------------------------------------

    def fault(self, name: str, change: str) -> None:
        """A fault of `spreekkamer-sim fault` begins (begint, begins) or ends (eindigt, ends)."""
        self.world.do(
            acts.Fault(name, _one_of(change, {"begint": True, "begins": True, "eindigt": False, "ends": False}))
        )

    def mended(self) -> None:
        """Every fault that is on ends."""
        self.world.do(acts.Mend())

    def passes(self, number: str, unit: str) -> None:
        """Time passes: under a minute it is waited for, from a minute on the room's clock jumps."""
        seconds = _number(number) * _one_of(unit, SPANS_S)
        if seconds < JUMPS_S:
            time.sleep(seconds)
        else:
            self.world.do(acts.Pass(seconds))

    def clock(self, state: str) -> None:
        """The wall clock is synchronised (gelijk, synchronised) or not (ongelijk, unsynchronised)."""
        self.world.do(acts.Sync(_one_of(state, dict.fromkeys(ON, True) | dict.fromkeys(OFF, False))))

    def power_cut(self) -> None:
        """The unit's power is cut: all three processes die at once, and the machine boots again."""
        self.world.do(acts.Power(5.0))

    # --- the desk ----------------------------------------------------------------------------------------------------

    def desk(self, does: str) -> None:
        """The desk accepts the newest alarm (aanneemt, accepts), or ends all of the room (beëindigt, ends)."""
        accepts = _one_of(does, {"aanneemt": True, "accepts": True, "beëindigt": False, "ends": False})
        self.world.do(acts.Accept() if accepts else acts.Reset())

    def command(self, command: str) -> None:
        """An operator gives a command of `spreekkamer`, and it is obeyed.

        In it ``{opname}`` or ``{recording}`` is the newest recording that is closed, ``{hold}`` the newest hold,
        ``{map}`` or ``{directory}`` an empty directory, ``{dag+30}`` or ``{day+30}`` the date in thirty days,
        ``{uur+2}`` or ``{hour+2}`` the moment in two hours, both by the room's clock.
        """
        self.world.command(shlex.split(FILLED.sub(self._filled, command)))

    # --- what is seen ------------------------------------------------------------------------------------------------

    def sign(self, sign: str) -> None:
        """The status lamp says this: in the words of the lamp card, or their beginning, or the sign's own name."""
        known = {name: pattern.means for name, pattern in PATTERNS.items()}
        wanted = known.get(sign, sign)
        if not any(means.startswith(wanted) for means in known.values()):
            raise UnitError(f"no lamp says {sign!r}; expected one of: {', '.join(known)}, or words of the lamp card")
        self._until(f"the status lamp to say {wanted!r}", lambda: self.world.sign().startswith(wanted), self.world.sign)

    def recording_lamp(self, state: str) -> None:
        """The recording lamp is lit (aan, lit) or dark (uit, dark)."""
        wanted = _one_of(state, dict.fromkeys(ON, True) | dict.fromkeys(OFF, False))
        self._until(f"the recording lamp to be {state}", lambda: self.world.lamp("recording") is wanted)

    def desk_stored(self, number: str) -> None:
        """The desk has stored so many presses (raised and repeated) in all, and no more."""
        wanted = int(_number(number))
        self._until(
            f"{wanted} presses at the desk", lambda: len(self._presses()) == wanted, lambda: len(self._presses())
        )

    def late(self) -> None:
        """The newest press that the desk has stored is marked as late, with its age."""
        self._until("a press at the desk", lambda: bool(self._presses()))
        data = self._presses()[-1]["data"]
        if not data["replay"]:
            raise AssertionError(f"the newest press is not marked as late: it was sent {data['age_ms']} ms after it")

    def begins_before(self, seconds: str) -> None:
        """The newest recording begins at least so many seconds before its press on every track, or `at most 5`."""
        most = next((word for word in MOST if seconds.startswith(word)), "")
        wanted = _number(seconds.removeprefix(most))

        def begun() -> bool:
            newest = self._newest()
            before_s = [newest.trigger_s - oldest for oldest in newest.oldest_s.values()] if newest else []
            return bool(before_s) and all(s <= wanted if most else s >= wanted for s in before_s)

        self._until(f"a recording that begins {seconds} s before its press", begun, lambda: _told(self._newest()))

    def store_holds(self, what: str) -> None:
        """The store holds sound, image, both (`geluid en beeld`, `sound and image`) or nothing, of all recordings."""
        words = what.replace(" en ", " and ").split(" and ")
        wanted = set() if set(words) <= NOTHING else {_one_of(word, TRACKS) for word in words}

        def held() -> set[str]:
            return {track for recording in self.world.recordings() for track in recording.there}

        self._until(f"a store that holds {what}", lambda: held() == wanted, held)

    def log_says(self, event: str) -> None:
        """A line of this kind stands in the keeper's log, such as `deleted` or `alarm_raised`."""
        self._until(
            f"a line `{event}` in the log", lambda: event in self._events(), lambda: sorted(set(self._events()))
        )

    def opens(self, holders: str) -> None:
        """The newest closed recording opens with these demonstration keys (`manager-1`, or several with commas)."""
        self._until("a recording that is closed", lambda: any(one.closed for one in self.world.recordings()))
        newest = next(one for one in self.world.recordings() if one.closed)
        lengths = self.world.opens(newest, tuple(name.strip() for name in holders.split(",")))
        for track in newest.there:
            written_s = newest.newest_s[track] - newest.oldest_s[track]
            if lengths.get(track, 0.0) < written_s - 2.0:
                raise AssertionError(f"{track}: {lengths.get(track, 0.0):.1f} s of film for {written_s:.1f} s written")

    def reports(self, fault: str) -> None:
        """The unit reports this fault by its name, none (`geen`, `no`), or that it is simulated (`simulation`)."""
        wanted = fault.removesuffix(" storing").removesuffix(" fault")
        if wanted in SIMULATION and not self.world.simulated:
            raise CannotStageError("the drivers of this room are real ones: nothing of it says that it is simulated")

        def seen() -> bool:
            if wanted in SIMULATION:
                return self.world.health().get("simulated") is True
            faults = set(self.world.health().get("faults", {"?": ""})) - {"disk"}
            return not faults if wanted in {"geen", "no"} else wanted in faults

        self._until(f"the fault {wanted}", seen, lambda: self.world.health().get("faults"))

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _finger(self, button: str, down_s: float) -> None:
        self.world.do(acts.Press(button, down_s))
        time.sleep(LIFTED_S)

    def _ready(self, tracks: tuple[str, ...]) -> bool:
        health = self.world.health()
        rings = (health.get("recorder") or {}).get("ring_s") or {}
        faults = set(health.get("faults", {"?": ""})) - {"disk"}
        return not faults and bool(health.get("recorder")) and all(rings.get(track, 0.0) >= RING_S for track in tracks)

    def _until(
        self, what: str, fact: Callable[[], bool], seen: Callable[[], Any] | None = None, within_s: float = 0.0
    ) -> None:
        within_s = (within_s or self._within_s) * self.world.patience
        until_s = time.monotonic() + within_s
        while not fact():
            if time.monotonic() > until_s:
                instead = f"; seen instead: {seen()}" if seen is not None else f"; the unit says: {self._brief()}"
                raise AssertionError(f"waited {within_s:g} s for {what}{instead}")
            time.sleep(LOOK_S)

    def _brief(self) -> dict[str, Any]:
        health = self.world.health()
        return {key: health.get(key) for key in ("phase", "faults", "alarms", "lamps")}

    def _presses(self) -> list[dict[str, Any]]:
        return [event for event in self.world.stored() if event["data"]["kind"] in {"raised", "repeated"}]

    def _events(self) -> list[str]:
        return [line["event"] for line in self.world.log()]

    def _newest(self) -> Recording | None:
        return next(iter(self.world.recordings()), None)

    def _filled(self, place: re.Match[str]) -> str:
        """What stands for a place in a command."""
        what, ahead = place[1], int(place[2] or 0)
        if what in {"opname", "recording"}:
            self._until("a recording that is closed", lambda: any(one.closed for one in self.world.recordings()))
            return next(one.id for one in self.world.recordings() if one.closed)
        if what in {"map", "directory"}:
            return str(self.world.directory())
        if what == "hold":
            return str(next(line["hold_id"] for line in reversed(self.world.log()) if line["event"] == "hold_placed"))
        moment = datetime.datetime.fromisoformat(self.world.health()["at"])
        if what in {"dag", "day"}:
            return str((moment + datetime.timedelta(days=ahead)).date())
        return (moment + datetime.timedelta(hours=ahead)).isoformat(timespec="seconds")


STEPS = (
    Step("een kamer onder het protocol ${protocol}", "a room under the policy ${policy}", Story.room),
    Step("ik de knop ${knop} indruk", "I press the button ${button}", Story.press),
    Step("ik de knop ${knop} ${seconden} seconden vasthoud", "I hold the button ${button} for ${seconds} seconds",
         Story.hold),
    Step("ik de draadloze knop ${naam} indruk", "I press the wireless button ${name}", Story.wireless),
    Step("de storing ${naam} ${wending}", "the fault ${name} ${change}", Story.fault),
    Step("alle storingen eindigen", "all faults end", Story.mended),
    Step("er ${aantal} ${eenheid} voorbijgaan", "${number} ${unit} pass", Story.passes),
    Step("de klok ${stand} loopt", "the clock is ${state}", Story.clock),
    Step("de stroom uitvalt", "the power is cut", Story.power_cut),
    Step("de balie het alarm ${doet}", "the desk ${does} the alarm", Story.desk),
    Step("een beheerder de opdracht ${opdracht} geeft", "an operator gives the command ${command}", Story.command),
    Step("zegt de statuslamp ${teken}", "the status lamp says ${sign}", Story.sign),
    Step("is de opnamelamp ${stand}", "the recording lamp is ${state}", Story.recording_lamp),
    Step("heeft de balie ${aantal} drukken opgeslagen", "the desk has stored ${number} presses", Story.desk_stored),
    Step("is de laatste druk gemarkeerd als te laat", "the newest press is marked as late", Story.late),
    Step("begint de opname ${seconden} seconden voor de druk",
         "the recording begins ${seconds} seconds before the press", Story.begins_before),
    Step("bewaart de kast ${sporen}", "the store holds ${tracks}", Story.store_holds),
    Step("staat ${regel} in het logboek", "the log says ${event}", Story.log_says),
    Step("gaat de opname open met ${sleutels}", "the recording opens with ${holders}", Story.opens),
    Step("meldt het kastje ${storing}", "the unit reports ${fault}", Story.reports),
)  # fmt: skip


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise UnitError(f"{text!r} is no number; expected one such as 30") from None


def _one_of(word: str, known: dict[str, Any]) -> Any:
    if word not in known:
        raise UnitError(f"{word!r} is not known here; expected one of: {', '.join(known)}")
    return known[word]


def _told(recording: Recording | None) -> str:
    if recording is None:
        return "no recording"
    starts = {track: round(recording.trigger_s - oldest, 1) for track, oldest in recording.oldest_s.items()}
    return f"seconds before the press, by track: {starts}"


__all__ = ["STEPS", "Step", "Story"]
