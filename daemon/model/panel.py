# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the lamps show: a table from the room to the signs, and from a sign to its pattern.

Invariant: the recording lamp is only ever dark or lit, and is lit as long as a byte may be written (promise R3). The
status lamp shows everything else, for staff. A dark status lamp means that nothing works.
"""

from __future__ import annotations

from msgspec import Struct

from daemon.model.events import Level
from daemon.model.faults import FAULTS, NOT_HEARD
from daemon.model.policy import NS
from daemon.model.state import Phase, Room

MS = 1_000_000


class Pattern(Struct, frozen=True):
    """A rhythm: milliseconds lit and dark in turn, repeated. Empty: dark; one number: lit."""

    steps_ms: tuple[int, ...]
    means: str
    """For staff, in Dutch: the card is drawn from this."""


DARK = Pattern((), "Uit")
LIT = Pattern((1,), "Aan")

# Fastest first: the further an alarm has come, the calmer the lamp.
PATTERNS: dict[str, Pattern] = {
    "raised": Pattern((100, 100), "Alarm gegeven"),
    "kept": Pattern((100, 100), "Alarm bewaard, nog niet verstuurd"),
    "broker": Pattern((250, 250), "Alarm verstuurd"),
    "stored": Pattern((1000, 200), "Alarm ontvangen"),
    "accepted": Pattern((3000, 200), "Iemand komt"),
    "nobody": Pattern((100, 100, 100, 900), "Niemand luistert: bel of roep; de alarmknop blijft proberen"),
    "again": Pattern((400, 100), "Druk nog een keer voor alarm"),
    "test": Pattern((200, 200, 200, 200, 200, 1000), "Test: een druk op de alarmknop is nu een proef"),
    "fault": Pattern((200, 1800), "Storing: bel beheer; de alarmknop blijft werken"),
    "refused": Pattern((150, 150, 150, 150, 150, 2250), "Nieuwe instellingen geweigerd: bel beheer; alarmknop werkt"),
    "full": Pattern((150, 150, 150, 2550), "Geen ruimte: gesprekken worden niet opgenomen, alarmen wel"),
    "warning": Pattern((500, 500), "De opname stopt bijna"),
    "privacy": Pattern((1500, 1500), "Er wordt niets opgenomen; de alarmknop werkt"),
    "ready": Pattern((1,), "Klaar"),
}
BEEPS: dict[str, Pattern] = {
    "stored": Pattern((80,), "Alarm ontvangen"),
    "accepted": Pattern((80, 120, 80), "Iemand komt"),
    "nobody": Pattern((600,), "Niemand luistert"),
}
"""What the beeper plays, once, when the status lamp begins to show an alarm's sign. A silent alarm never beeps."""
TEST_SHOWN_NS = 30 * NS
"""How long the lamp shows a test alarm's level: time to walk back from the button."""


def sign(room: Room, now_ns: int) -> str:
    """The most urgent sign for the status lamp: a key of PATTERNS."""
    order = list(PATTERNS)
    unheard = any(name in NOT_HEARD for name, _ in room.faults)
    if room.alarms and not room.rules.silent:
        # The least delivered of the open alarms: nobody is told that help comes for a press that is still in the unit.
        return _reached(min((alarm.level for alarm in room.alarms), key=order.index), unheard=unheard)
    if room.waiting_ns is not None and now_ns < room.waiting_ns + room.rules.confirm_ns and not room.alarms:
        return "again"
    if room.phase is Phase.READY and room.test is not None and now_ns < room.test.pressed_ns + TEST_SHOWN_NS:
        return _reached(room.test.level, unheard=unheard)
    if room.phase is Phase.READY and now_ns < room.walk_until_ns:
        return "test"
    return _at_rest(room, now_ns)


def _reached(level: Level, *, unheard: bool) -> str:
    """The level of an alarm, for staff.

    A stored alarm is in nobody's hands while no receiver is there: the one that stored it has gone. Only a person who
    has accepted it still comes.
    """
    return "nobody" if unheard and level != "accepted" else level


def _at_rest(room: Room, now_ns: int) -> str:
    """The sign when nobody has pressed the alarm button, or nobody may see that somebody did."""
    shown = {FAULTS[name].sign for name, _ in room.faults} - {""}
    if "nobody" in shown:
        return "nobody"
    if room.objection_until_ns:
        return "privacy"  # the answer to a press, for which somebody waits
    if shown:
        return min(shown) if len(shown) == 1 else "fault"
    if room.phase is Phase.RECORDING and room.recording is not None:
        stop_ns = room.recording.until_ns - room.rules.post_event_ns
        if now_ns >= stop_ns - room.rules.warning_ns:
            return "warning"
    return "ready" if room.rules.tracks and room.cover is None else "privacy"


def beep(room: Room, says: str) -> Pattern:
    """The beeps to play, once, when the status lamp begins to show this sign."""
    return BEEPS.get(says, DARK) if room.alarms and not room.rules.silent else DARK


def recording_lit(room: Room, now_ns: int) -> bool:
    """Whether a byte may be written now: the recorder is there and has a recording, or its lease has not expired."""
    if room.recording is None:
        return False
    return now_ns < room.lease_ns or (room.recorder is not None and not room.recording.lost)


def lit(pattern: Pattern, since_ns: int, now_ns: int) -> tuple[bool, int | None]:
    """Whether a lamp with this pattern is lit now, and when that changes next (None: never)."""
    steps = pattern.steps_ms
    if len(steps) <= 1:
        return bool(steps), None
    into_ns = (now_ns - since_ns) % (sum(steps) * MS)
    edge_ns = now_ns - into_ns
    for index, step_ms in enumerate(steps):
        edge_ns += step_ms * MS
        if now_ns < edge_ns:
            return index % 2 == 0, edge_ns
    return False, edge_ns  # unreachable: into_ns is smaller than the sum


def sounds(pattern: Pattern, since_ns: int, now_ns: int) -> tuple[bool, int | None]:
    """As `lit`, but once: after its last step it stays silent."""
    if now_ns >= since_ns + sum(pattern.steps_ms) * MS:
        return False, None
    if len(pattern.steps_ms) == 1:
        return True, since_ns + pattern.steps_ms[0] * MS
    return lit(pattern, since_ns, now_ns)
