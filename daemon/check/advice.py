"""What to do about each fault that the unit names of itself: one line for an engineer in the room.

The law here: every FaultName has its advice (a test holds it), so that no red line leaves an engineer alone.
"""

from __future__ import annotations

from daemon.model.events import FaultName

ADVICE: dict[FaultName, str] = {
    "broker": "Look at the network cable and at [broker] in unit.toml; on the broker's machine, whether it runs.",
    "second_broker": "As for the broker, with [second_broker].",
    "client_id": "Two units have one name: give each card its own machine id, and look who else uses this one.",
    "nobody_listening": "Start the receiver at the desk, and see that it subscribes to this room's alarms.",
    "unanswered": "The receiver hears and does not answer: can it store, and may it publish to alarm/ack/ with its id?",
    "refused_by_broker": "The broker's access list lets this unit not publish its alarms: add its name there.",
    "telemetry": "Alarms go out; state and health do not: look at the broker's log for this unit's second client.",
    "certificate": "Make a new certificate in time: docs/guide/broker.md; the next connection reads it, no restart.",
    "journal": "The alarm journal cannot be written: look at the disk of /var/lib/spreekkamer/journal.",
    "recorder": "The recorder does not run: systemctl status spreekkamer-recorder, and its log.",
    "keeper": "The keeper does not run or cannot delete: systemctl status spreekkamer-keeper, and its log.",
    "camera": "Look at the camera's cable (both ends, power off), its cap, and [camera] in unit.toml.",
    "microphone": "Look at the microphone's plug, its mute switch, and [microphone] device in unit.toml.",
    "lamp": "Look at the lamp, its wire and its pin under [lamps] in unit.toml.",
    "store": "The disk of the store takes nothing more: look at its room and its health.",
    "disk": "The store fills up: look at holds (spreekkamer hold list); a larger disk, if they are all needed.",
    "verify": "Something in the store does not fit: spreekkamer store verify names it. Tell the officer.",
    "keys": "No recording can be sealed: look at the holders' public keys in policy.toml.",
    "alarm_button": "Look at the alarm button: its contact, its wire, its pin.",
    "record_button": "Look at the record button: its contact, its wire, its pin.",
    "reset_switch": "Look at the key switch: its contact, its wire, its pin.",
    "objection_button": "Look at the objection button: its contact, its wire, its pin.",
    "mobile_button": "Look at the wireless button: its battery, and whether its own receiver hears it.",
    "audit": "The audit log does not hold: spreekkamer audit verify names the line. Keep the file, tell the officer.",
    "holds": "A hold file cannot be read, so nothing that it may hold is deleted: look at it with the custodian.",
    "settings": "Check the policy (spreekkamer settings check), and restart the services to put it in force.",
    "holders": "Have the holders show their keys: spreekkamer holders ask, and holders prove with their answers.",
    "hold_review": "A hold is due for review: the custodian extends or releases it (spreekkamer hold list).",
    "full": "No conversation is recorded any more: end holds that need not be, or fit a larger disk.",
    "inputs": "Messages were lost, or one could not be answered: the log says whose (inputs_lost, answers_failed).",
    "sockets": "The alarm cannot listen for the others: look who made that path, and remove it.",
    "unrecorded": "An alarm is open without a recording: see the other faults; reset the alarm when it is over.",
    "button_test": "Press the button once in a walk test: spreekkamer alarm walk-test.",
}  # fmt: skip


def advice_for(fault: str) -> str:
    """The advice; for a name of a later version, where to look it up."""
    return ADVICE.get(fault, "Look it up in docs/guide/troubleshooting.md.")  # type: ignore[call-overload, no-any-return]
