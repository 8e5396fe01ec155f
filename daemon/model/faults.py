# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Every fault that the unit names, once: who finds it, how the lamp shows it, and what to do about it.

Invariant: a fault exists by its entry in FAULTS. The status lamp (`panel.py`), the lines and the advice of a check, the
words that may leave the unit, the schema of health and the table in docs/guide/faults.md are made from the entries.
A button's fault is named by the button's own entry, in `fitted.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

AlarmFault = Literal[
    "broker", "second_broker", "nobody_listening", "unanswered", "refused_by_broker", "client_id", "certificate",
    "telemetry", "journal", "recorder", "lamp", "alarm_button", "record_button", "reset_switch", "objection_button",
    "in_use_contact", "in_use_unseen", "mobile_button", "button_test", "inputs", "sockets", "unrecorded", "card",
    "upgrade", "silent_side",
]  # fmt: skip
"""Found by the alarm process."""
RecorderFault = Literal["camera", "microphone", "keys", "store", "full"]
"""Found by the recorder; its texts are not published as they are."""
KeeperFault = Literal["keeper", "audit", "holds", "hold_review", "disk", "verify", "settings", "holders", "policy"]
"""Found by the keeper; as above. The alarm process also raises `keeper`, when the keeper is absent."""
FaultName = Literal[AlarmFault, RecorderFault, KeeperFault]


class Fault(Struct, frozen=True):
    """One fault."""

    todo: str
    """What an engineer in the room can do, in one line."""
    sign: Literal["fault", "nobody", "full", "refused", ""] = "fault"
    """How the status lamp shows it at rest, as a key of `panel.PATTERNS`. Empty: not shown, because nobody in the room
    can mend it and it keeps nothing from working."""
    line: str = ""
    """The check's findings about it, by the start of their names. Empty: it gets its own line."""
    spoils: Literal["test alarm", "test recording", ""] = ""
    """The trial of a check that cannot succeed while it is active."""


FAULTS: Mapping[FaultName, Fault] = {
    "broker": Fault(
        "Look at the network cable and at [broker] in unit.toml; on the broker's machine, whether it runs.",
        line="broker", spoils="test alarm",
    ),
    "second_broker": Fault("As for the broker, with [second_broker].", line="second broker"),
    "nobody_listening": Fault(
        "Start the receiver at the desk, and see that it subscribes to this room's alarms.",
        sign="nobody", line="receivers", spoils="test alarm",
    ),
    "refused_by_broker": Fault(
        "The broker's access list does not let this unit publish its alarms: add its name there.",
        line="receivers", spoils="test alarm",
    ),
    "client_id": Fault(
        "Two units have one name: give each card its own machine id, and look who else uses this one.",
        line="receivers",
    ),
    "unanswered": Fault(
        "The receiver hears and does not answer: can it store, and may it publish to alarm/ack/ with its id?",
        sign="nobody", line="receivers",
    ),
    "certificate": Fault(
        "Make a new certificate in time: docs/guide/broker.md; the next connection reads it, no restart.",
        sign="", line="certificates",
    ),
    "telemetry": Fault(
        "Alarms go out; state and health do not: look at the broker's log for this unit's second client.", sign="",
    ),
    "journal": Fault("The alarm journal cannot be written: look at the disk of /var/lib/spreekkamer/journal."),
    "recorder": Fault(
        "The recorder does not run: systemctl status spreekkamer-recorder, and its log.",
        line="processes", spoils="test recording",
    ),
    "keeper": Fault(
        "The keeper does not run or cannot delete: systemctl status spreekkamer-keeper, and its log.",
        line="processes",
    ),
    "lamp": Fault(
        "Look at the lamp, its wire and its pin under [lamps] in unit.toml.", line="lamp", spoils="test recording",
    ),
    "camera": Fault(
        "Look at the camera's cable (both ends, power off), its cap, and [camera] in unit.toml.", line="camera",
    ),
    "microphone": Fault(
        "Look at the microphone's plug, its mute switch, and [microphone] device in unit.toml.", line="microphone",
    ),
    "silent_side": Fault(
        "Look at the telephone adapter: plugs, switches, [microphone] device; then call, and speak on both sides.",
        line="microphone",
    ),
    "keys": Fault(
        "No recording can be sealed: look at the holders' public keys in policy.toml.",
        line="keys", spoils="test recording",
    ),
    "store": Fault(
        "The disk of the store takes nothing more: look at its room and its health.", spoils="test recording",
    ),
    "full": Fault(
        "No conversation is recorded any more: end holds that need not be, or fit a larger disk.", sign="full",
    ),
    "unrecorded": Fault("An alarm is open without a recording: see the other faults; reset the alarm when it is over."),
    "alarm_button": Fault("Look at the alarm button: its contact, its wire, its pin.", line="button alarm"),
    "record_button": Fault("Look at the record button: its contact, its wire, its pin.", line="button record"),
    "reset_switch": Fault("Look at the key switch: its contact, its wire, its pin.", line="button reset"),
    "objection_button": Fault("Look at the objection button: its contact, its wire, its pin.", line="button objection"),
    "in_use_contact": Fault(
        "Look at the in-use contact: the hook, door or switch, its wire, its pin.", line="button in_use",
    ),
    "in_use_unseen": Fault(
        "Look at the in-use contact: does it close when somebody comes, and do staff use it?", line="button in_use",
    ),
    "mobile_button": Fault("Look at the wireless button: its battery, and whether its own receiver hears it."),
    "button_test": Fault("Press the button once in a walk test: spreekkamer alarm walk-test."),
    "inputs": Fault(
        "Messages were lost, or one could not be answered: the log says whose (inputs_lost, answers_failed).",
    ),
    "sockets": Fault("The alarm cannot listen for the others: look who made that path, and remove it."),
    "card": Fault(
        "Read spreekkamer-antwoord.txt on the card: mend spreekkamer.toml there, or remove it; start again.",
        sign="refused",
    ),
    "upgrade": Fault(
        "A newer version was taken back, and the previous one works: send us what spreekkamer support writes.",
        sign="",
    ),
    "audit": Fault(
        "The audit log does not hold: spreekkamer audit verify names the line. Keep the file, tell the officer.",
        sign="",
    ),
    "holds": Fault(
        "A hold file cannot be read, so nothing that it may hold is deleted: look at it with the custodian.",
    ),
    "hold_review": Fault(
        "A hold is due for review: the custodian extends or releases it (spreekkamer hold list).", sign="",
    ),
    "disk": Fault(
        "The store fills up: look at holds (spreekkamer hold list); a larger disk, if they are all needed.", sign="",
    ),
    "verify": Fault(
        "Something in the store does not fit: spreekkamer store verify names it. Tell the officer.", sign="",
    ),
    "settings": Fault(
        "Check the policy (spreekkamer settings check), and restart the services to put it in force.", sign="",
    ),
    "policy": Fault(
        "Put the signed policy and its .sig back, or have this one signed: spreekkamer settings check names the file.",
    ),
    "holders": Fault(
        "Have the holders show their keys: spreekkamer holders ask, and holders prove with their answers.", sign="",
    ),
}  # fmt: skip
"""Of several faults for one line of a check, the first active one is named."""
NOT_HEARD = frozenset(name for name, fault in FAULTS.items() if fault.sign == "nobody")
"""Faults under which an alarm reaches nobody, although the unit can send it."""
NOT_FOR_STAFF = frozenset(name for name, fault in FAULTS.items() if not fault.sign)
"""Faults that are reported but not shown in the room."""
OF_OTHERS: frozenset[FaultName] = frozenset((*get_args(RecorderFault), *get_args(KeeperFault)))
"""Faults whose text comes from the recorder or the keeper."""


def todo(name: str) -> str:
    """Return what to do about a fault; for a name of a later release, where to look it up."""
    fault = FAULTS.get(name)  # type: ignore[call-overload]
    return fault.todo if fault else "Look it up in docs/guide/troubleshooting.md."


def finder(name: FaultName) -> Literal["alarm", "recorder", "keeper"]:
    """Return the process that finds a fault."""
    if name not in OF_OTHERS:
        return "alarm"
    return "recorder" if name in get_args(RecorderFault) else "keeper"


def spoiling(trial: str) -> tuple[FaultName, ...]:
    """Return the faults under which a trial of a check cannot succeed."""
    return tuple(name for name, fault in FAULTS.items() if fault.spoils == trial)


def told_in(line: str) -> tuple[FaultName, ...]:
    """Return the faults that this line of a check covers."""
    return tuple(name for name, fault in FAULTS.items() if fault.line == line)
