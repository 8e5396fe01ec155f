# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The wireless buttons of a unit: foreign messages in, presses out, and what is kept to recognise an echo.

Invariant: messages are judged on the thread of their connection, so that a flood of meaningless ones never reaches the
loop. A press for which the loop has no place counts as not heard: it is not acknowledged, and its redelivery is a
press. What identifies an echo is kept in the same commit as its press.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import uuid
from collections import Counter
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from daemon import log
from daemon.alarm import orders
from daemon.alarm.inbox import BYTES_MAX, Foreign
from daemon.alarm.mqtt import UNTAKEN_MAX
from daemon.model import mobile
from daemon.model.events import AlarmPressed, Raise
from daemon.model.unit import Mobile, Unit
from hardware.ports import Clock

REFRESH_NS = mobile.HOUR_NS
"""An unchanged state is kept this often, so that its age is known after a restart."""
EARLY_NS = 5_000_000_000
"""How long from the start what the broker sends again waits for the journal, which is read within a tenth of a second,
and took three on a machine on which forty others waited. Behind a disk that hangs nobody knows what was kept: then it
is a press, told twice at worst."""
Take = Callable[[tuple[AlarmPressed, ...]], bool]
"""Has the loop handle presses; False: it has no place for them."""
Early = tuple[Foreign, Take, Callable[[], None]]
"""A message that waits for the journal, with what `hear` was given."""


class Memory(msgspec.Struct, frozen=True):
    """What is kept of a button: see `mobile.Button`."""

    settings: str
    """Digest of its settings: messages heard under other settings mean nothing now."""
    told: tuple[mobile.Told, ...]
    state: str | None
    state_ns: int
    since_ns: int
    deliveries: tuple[str, ...]


class Mobiles:
    """Heard on the connection's thread, looked at from the loop. The lock between them is never held while waiting."""

    def __init__(self, unit: Unit, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        now_ns = clock.boot_ns()
        self._buttons = {settings.name: mobile.Button(settings, now_ns) for settings in unit.mobile}
        self._written: dict[str, mobile.Button] = dict(self._buttons)
        self._under_way: dict[str, mobile.Button] = {}
        """Presses that the journal does not have yet, by alarm, with the state of their buttons at the time. Later
        messages are kept with their own press: a unit that dies in between has to hear them again."""
        self._is_anew, self._waits, self._until_ns = False, True, now_ns + EARLY_NS
        """`_waits`: what is sent again waits, for the journal has not been read; at most until `_until_ns`."""
        self._early: list[Early | None] = []
        """What waits, in its order; None: there the broker's session ended. At most UNTAKEN_MAX, and then nothing waits
        any longer: a broker that keeps to its bound does not come so far."""
        self._ordered = frozenset(settings.topic for settings in unit.mobile if settings.edge)
        self._alive: set[str] = set()
        self._refused: Counter[str] = Counter()

    def opened(self, found: orders.Opened) -> None:
        """The journal has been read: silence goes on counting, and echoes are recognised."""
        now = self._clock.read()
        with self._lock:
            for row in found.buttons:
                button = self._buttons.get(row.name)
                if button is not None and row.seen_wall_ns is not None and now.state == "synchronised":
                    before_ns = now.boot_ns - max(0, now.wall_ns - row.seen_wall_ns)
                    if button.battery is None and not button.told:
                        self._buttons[row.name] = replace(button, seen_ns=min(button.seen_ns, before_ns))
            for kept in found.heard:
                button = self._buttons.get(kept.button)
                memory = _memory(kept.told)
                if button is not None and memory is not None and memory.settings == _digest(button.settings):
                    self._buttons[kept.button] = self._with(button, memory, kept)
        self._hear_early()

    def _with(self, button: mobile.Button, memory: Memory, kept: orders.Heard) -> mobile.Button:
        """A button with its kept state, in the time of this boot; what was heard since the start takes precedence."""
        now = self._clock.read()
        before_ns = kept.heard_boot_ns
        if kept.boot_id != self._clock.boot_id():
            before_ns = now.boot_ns - max(0, now.wall_ns - kept.heard_wall_ns)
        later_ns = before_ns - kept.heard_boot_ns
        told = tuple(
            replace(one, press_ns=one.press_ns + later_ns, heard_ns=one.heard_ns + later_ns) for one in memory.told
        )
        if kept.boot_id != self._clock.boot_id() and now.state != "synchronised":
            told = ()  # nobody knows how long ago: if in doubt it is a press
        news = {one.key for one in button.told}
        button = replace(
            button,
            told=(*(one for one in told if one.key not in news), *button.told)[-mobile.TOLD_MAX :],
            deliveries=(*(() if self._is_anew else memory.deliveries), *button.deliveries)[-mobile.TOLD_MAX :],
        )
        if button.state is not None:
            return button
        state_ns, since_ns = memory.state_ns + later_ns, memory.since_ns + later_ns
        return replace(button, state=memory.state, state_ns=state_ns, since_ns=since_ns)

    def begins_anew(self) -> None:
        """The broker has kept no session: nothing delivered before will come again. Any thread."""
        with self._lock:
            if self._early:
                self._early.append(None)
            else:
                self._forget()

    def _forget(self) -> None:
        self._is_anew = True
        self._buttons = {name: replace(button, deliveries=()) for name, button in self._buttons.items()}

    def look(self, now_ns: int) -> None:
        """Called once a second: what was sent again waits no longer for a journal that cannot be read."""
        if self._waits and now_ns >= self._until_ns:
            self._hear_early()

    def _hear_early(self) -> None:
        with self._lock:
            self._waits, early, self._early = False, self._early, []
            owed: list[Callable[[], None]] = []
            for one in early:
                if one is None:
                    self._forget()
                elif not self._judge(one[0], one[1]):
                    owed.append(one[2])
        for answer in owed:
            answer()

    def hear(self, message: Foreign, take: Take, answer: Callable[[], None]) -> None:
        """Hand the presses of a message to `take`, or `answer` one that has none. The connection's thread.

        `take` never waits. A press that it refuses counts as not heard. What the broker sends again is judged by what
        was kept, once the journal has been read, then on the loop's thread.
        """
        with self._lock:
            waits = self._waits and self._comes_early(message)
            if waits:
                self._early.append((message, take, answer))
            is_full = len(self._early) >= UNTAKEN_MAX
            is_owed = not waits and not self._judge(message, take)
        if is_full:
            self._hear_early()
        if is_owed:
            answer()

    def _comes_early(self, message: Foreign) -> bool:
        """Whether it has to wait: sent again, or behind such a one about the state of the same button.

        `OFF` before its `ON` would leave the button pressed.
        """
        if message.again and message.mid:
            return True
        behind = (one[0].topic for one in self._early if one is not None)
        return message.topic in self._ordered and message.topic in behind

    def _judge(self, message: Foreign, take: Take) -> bool:
        """Whether it has presses. With the lock held."""
        presses: list[AlarmPressed] = []
        now_ns = self._clock.boot_ns()
        before = dict(self._buttons)
        for name, button in before.items():
            if button.settings.topic != message.topic:
                continue
            self._buttons[name], said = _heard(button, message, now_ns)
            if said.refused:
                self._refused[said.refused] += 1
            if said.alive:
                self._alive.add(name)
            if said.pressed:
                presses.append(_press(button.settings, message, now_ns))
        if presses and not take(tuple(presses)):
            self._buttons = before
        else:
            self._under_way |= {press.alarm_id: self._buttons[press.source] for press in presses}
        return bool(presses)

    def news(self) -> tuple[frozenset[str], Counter[str]]:
        """Return which buttons have sent something since the last call, and the refusals by reason."""
        with self._lock:
            alive, refused = frozenset(self._alive), self._refused
            self._alive, self._refused = set(), Counter()
        return alive, refused

    def wrong(self) -> str:
        """Everything wrong with the buttons, for the fault `mobile_button`."""
        now_ns = self._clock.boot_ns()
        with self._lock:
            buttons = list(self._buttons.values())
        return "; ".join(words for button in buttons if (words := mobile.wrong(button, now_ns)))

    def heard_of(self, effect: Raise) -> orders.Heard | None:
        """What is kept together with a press; None: no wireless button made it."""
        with self._lock:
            button = self._under_way.pop(effect.event_id, None)
        return self._record(button) if button is not None else None

    def done(self, presses: tuple[AlarmPressed, ...]) -> None:
        """The loop has handled these presses."""
        with self._lock:
            for press in presses:
                self._under_way.pop(press.alarm_id, None)

    def due(self) -> tuple[orders.Heard, ...]:
        """Other changes still to be kept. Called once a second, so that no flood fills the journal."""
        with self._lock:
            waiting = {button.settings.name for button in self._under_way.values()}
            changed = [
                button for name, button in self._buttons.items() if name not in waiting
                and (_kept(button) != _kept(self._written[name])
                or (button.state is not None and button.state_ns - self._written[name].state_ns > REFRESH_NS))
            ]  # fmt: skip
        return tuple(self._record(button) for button in changed)

    def _record(self, button: mobile.Button) -> orders.Heard:
        now, name = self._clock.read(), button.settings.name
        self._written[name] = button
        memory = Memory(
            _digest(button.settings), button.told, button.state, button.state_ns, button.since_ns, button.deliveries
        )
        told = msgspec.json.encode(memory).decode()
        return orders.Heard(name, told, self._clock.boot_id(), now.boot_ns, now.wall_ns)


def _heard(button: mobile.Button, message: Foreign, now_ns: int) -> tuple[mobile.Button, mobile.Heard]:
    """Never raises: the same message may be another button's press."""
    if len(message.payload) > BYTES_MAX:
        why = f"longer than {BYTES_MAX} bytes"
        return replace(button, unread=why), mobile.Heard(refused=why)
    try:
        return mobile.heard(
            button, message.payload, retained=message.retained, now_ns=now_ns, mid=message.mid, again=message.again
        )
    except Exception as error:  # noqa: BLE001 - a message that is never acknowledged would come again for ever
        log.event("foreign_message_failed", "error", topic=message.topic, error=repr(error)[:500])
        why = f"{type(error).__name__}; this is a fault of the software"
        return replace(button, unread=why), mobile.Heard(refused=why)


def _press(settings: Mobile, message: Foreign, now_ns: int) -> AlarmPressed:
    return AlarmPressed(
        now_ns, str(uuid.uuid4()), secrets.token_hex(16), source=settings.name, source_kind="mobile",
        in_room=settings.place == "room", waited=message.waited or message.again, again=message.again,
    )  # fmt: skip


def _kept(button: mobile.Button) -> tuple[object, ...]:
    """The part of its state that is kept at once."""
    return button.told, button.state, button.deliveries


def _memory(told: str) -> Memory | None:
    """Read a kept state; None: another release wrote it."""
    try:
        return msgspec.json.decode(told, type=Memory)
    except (msgspec.DecodeError, RecursionError):
        return None


def _digest(settings: Mobile) -> str:
    return hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:16]
