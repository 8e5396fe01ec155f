"""The wireless buttons of a unit: foreign messages in, the room's inputs out."""

from __future__ import annotations

import secrets
import uuid

from msgspec.structs import replace

from daemon.alarm.inbox import Foreign
from daemon.alarm.journal import Button as Remembered
from daemon.model import mobile
from daemon.model.events import AlarmPressed
from daemon.model.unit import Unit
from hardware.ports import Clock


class Mobiles:
    """Owned by the loop."""

    def __init__(self, unit: Unit, clock: Clock) -> None:
        self._clock = clock
        now_ns = clock.boot_ns()
        self._buttons = {settings.name: mobile.Button(settings, now_ns) for settings in unit.mobile}

    def opened(self, found: tuple[Remembered, ...]) -> None:
        """The journal knows when each was heard before this start: silence goes on counting."""
        now = self._clock.read()
        for row in found:
            button = self._buttons.get(row.name)
            if button is not None and row.seen_wall_ns is not None and now.state == "synchronised":
                before_ns = now.boot_ns - max(0, now.wall_ns - row.seen_wall_ns)
                if button.battery is None and button.last is None:
                    self._buttons[row.name] = replace(button, seen_ns=min(button.seen_ns, before_ns))

    def heard(self, message: Foreign) -> tuple[tuple[AlarmPressed, ...], tuple[str, ...], str]:
        """The presses that a message is, the buttons that it shows to be alive, and why it was refused (if it was)."""
        presses, alive, refused, now_ns = [], [], "", self._clock.boot_ns()
        for name, button in self._buttons.items():
            if button.settings.topic != message.topic:
                continue
            self._buttons[name], said = mobile.heard(button, message.payload, retained=message.retained, now_ns=now_ns)
            refused = refused or said.refused
            if not (said.refused or message.retained):
                alive.append(name)
            if said.pressed:
                in_room = button.settings.place == "room"
                ids = (str(uuid.uuid4()), secrets.token_hex(16))
                press = AlarmPressed(now_ns, *ids, source=name, source_kind="mobile", in_room=in_room)
                presses.append(replace(press, waited=message.waited))
        return tuple(presses), tuple(alive), refused

    def wrong(self) -> str:
        """All that is the matter with the buttons, for the fault `mobile_button`."""
        now_ns = self._clock.boot_ns()
        return "; ".join(words for button in self._buttons.values() if (words := mobile.wrong(button, now_ns)))
