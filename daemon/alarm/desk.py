# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process's operator socket: who may ask for what, and the answers.

Invariant: requests are answered from the loop, at once, and any change to the room is an input of its table. Lamps,
buttons and camera are tried in a room at rest; a room in use is left alone.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import msgspec

from daemon import log, people, wire
from daemon.alarm.acts import Acts
from daemon.alarm.aiming import AIM_S_MAX, WRONG, Aiming
from daemon.alarm.control import Control
from daemon.alarm.lights import Lights
from daemon.alarm.lines import Lines
from daemon.alarm.network import Network
from daemon.alarm.outbox import Outbox
from daemon.alarm.peers import Peers
from daemon.alarm.privacy import Privacy
from daemon.alarm.status import Telemetry
from daemon.errors import RequestError, RightsError, UnitError
from daemon.model import acts, events, fitted
from daemon.model.policy import NS
from daemon.model.refusals import Refusals
from daemon.model.rights import ALARM_ACTS, Person, refusal
from daemon.model.state import Phase
from daemon.model.unit import Unit

WALK_TEST_S = (60, 3600)
"""Shortest and longest walk test: during it, a press in a room at rest is a test."""
TEST_RECORDING_NS = 5 * NS
"""Five segments per track: enough to open, verify and delete, short enough for a check."""
LINES_MAX = 50
"""Alarm events per answer: 20 kB of the 64 kB that a message may have."""


class Asked(NamedTuple):
    """One request that has been allowed."""

    args: dict[str, Any]
    by: str
    """Who asked, for a person."""


class Desk:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(
        self, control: Control, unit: Unit, door: people.Door, lights: Lights, lines: Lines, aiming: Aiming, acts: Acts,
        privacy: Privacy, outbox: Outbox, telemetry: Telemetry, peers: Peers, network: Network,
    ) -> None:  # fmt: skip
        self._control, self._door, self._refusals = control, door, Refusals()
        self._lights, self._lines, self._aiming, self._acts, self._privacy = lights, lines, aiming, acts, privacy
        self._outbox, self._telemetry, self._peers, self._network = outbox, telemetry, peers, network
        self._outside = frozenset(mobile.name for mobile in unit.mobile if mobile.place == "elsewhere")
        self._verbs: dict[str, Callable[[Asked], Any]] = {
            "status": self._status, "alarms": self._alarms, "reset": self._reset, "test": self._test,
            "walk_test": self._walk_test, "forget": self._forget, "lamp": self._lamp, "touched": self._touched,
            "recording_test": self._recording_test, "aim": self._aim, "blocks": self._blocks, "cover": self._cover,
            "cover_set": self._cover_set, "cover_withdraw": self._cover_withdraw,
        }  # fmt: skip

    def answer(self, request: wire.Request, person: Person) -> wire.Reply:
        """Carry out a request if the person may make it; return the answer or the error."""
        try:
            return wire.Reply(self._do(request, person))
        except UnitError as error:
            return wire.Reply(error=str(error), exit_code=error.exit_code)

    def _do(self, request: wire.Request, person: Person) -> Any:
        verb = request.verb
        if verb not in self._verbs:
            raise UnitError(f"unknown request `{verb}`; known: {', '.join(self._verbs)}")
        role = self._door.role_for(verb, person)
        if role is None:
            self._refuse(person.uid, verb)
        answer = self._verbs[verb](Asked(request.args, f"operator (uid {person.uid})"))
        if verb in ALARM_ACTS:
            self._acts.keep(acts.Asked(verb, person.uid, role))
        return answer

    def tick(self, now_ns: int) -> None:
        """Close the day's count of refused requests, once a day."""
        for closing in self._refusals.due(now_ns):
            self._acts.keep(closing)

    def _refuse(self, uid: int, verb: str) -> NoReturn:
        """Count, log and answer a refusal. A flood of refusals is one line with a number."""
        now_ns = self._control.clock.boot_ns()
        self.tick(now_ns)
        self._network.refuse("operator", f"`{verb}`, asked by user {uid}")
        if first := self._refusals.note(uid, verb, now_ns):
            self._acts.keep(first)
        raise RightsError(refusal(verb))

    # --- status -----------------------------------------------------------------------------------------------------

    def _status(self, _: Asked) -> Any:
        return msgspec.to_builtins(self._telemetry.health(self._control.room))

    def _alarms(self, _: Asked) -> Any:
        return msgspec.to_builtins(self._outbox.lines()[:LINES_MAX])

    # --- the alarm --------------------------------------------------------------------------------------------------

    def _reset(self, asked: Asked) -> str:
        if "operator" not in self._control.room.rules.reset_by:
            raise UnitError("the policy lets no operator end an alarm")
        self._control.step(events.ResetAsked(str(uuid.uuid4()), asked.by))
        return self._control.room.phase.value

    def _test(self, asked: Asked) -> str:
        test_id = str(uuid.uuid4())
        self._control.step(events.AlarmTestAsked(test_id, asked.by))
        return test_id

    def _walk_test(self, asked: Asked) -> str:
        seconds = _seconds(asked, *WALK_TEST_S, what="a walk test lasts")
        until_ns = self._control.clock.boot_ns() + seconds * NS if seconds else 0
        if button := asked.args.get("button", ""):
            if not isinstance(button, str) or button not in self._outside:
                known = ", ".join(sorted(self._outside)) or "and this unit has none"
                raise RequestError(f"button: expected an outside worker's, by its name: {known}")
            self._control.step(events.WalkTestSet(until_ns, asked.by, button))
            return "begun" if seconds else "ended"
        self._control.step(events.WalkTestSet(until_ns, asked.by))
        if self._control.room.walk_until_ns != until_ns:
            raise UnitError("the room is in use: a walk test begins in a room at rest")
        return "begun" if seconds else "ended"

    # --- privacy ----------------------------------------------------------------------------------------------------

    def _forget(self, asked: Asked) -> str:
        self._control.step(events.ForgetAsked())
        self._acts.keep(acts.RingForgotten(asked.by))
        return "asked" if self._peers.has_recorder() else "no recorder: there is no ring"

    def _cover(self, _: Asked) -> Any:
        return self._privacy.windows()

    def _cover_set(self, asked: Asked) -> Any:
        return self._covered(self._privacy.set(asked.args, asked.by))

    def _cover_withdraw(self, asked: Asked) -> Any:
        return self._covered(self._privacy.withdraw(asked.args, asked.by))

    def _covered(self, wrong: str) -> Any:
        self._privacy.cover()
        if wrong:
            raise UnitError(wrong)
        return self._privacy.windows()

    # --- an engineer's check ----------------------------------------------------------------------------------------

    def _touched(self, _: Asked) -> Any:
        return msgspec.to_builtins(self._lines.touched)

    def _lamp(self, asked: Asked) -> Any:
        """Set an output for ten seconds in a room at rest; return what its line reads back."""
        lamp, on = fitted.output_name(asked.args.get("lamp")), asked.args.get("lit") is True
        if lamp is None:
            raise RequestError(f"lamp: expected one of {', '.join(fitted.OUTPUTS)}")
        room = self._control.room
        if room.phase is not Phase.READY:
            raise UnitError("the room is in use: a lamp is tried in a room at rest")
        now_ns = self._control.clock.boot_ns()
        if not self._lights.attempt(lamp, on=on, now_ns=now_ns):
            return {"fitted": False}
        log.event("lamp_tried", lamp=lamp, lit=on, by=asked.by)
        self._lights.show(room, now_ns)
        return {"fitted": True, "reads": self._lights.is_lit(lamp)}

    def _recording_test(self, asked: Asked) -> str:
        """Record a few seconds, lamp lit; the keeper verifies and deletes them as soon as they are closed."""
        recording_id = secrets.token_hex(16)
        until_ns = self._control.clock.boot_ns() + TEST_RECORDING_NS
        self._control.step(events.RecordingTestAsked(recording_id, until_ns, asked.by))
        recording = self._control.room.recording
        if recording is None or recording.id != recording_id:
            raise UnitError("no recording can be tested now: the room is in use, or has no device")
        return recording_id

    def _aim(self, asked: Asked) -> str:
        """Light the recording lamp and have the recorder report what its camera sees, in 16 x 9 figures."""
        seconds = _seconds(asked, 1, AIM_S_MAX, what="a camera is aimed for")
        wrong = self._aiming.ask(self._control.room, seconds, self._control.clock.boot_ns(), asked.by)
        if wrong:
            raise UnitError(WRONG[wrong])
        if seconds:
            self._acts.keep(acts.CameraAimed(seconds, asked.by))
        return "begun" if seconds else "over"

    def _blocks(self, _: Asked) -> Any:
        return self._aiming.shown(self._control.clock.boot_ns())


def _seconds(asked: Asked, least: int, most: int, what: str) -> int:
    """How long something is to last; 0 ends it. Raises RequestError."""
    seconds = asked.args.get("seconds", 0)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or (seconds and not least <= seconds <= most):
        raise RequestError(f"{what} {least} to {most} s, or 0 to end it")
    return seconds
