# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""gpiozero's mock pins with contacts, wires and lamps behind them: a button bounces, sticks, chatters, loses its wire.

Invariant: a pin's level follows from physical facts (finger, contact, wire, pull), never from a script. An edge has the
time at which the contact moved, as on a Pi, however late this machine's threads are. Times are the ticks of gpiozero's
mock pins: time.monotonic(), in seconds.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from hardware.gpio import LineSpec
from simulators.bench_link import HOLD_S_MAX, BenchServer
from simulators.contacts import Board, Contact, MockBoard, Wire

ButtonFault = Literal["stuck", "cut", "shorted", "chatter"]


class Wear(msgspec.Struct, frozen=True):
    """How the contacts of a bench behave."""

    bounces: int = 4
    """How often a contact opens again before it stays closed, and the reverse."""
    bounce_s: float = 0.002
    """From the first touch to the last: most push buttons have settled within 2 ms."""
    chatter_hz: float = 50.0
    """Closings per second of a bad contact in a trembling wall: more than a finger can make (about 10)."""


class PinBench:
    """A room's buttons and lamps on one board, and the hands that press them. Any thread.

    `changeovers` maps a button with a normally closed contact too to that contact's line. The lines are in `buttons`
    like any other; only the pressed one is a button that can be pressed.
    """

    def __init__(
        self,
        buttons: Mapping[str, LineSpec],
        lamps: Mapping[str, int],
        *,
        changeovers: Mapping[str, str] | None = None,
        wear: Wear | None = None,
        board: Board | None = None,
    ) -> None:
        self._board = board or MockBoard()
        self.factory = self._board.factory
        self._wear = wear or Wear()
        self._random = random.Random(20)  # noqa: S311 - the same bounces in each run
        pins = {name: self._button_wire(spec) for name, spec in buttons.items()}
        closed_lines = dict(changeovers or {})
        self._contacts = {
            name: Contact(pin, pins.get(closed_lines.get(name, "")))
            if buttons[name].closed_is_active
            else Contact(None, pin)
            for name, pin in pins.items()
            if name not in closed_lines.values()
        }
        self._lamps = {name: self._board.line(pin) for name, pin in lamps.items()}
        self._hand = threading.RLock()  # one hand at a time moves the contacts
        self._server: BenchServer | None = None
        self._chatterers: dict[str, Callable[[], None]] = {}

    def press(self, button: str, hold_s: float = 0.2) -> None:
        """Press, hold (exactly, by the edges' own times) and release. Returns after the release."""
        if not 0 < hold_s <= HOLD_S_MAX:
            raise ValueError(f"hold of {hold_s} s; expected more than 0 and at most {HOLD_S_MAX:g} s")
        down_s = self.hold(button, for_s=hold_s)
        self.release(button, at_s=down_s + hold_s)

    def hold(self, button: str, *, for_s: float = HOLD_S_MAX) -> float:
        """Press, for at least this long. Returns the time of the first touch."""
        contact = self._contact(button)
        at_s = time.monotonic()
        with self._hand:
            contact.finger = True
            self._bounce(contact, down=True, at_s=at_s, within_s=min(self._wear.bounce_s, for_s / 2))
        return at_s

    def release(self, button: str, *, at_s: float | None = None) -> None:
        """Release, now or at that time. A welded contact stays closed."""
        contact = self._contact(button)
        up_s = _wait_until(time.monotonic() if at_s is None else at_s)
        with self._hand:
            contact.finger = False
            if not contact.welds:
                self._bounce(contact, down=False, at_s=up_s, within_s=self._wear.bounce_s)

    def fault(self, name: str, *, on: bool) -> None:
        """Make or mend a fault: `<button>.stuck`, `.cut`, `.shorted` or `.chatter`, or `<lamp>.broken`."""
        if name not in self.faults():
            raise ValueError(f'no fault "{name}" on this bench; expected one of {", ".join(self.faults())}')
        line, _, kind = name.rpartition(".")
        if kind == "broken":
            self._lamps[line].broken = on
        elif kind == "chatter":
            self._chatter(line, on=on)
        else:
            with self._hand:
                self._damage(self._contacts[line], kind, on=on)

    def faults(self) -> tuple[str, ...]:
        """All faults that this bench can have."""
        kinds: tuple[ButtonFault, ...] = ("stuck", "cut", "shorted", "chatter")
        of_buttons = [f"{name}.{kind}" for name in self._contacts for kind in kinds]
        return (*of_buttons, *(f"{name}.broken" for name in self._lamps))

    def lamps(self) -> dict[str, bool]:
        """Which lamps are really lit: driven, and not broken."""
        return {name: wire.lit for name, wire in self._lamps.items()}

    def down(self, button: str) -> bool:
        """Whether the button is down, by a finger or a weld."""
        return self._contact(button).down

    def serve(self, socket_path: Path) -> None:
        """Let others press: listen on a Unix socket until the close. See `bench_link`."""
        self._server = BenchServer(self, socket_path)

    def close(self) -> None:
        """End everything that moves by itself: the chattering, and the thread of `serve`."""
        if self._server is not None:
            self._server.close()
        for line in list(self._chatterers):
            self._chatter(line, on=False)

    def _button_wire(self, spec: LineSpec) -> Wire:
        wire = self._board.line(spec.pin)
        wire.closes_to, wire.held_outside = not spec.active_low, not spec.pulled
        return wire

    def _contact(self, button: str) -> Contact:
        if button not in self._contacts:
            raise ValueError(f'no button "{button}" on this bench; expected one of {", ".join(self._contacts)}')
        return self._contacts[button]

    def _bounce(self, contact: Contact, *, down: bool, at_s: float, within_s: float) -> None:
        contact.move(down=down, at_s=at_s)
        moments = sorted(at_s + self._random.random() * within_s for _ in range(2 * self._wear.bounces))
        for n, moment_s in enumerate(moments):
            contact.move(down=down if n % 2 else not down, at_s=_wait_until(moment_s))

    def _damage(self, contact: Contact, kind: str, *, on: bool) -> None:
        if kind == "cut":
            contact.cut(on=on, at_s=time.monotonic())
            return
        if kind == "shorted":
            contact.short(on=on, at_s=time.monotonic())
            return
        contact.welds = on
        if not on and not contact.finger:
            contact.move(down=False, at_s=time.monotonic())  # the weld is broken open

    def _chatter(self, line: str, *, on: bool) -> None:
        end = self._chatterers.pop(line, None)
        if end is not None:
            end()
        if on:
            self._chatterers[line] = self._start_chatter(self._contacts[line])

    def _start_chatter(self, contact: Contact) -> Callable[[], None]:
        over = threading.Event()

        def shake() -> None:
            down = contact.down
            while not over.wait(0.5 / self._wear.chatter_hz):
                with self._hand:
                    down = not down
                    contact.move(down=down, at_s=time.monotonic())
            with self._hand:
                contact.move(down=contact.finger or (contact.welds and down), at_s=time.monotonic())

        thread = threading.Thread(target=shake, name="bench-chatter", daemon=True)
        thread.start()

        def end() -> None:
            over.set()
            thread.join()  # a few milliseconds: the thread waits for nothing else

        return end


def _wait_until(at_s: float) -> float:
    """Sleep until then (not at all if it is past); return the intended time, not the actual one."""
    time.sleep(max(0.0, at_s - time.monotonic()))
    return at_s
