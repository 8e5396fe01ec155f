# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The one list of what a room can be fitted with: its wired buttons and its outputs, and what follows from each.

Invariant: a button or an output exists by its key in `unit.py` and its entry here; a test compares the two. Its lines,
clashes of pins, the meaning of an edge, faults, a check's questions, the wiring drawing and the simulated room are made
from the entries. How to add one: docs/design/adding.md. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct

from daemon.model import events
from daemon.model.debounce import STEADY_NS, Fact, FactKind, Tuning
from daemon.model.faults import FaultName
from daemon.model.panel import DARK, LIT, PATTERNS, Pattern, beep, recording_lit, sign
from daemon.model.policy import NS, Policy
from daemon.model.state import Room
from daemon.model.unit import ButtonUnit, Unit

USES_MAX, USES_NS = 3, 30 * NS
"""Uses within a time that people may begin: a caller who was cut off calls again, and again."""


class Fresh(NamedTuple):
    """Unused ids, for the input that a fact becomes."""

    event_id: str
    recording_id: str


Meaning = Callable[[Fact, Fresh], events.Input]
"""Turns a fact of a button into an input of the room. The room decides whether a press or a hold raises."""


class Button(Struct, frozen=True):
    """A wired button."""

    name: str
    """Name of its table below [buttons] in unit.toml, and of its line."""
    words: str
    """Name for a person, without an article."""
    caption: str
    """Caption in the wiring drawing."""
    fault: FaultName
    """The fault for stuck, chattering, held at boot, cut or shorted."""
    means: Mapping[FactKind, Meaning]
    """The inputs that its facts become; other facts are shown only to an engineer who tries it."""
    tuning: Callable[[Policy], Tuning] = lambda _: Tuning()
    """How its line is judged under a policy."""
    raises: bool = False
    """It raises alarms: its tests are dated, and it is drawn with both contacts."""
    verb: str = "Press"
    """What a hand does with it."""
    says: Callable[[bool | None], events.Input] | None = None
    """It is a switch: what its state means, closed, open or not known (a fault), from the start on. None: it is a
    button, of which a press has a meaning, and which is not down at the start."""

    @property
    def line(self) -> str:
        """Name of its finding in a check."""
        return f"button {self.name}"


OutputName = Literal["status", "recording", "beeper", "relay"]


class Output(Struct, frozen=True):
    """A lamp, or something that is driven like one."""

    name: OutputName
    key: str
    """Key of its pin in unit.toml."""
    line: str
    """Name of its finding in a check."""
    words: str
    """Name for a person, without an article."""
    caption: str
    """Caption in the wiring drawing."""
    asks_on: str
    """The check's question while it is on."""
    asks_off: str = ""
    """The question when it is off again; empty: none."""
    warns: str = ""
    """The check's question before it is turned on, if its effect may be unwelcome. Empty: none."""
    todo: str = ""
    """What an engineer can do if it does not work; empty: as for a lamp."""
    drawn: Literal["lamp", "beeper", "relay"] = "lamp"
    shows: Callable[[Room, int], Pattern] | None = None
    """Its pattern for a state of the room at a time in ns. None: the relay, which remembers the presses it has
    answered."""
    once: bool = False
    """Its pattern is played once rather than repeated."""


def _alarm(fact: Fact, fresh: Fresh) -> events.Input:
    return events.AlarmPressed(fact.at_ns, fresh.event_id, fresh.recording_id, fact.button)


def _alarm_held(fact: Fact, fresh: Fresh) -> events.Input:
    return events.AlarmHeld(fact.at_ns, fresh.event_id, fresh.recording_id, fact.button)


def _record_hold(policy: Policy) -> Tuning:
    hold_s = policy.objection.hold_s if "hold" in policy.objection.by else policy.record_button.hold_s
    return Tuning(round(hold_s * NS))


def _use_contact(policy: Policy) -> Tuning:
    """A hook that is tapped and a door that shakes end no use; a contact that tells four within half a minute is bad.

    Each use may open and close the devices, which takes seconds: more of them would hold up the recorder.
    """
    return Tuning(
        gap_ns=STEADY_NS, runs_max=USES_MAX, run_window_ns=USES_NS, stuck_ns=policy.use.maximum_s * NS
    )  # fmt: skip


_BUTTONS = (
    Button(
        "alarm", "alarm button", "alarm button", "alarm_button",
        means={"pressed": _alarm, "held": _alarm_held},
        tuning=lambda policy: Tuning(round(policy.alarm.hold_s * NS)),
        raises=True,
    ),
    Button(
        "record", "record button", "record button", "record_button",
        means={
            "pressed": lambda fact, fresh: events.RecordPressed(fact.at_ns, fresh.recording_id),
            "held": lambda fact, _: events.RecordHeld(fact.at_ns),
            "released": lambda *_: events.RecordReleased(),
        },
        tuning=_record_hold,
    ),
    Button(
        "reset", "key switch", "key switch, ends an alarm", "reset_switch",
        means={"pressed": lambda _, fresh: events.ResetAsked(fresh.event_id, "the key switch", "key_switch")},
        verb="Turn",
    ),
    Button(
        "objection", "objection button", "objection: nothing is recorded", "objection_button",
        means={"pressed": lambda fact, _: events.ObjectionPressed(fact.at_ns)},
    ),
    Button(
        "in_use", "in-use contact", "closed while the room is in use", "in_use_contact",
        means={},
        tuning=_use_contact,
        verb="Close",
        says=events.UseChanged,
    ),
)  # fmt: skip
BUTTONS: Mapping[str, Button] = {button.name: button for button in _BUTTONS}
"""By name, in the order in which a hand would meet them."""

_OUTPUTS = (
    Output(
        "status", "lamps.status", "lamp status", "status lamp", "status lamp, for staff",
        "Is the staff's status lamp lit?", "Is the staff's status lamp off now?",
        shows=lambda room, now_ns: PATTERNS[sign(room, now_ns)],
    ),
    Output(
        "recording", "lamps.recording", "lamp recording", "recording lamp", "recording lamp, for all",
        "Is the recording lamp lit?", "Is the recording lamp off now?",
        shows=lambda room, now_ns: LIT if recording_lit(room, now_ns) else DARK,
    ),
    Output(
        "beeper", "lamps.beeper", "lamp beeper", "beeper", "beeper",
        "Is the beeper sounding?", "Is the beeper off now?",
        drawn="beeper",
        shows=lambda room, now_ns: beep(room, sign(room, now_ns)),
        once=True,
    ),
    Output(
        "relay", "relay.pin", "relay", "relay", "siren or door release",
        "Does the siren sound, or is the door open?",
        warns="The relay closes now, for as long as you look: its siren sounds, or its door opens. Go on?",
        todo="Look at the relay, its supply and its pin: [relay] in unit.toml.",
        drawn="relay",
    ),
)  # fmt: skip
OUTPUTS: Mapping[OutputName, Output] = {output.name: output for output in _OUTPUTS}
"""By name, in the order of unit.toml; the relay last, because its coil is the heaviest load."""


def buttons(unit: Unit) -> Iterator[tuple[Button, ButtonUnit]]:
    """Return the buttons of a unit, each with its settings."""
    for button in BUTTONS.values():
        wired: ButtonUnit | None = getattr(unit.buttons, button.name)
        if wired is not None:
            yield button, wired


def outputs(unit: Unit) -> Iterator[tuple[Output, int]]:
    """Return the outputs of a unit, each with its GPIO."""
    for output in OUTPUTS.values():
        pin: Any = unit
        for part in output.key.split("."):
            pin = getattr(pin, part) if pin is not None else None
        if pin is not None:
            yield output, pin


def pins(unit: Unit) -> Iterator[tuple[str, int]]:
    """Return every GPIO that a unit uses, by its key in unit.toml."""
    for output, pin in outputs(unit):
        yield output.key, pin
    for button, wired in buttons(unit):
        yield f"buttons.{button.name}.pin", wired.pin
        if wired.nc_pin is not None:
            yield f"buttons.{button.name}.nc_pin", wired.nc_pin


def output_name(name: object) -> OutputName | None:
    """Return an output by its name; None: a room has no such output."""
    return next((known for known in get_args(OutputName) if known == name), None)
