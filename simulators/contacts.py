# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Contacts, cables and lamps, and their lines: gpiozero's mock pins, or any board that a test brings.

Invariant: a line's level follows from physical facts (contact, cable, pull), never from a script.
"""

from __future__ import annotations

import time
from typing import Protocol

from gpiozero.pins import Factory
from gpiozero.pins.mock import MockFactory, MockPin


class Wire:
    """What is connected to one line: a contact and its cable, or a lamp. A board decides what its line makes of it."""

    closes_to = False
    """The level to which the closed contact ties the line: False is ground."""
    closed = False
    cut = False
    shorted = False
    """Tied to the contact's other side by a crushed cable, whatever the contact does; a cut cable is not."""
    held_outside = False
    """An external resistor holds the open line, in place of the unit's own."""
    broken = False
    """As an output: whatever is written, the line stays low."""

    @property
    def tied(self) -> bool:
        """Whether contact or cable hold the line at `closes_to`; otherwise its pull does."""
        return (self.closed or self.shorted) and not self.cut

    @property
    def lit(self) -> bool:
        """Whether a lamp on this line is lit: the line is driven, and high."""
        raise NotImplementedError

    def move(self, *, closed: bool, at_s: float) -> None:
        """Open or close the contact at this time of the factory's ticks. Calls the line's handler on any change."""
        self.closed = closed
        self.settle(at_s)

    def settle(self, at_s: float) -> None:
        """Set the line to the level that contact, wire and pull now make."""
        raise NotImplementedError


class Board(Protocol):
    """The board of a bench: gpiozero's mock pins, or the lines of the kernel's gpio-sim."""

    factory: Factory

    def line(self, pin: int) -> Wire:
        """What is connected to a GPIO."""


class BenchPin(Wire, MockPin):  # type: ignore[misc]  # gpiozero has no types
    """One line of the mock board. As an input it follows its contact, wire and pull; as an output it can be broken."""

    _state: bool  # gpiozero's own: the level last driven or written

    @property
    def lit(self) -> bool:
        """Driven, high and not broken."""
        return self.function == "output" and bool(self.state)

    def settle(self, at_s: float) -> None:
        """Call the line's handler on any change."""
        at_rest = not self.closes_to if self.held_outside else self._pull == "up"
        level = self.closes_to if self.tied else at_rest
        if self._function == "input" and self._change_state(level):
            self._last_change = at_s
            with self._when_changed_lock:
                handler = self._get_when_changed()
            if handler is not None:  # called without the lock: a handler may wait for whoever is closing this line
                handler(at_s, level)

    def _change_state(self, value: bool) -> bool:  # noqa: FBT001 - gpiozero's signature
        """As gpiozero's own, but without its endless list of levels: a lamp here blinks for weeks."""
        changed = self._state != value
        self._state = value
        return changed

    def _get_state(self) -> bool:
        return self._state and not (self.broken and self._function == "output")

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self.settle(time.monotonic())


class MockBoard:
    """gpiozero's mock pins, with wires on them."""

    def __init__(self) -> None:
        self.factory: Factory = MockFactory(pin_class=BenchPin)

    def line(self, pin: int) -> Wire:
        """The pin itself: it follows its own wire."""
        found: BenchPin = self.factory.pin(f"GPIO{pin}")
        return found


class Contact:
    """One button as a thing: a normally open line, a normally closed one or, for a changeover contact, both."""

    def __init__(self, no: Wire | None, nc: Wire | None) -> None:
        self.no, self.nc = no, nc
        self.down = False
        """Position of its spring: a press closes the open contact and opens the closed one."""
        self.finger = False
        self.welds = False
        if nc is not None:
            nc.closed = True

    def move(self, *, down: bool, at_s: float) -> None:
        """Move it; a changeover contact breaks before it makes."""
        self.down = down
        first, then = (self.nc, self.no) if down else (self.no, self.nc)
        for pin in (first, then):
            if pin is not None:
                pin.move(closed=down if pin is self.no else not down, at_s=at_s)

    def cut(self, *, on: bool, at_s: float) -> None:
        """Cut its cable, or mend it."""
        for pin in self._lines():
            pin.cut = on
            pin.settle(at_s)

    def short(self, *, on: bool, at_s: float) -> None:
        """Crush its cable: all its wires touch."""
        for pin in self._lines():
            pin.shorted = on
            pin.settle(at_s)

    def _lines(self) -> tuple[Wire, ...]:
        return tuple(pin for pin in (self.no, self.nc) if pin is not None)
