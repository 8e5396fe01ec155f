"""What the lamps say: one table from the room to the signs, and from a sign to its pattern.

The law here: the recording lamp knows two things, dark and lit, and is lit as long as a byte may be written (promise
R3); everything else is said by the status lamp, for staff. A dark status lamp means that nothing works.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daemon.model.room import Phase, Room

MS = 1_000_000

Lamp = Literal["recording", "status"]


class Pattern(Struct, frozen=True):
    """A rhythm: milliseconds lit and dark in turn, from the start, over and over. Empty is dark, one number is lit."""

    steps_ms: tuple[int, ...]
    means: str
    """For staff, in Dutch: the card is drawn from this."""


DARK = Pattern((), "Uit")

# Fastest first: the further an alarm has got, the calmer the lamp.
PATTERNS: dict[str, Pattern] = {
    "raised": Pattern((100, 100), "Alarm gegeven"),
    "kept": Pattern((100, 100), "Alarm bewaard, nog niet verstuurd"),
    "broker": Pattern((250, 250), "Alarm verstuurd"),
    "stored": Pattern((1000, 200), "Alarm ontvangen"),
    "accepted": Pattern((3000, 200), "Iemand komt"),
    "fault": Pattern((200, 1800), "Storing: bel beheer; de alarmknop blijft werken"),
    "warning": Pattern((500, 500), "De opname stopt bijna"),
    "ready": Pattern((1,), "Klaar"),
}


def sign(room: Room, now_ns: int) -> str:
    """The most urgent thing that the status lamp has to say: a key of PATTERNS."""
    if room.phase is Phase.ALARM and room.alarms:
        # The least delivered of the open alarms: nobody is told that help comes for a press that is still here.
        order = list(PATTERNS)
        return min((alarm.level for alarm in room.alarms), key=order.index)
    if room.faults:
        return "fault"
    if room.phase is Phase.RECORDING and room.recording is not None:
        stop_ns = room.recording.until_ns - room.rules.post_event_ns
        if now_ns >= stop_ns - room.rules.warning_ns:
            return "warning"
    return "ready"


def recording_lit(room: Room, now_ns: int) -> bool:
    """Whether a byte may be written now: the recorder is there and has a recording, or its lease still runs."""
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
