"""gpiozero's mock pins with contacts, wires and lamps behind them: a button bounces, sticks, chatters, loses its wire.

The law here: a pin's level follows from what is physically so (finger, contact, wire, pull), never from a script. An
edge bears the time at which the contact moved, as on a Pi, however late this machine's threads are. Times are the ticks
of gpiozero's mock pins: time.monotonic(), in seconds.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from gpiozero.pins.mock import MockFactory, MockPin

from hardware.gpio import LineSpec
from simulators.bench_link import HOLD_S_MAX, BenchServer

ButtonFault = Literal["stuck", "cut", "shorted", "chatter"]


class Wear(msgspec.Struct, frozen=True):
    """How the contacts of a bench behave."""

    bounces: int = 4
    """Times that a contact opens again before it stays closed, and the other way round."""
    bounce_s: float = 0.002
    """From the first touch to the last: most push buttons have settled within 2 ms."""
    chatter_hz: float = 50.0
    """Closings a second of a bad contact in a wall that trembles: above what a finger can do (about 10)."""


class BenchPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """One line of the board. As an input it follows its contact, wire and pull; as an output it can be broken."""

    _state: bool  # gpiozero's own: the level that was driven or written last
    closes_to = False
    """The level to which the closed contact ties the line: False is ground."""
    closed = False
    cut = False
    shorted = False
    """Tied to the contact's other side by its cable, whatever the contact does; a cut cable is not."""
    broken = False
    """As an output: whatever is written, the line stays low."""

    def move(self, *, closed: bool, at_s: float) -> None:
        """The contact opens or closes at this time of the factory's ticks. Calls the line's handler on any change."""
        self.closed = closed
        self.settle(at_s)

    def settle(self, at_s: float) -> None:
        """Takes the level that contact, wire and pull make now."""
        tied = (self.closed or self.shorted) and not self.cut
        level = self.closes_to if tied else self._pull == "up"
        if self._function == "input" and self._change_state(level):
            self._last_change = at_s
            with self._when_changed_lock:
                handler = self._get_when_changed()
            if handler is not None:  # called without the lock: a handler may wait for who is closing this line
                handler(at_s, level)

    def _change_state(self, value: bool) -> bool:  # noqa: FBT001 - gpiozero's signature
        """As gpiozero's own, but without its list of all levels ever: a lamp here blinks for weeks."""
        changed = self._state != value
        self._state = value
        return changed

    def _get_state(self) -> bool:
        return self._state and not (self.broken and self._function == "output")

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self.settle(time.monotonic())


class _Contact:
    """One button as a thing: a normally open line, a normally closed one or, of a changeover contact, both."""

    def __init__(self, no: BenchPin | None, nc: BenchPin | None) -> None:
        self.no, self.nc = no, nc
        self.down = False
        """Where its spring is: a press closes the open contact and opens the closed one."""
        self.finger = False
        self.welds = False
        if nc is not None:
            nc.closed = True

    def move(self, *, down: bool, at_s: float) -> None:
        """A changeover contact breaks before it makes."""
        self.down = down
        first, then = (self.nc, self.no) if down else (self.no, self.nc)
        for pin in (first, then):
            if pin is not None:
                pin.move(closed=down if pin is self.no else not down, at_s=at_s)

    def cut(self, *, on: bool, at_s: float) -> None:
        for pin in self._lines():
            pin.cut = on
            pin.settle(at_s)

    def short(self, *, on: bool, at_s: float) -> None:
        """A crushed cable: all its wires touch."""
        for pin in self._lines():
            pin.shorted = on
            pin.settle(at_s)

    def _lines(self) -> tuple[BenchPin, ...]:
        return tuple(pin for pin in (self.no, self.nc) if pin is not None)


class PinBench:
    """A room's buttons and lamps on one mock factory, and the hands that press them. Any thread.

    `changeovers` names, for a button with a normally closed contact too, the line of that contact. The lines stand in
    `buttons` like any other; only the pressed one is a button that can be pressed.
    """

    def __init__(
        self,
        buttons: Mapping[str, LineSpec],
        lamps: Mapping[str, int],
        *,
        changeovers: Mapping[str, str] | None = None,
        wear: Wear | None = None,
    ) -> None:
        self.factory = MockFactory(pin_class=BenchPin)
        self._wear = wear or Wear()
        self._random = random.Random(20)  # noqa: S311 - the same bounces in each run
        pins = {name: self._button_pin(spec) for name, spec in buttons.items()}
        closed_lines = dict(changeovers or {})
        self._contacts = {
            name: _Contact(pin, pins.get(closed_lines.get(name, "")))
            if buttons[name].closed_is_active
            else _Contact(None, pin)
            for name, pin in pins.items()
            if name not in closed_lines.values()
        }
        self._lamps: dict[str, BenchPin] = {name: self.factory.pin(f"GPIO{pin}") for name, pin in lamps.items()}
        self._hand = threading.RLock()  # one hand moves the contacts at a time
        self._server: BenchServer | None = None
        self._chatterers: dict[str, Callable[[], None]] = {}

    def press(self, button: str, hold_s: float = 0.2) -> None:
        """Presses, holds for so long (by the edges' own times, exactly) and lets go. Returns when it is up again."""
        if not 0 < hold_s <= HOLD_S_MAX:
            raise ValueError(f"hold of {hold_s} s; expected more than 0 and at most {HOLD_S_MAX:g} s")
        down_s = self.hold(button, for_s=hold_s)
        self.release(button, at_s=down_s + hold_s)

    def hold(self, button: str, *, for_s: float = HOLD_S_MAX) -> float:
        """A finger goes down, for as long as that at least. Returns the time of the first touch."""
        contact = self._contact(button)
        at_s = time.monotonic()
        with self._hand:
            contact.finger = True
            self._bounce(contact, down=True, at_s=at_s, within_s=min(self._wear.bounce_s, for_s / 2))
        return at_s

    def release(self, button: str, *, at_s: float | None = None) -> None:
        """The finger goes up, now or at that time. A welded contact stays closed."""
        contact = self._contact(button)
        up_s = _wait_until(time.monotonic() if at_s is None else at_s)
        with self._hand:
            contact.finger = False
            if not contact.welds:
                self._bounce(contact, down=False, at_s=up_s, within_s=self._wear.bounce_s)

    def fault(self, name: str, *, on: bool) -> None:
        """Makes or mends a fault: `<button>.stuck`, `.cut`, `.shorted` or `.chatter`, or `<lamp>.broken`."""
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
        return {name: pin.function == "output" and bool(pin.state) for name, pin in self._lamps.items()}

    def down(self, button: str) -> bool:
        """Whether the button is down, by a finger or by a weld."""
        return self._contact(button).down

    def serve(self, socket_path: Path) -> None:
        """Lets others press: listens on a Unix socket until the close. See `bench_link`."""
        self._server = BenchServer(self, socket_path)

    def close(self) -> None:
        """Ends what still moves by itself: the chattering, and the thread of `serve`."""
        if self._server is not None:
            self._server.close()
        for line in list(self._chatterers):
            self._chatter(line, on=False)

    def _button_pin(self, spec: LineSpec) -> BenchPin:
        pin: BenchPin = self.factory.pin(f"GPIO{spec.pin}")
        pin.closes_to = not spec.active_low
        return pin

    def _contact(self, button: str) -> _Contact:
        if button not in self._contacts:
            raise ValueError(f'no button "{button}" on this bench; expected one of {", ".join(self._contacts)}')
        return self._contacts[button]

    def _bounce(self, contact: _Contact, *, down: bool, at_s: float, within_s: float) -> None:
        contact.move(down=down, at_s=at_s)
        moments = sorted(at_s + self._random.random() * within_s for _ in range(2 * self._wear.bounces))
        for n, moment_s in enumerate(moments):
            contact.move(down=down if n % 2 else not down, at_s=_wait_until(moment_s))

    def _damage(self, contact: _Contact, kind: str, *, on: bool) -> None:
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

    def _start_chatter(self, contact: _Contact) -> Callable[[], None]:
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
    """Sleeps until then (not at all when it is past) and returns the time that was meant, not the one it became."""
    time.sleep(max(0.0, at_s - time.monotonic()))
    return at_s
