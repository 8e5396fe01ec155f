# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Buttons and lamps on a Raspberry Pi's pins, by gpiozero, with the pin factory passed in.

Invariant: raw edges only, and nothing is ever raised in a callback. lgpio has one thread for all lines: an exception in
a callback stops every button, without any notice to the process.

gpiozero's Pin objects are used rather than its DigitalInputDevice, because the pin's own callback has the edge's time
with lgpio and mock alike, and because no event or hold thread of gpiozero can then die behind a button.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec
from gpiozero.pins import Factory, Pin

from daemon.errors import DeviceError
from hardware.ports import Clock, Edge

NS = 1_000_000_000
TOGETHER_NS = 100_000
"""Both clocks are read within this time, or again: the thread may be suspended between them."""
READS_MAX = 3
"""Attempts at that; on a machine so busy that the third fails too, the stamp is some milliseconds early."""
SETTLE_S = 0.01
"""From pulling a line to reading it: the Pi's 50 kOhm and a 100 nF filter on a long lead need some 5 ms."""
RELEASES_MAX = 100
RELEASE_S = 0.01
"""lgpio's thread checks its lines every few milliseconds; a second allows for a busy machine."""
FREE = "a line of this board that nobody else holds"


class LineSpec(msgspec.Struct, frozen=True):
    """How one button is wired."""

    pin: int
    """GPIO number in Broadcom's numbering (GPIO17 is 17), not the header's pin number."""
    active_low: bool = True
    """True: the closed contact pulls to ground, the unit pulls up. False: it pulls to 3.3 V, the unit pulls down."""
    closed_is_active: bool = True
    """False: a normally closed contact, which a press opens. Its cut wire cannot be told from a press."""
    pulled: bool = True
    """Whether the unit's own resistor holds the line while the contact is open; False: an external one does."""


@contextmanager
def _refusal(what: str, expected: str = "a line that answers") -> Iterator[None]:
    """Turn whatever a pin library raises into a DeviceError that names the line."""
    try:
        yield
    except DeviceError:
        raise
    except Exception as error:
        # lgpio.error derives from Exception only, and lgpio cannot be imported off a Pi to be named here.
        raise DeviceError(f"{what}: {error}; expected {expected}") from error


def _each(acts: Mapping[str, Callable[[], None]]) -> None:
    """Do all of them, then raise the first refusal."""
    refused: list[DeviceError] = []
    for what, act in acts.items():
        try:
            with _refusal(what):
                act()
        except DeviceError as error:
            refused.append(error)
    if refused:
        raise refused[0]


class _Claim:
    """One line of the board, kept from a second owner as long as this object lives."""

    def __init__(self, factory: Factory, pin: int, owner: str) -> None:
        self.pin: Pin = factory.pin(f"GPIO{pin}")
        self._factory, self._owner = factory, owner
        factory.reserve_pins(self, self.pin.info.name)

    def __repr__(self) -> str:
        return self._owner

    def _conflicts_with(self, _other: object) -> bool:
        """Called by gpiozero when the pin has an owner already: a line has only one."""
        return True

    def release(self) -> None:
        """Make it an input without a pull."""
        self.pin.close()
        self._factory.release_pins(self, self.pin.info.name)

    def release_low(self) -> None:
        """Turn it off, and make it an input pulled low: a floating line can hold a transistor half open for ever."""
        self.pin.state = 0
        self.pin.input_with_pull("down")
        self._factory.release_pins(self, self.pin.info.name)


class _Button:
    """One claimed button line. The pin has only a weak reference to `changed`: keep this object alive."""

    def __init__(self, claim: _Claim, spec: LineSpec, changed: Callable[[_Button, float, int], None]) -> None:
        self._claim, self._spec, self._report = claim, spec, changed
        self.level_read_ns = 0
        """Boot time at which the level at start was read: an earlier edge is part of that level."""
        self.last_ns = 0
        """Time of the last edge: the next one is never earlier, although both clocks jitter."""

    def listen(self) -> None:
        pin = self._claim.pin
        pin.input_with_pull(("up" if self._spec.active_low else "down") if self._spec.pulled else "floating")
        pin.bounce = None
        pin.edges = "both"
        pin.when_changed = self._changed

    def active(self, state: float | None = None) -> bool:
        """Whether this level (None: the line's level now) is the pressed one."""
        closed = bool(self._claim.pin.state if state is None else state) != self._spec.active_low
        return closed is self._spec.closed_is_active

    def release(self) -> None:
        """Release the line, retrying while lgpio's thread waits on it: to the kernel it is in use until then."""
        for n in range(RELEASES_MAX):
            try:
                self._claim.pin.when_changed = None
                break
            except Exception:  # lgpio.error, which cannot be named here: see `_refusal`
                if n == RELEASES_MAX - 1:
                    raise
                time.sleep(RELEASE_S)
        self._claim.release()

    def _changed(self, ticks: float, state: int) -> None:
        self._report(self, ticks, state)


class GpioButtons:
    """`hardware.ports.Buttons`. Edges come in the factory's thread; with mock pins in whichever drives the pin."""

    def __init__(self, factory: Factory, lines: Mapping[str, LineSpec], clock: Clock) -> None:
        self._factory, self._specs, self._clock = factory, dict(lines), clock
        self._buttons: dict[str, _Button] = {}
        self._names: dict[_Button, str] = {}
        self._sink: Callable[[Edge], None] | None = None
        self._gate = threading.Lock()  # held while a sink enqueues, and while the lines are claimed
        self._servers: list[threading.Thread] = []
        self.failures = 0
        """Edges lost because the sink or the clock raised, which is a bug; counted for the health report."""

    def start(self, sink: Callable[[Edge], None]) -> Mapping[str, bool]:
        """Claim the lines, pull them, and return which are active now."""
        with self._gate:
            if self._buttons:
                raise DeviceError("buttons: started already; expected one start before a close")
            try:
                for name, spec in self._specs.items():
                    self._claim(name, spec)
                time.sleep(SETTLE_S)
                levels = {name: self._level_at_start(name) for name in self._buttons}
            except DeviceError:
                self._release()
                raise
            self._servers = [thread for thread in threading.enumerate() if type(thread).__module__ == "lgpio"]
            self._sink = sink
            return levels

    def alive(self) -> bool:
        """Whether the library's thread, which serves every line, still runs. Mock pins have none."""
        return all(thread.is_alive() for thread in self._servers)

    def active(self, button: str) -> bool:
        """The line's level now. Raises DeviceError before the start and after the close."""
        if button not in self._buttons:
            raise DeviceError(f"button {button}: not claimed; expected one of {_names(self._buttons)}")
        with _refusal(f"button {button}"):
            return self._buttons[button].active()

    def close(self) -> None:
        """Release the lines. Waits for an edge that is being delivered; none comes after."""
        with self._gate:
            self._sink = None
        self._release()

    def _claim(self, name: str, spec: LineSpec) -> None:
        with _refusal(f"button {name} on GPIO{spec.pin}", FREE):
            claim = _Claim(self._factory, spec.pin, f"button {name}")
            button = _Button(claim, spec, self._changed)
            self._buttons[name], self._names[button] = button, name
            button.listen()

    def _level_at_start(self, name: str) -> bool:
        button = self._buttons[name]
        button.level_read_ns = self._clock.boot_ns()
        with _refusal(f"button {name}"):
            return button.active()

    def _release(self) -> None:
        """Release every line. One that refuses does not keep the others claimed."""
        buttons, self._buttons, self._names = self._buttons, {}, {}
        _each({f"button {name}": button.release for name, button in buttons.items()})

    def _changed(self, button: _Button, ticks: float, state: int) -> None:
        """Stamp and enqueue an edge. Runs in the factory's thread; raises nothing."""
        try:
            with self._gate:
                at_ns = self._edge_ns(ticks)
                if self._sink is not None and at_ns > button.level_read_ns:
                    at_ns = button.last_ns = max(at_ns, button.last_ns)
                    self._sink(Edge(self._names[button], button.active(state), at_ns))
        except Exception:  # noqa: BLE001 - an exception here would end the thread that serves every button
            self.failures += 1

    def _edge_ns(self, ticks: float) -> int:
        """Boot time of an edge: now, minus the age that the factory gives it.

        A negative age counts as zero: a kernel before 5.7 stamps with another clock than the factory's ticks.
        """
        for _ in range(READS_MAX):
            before_ns = self._clock.boot_ns()
            age_s: float = self._factory.ticks_diff(self._factory.ticks(), ticks)
            if self._clock.boot_ns() - before_ns < TOGETHER_NS:
                break
        return before_ns - max(0, round(age_s * NS))


class GpioLamps:
    """`hardware.ports.Lamps`, lit when the line is high. The owner's thread only. Claims the lines at once, dark.

    Always high for lit: until this process runs the board pulls GPIO 9 to 27 low, and a relay that closes on low would
    sound the siren at each power-on.
    """

    def __init__(self, factory: Factory, pins: Mapping[str, int]) -> None:
        self._claims: dict[str, _Claim] = {}
        try:
            for lamp, pin in pins.items():
                with _refusal(f"{_called(lamp)} on GPIO{pin}", FREE):
                    self._claims[lamp] = _Claim(factory, pin, _called(lamp))
                    self._claims[lamp].pin.output_with_state(0)
        except DeviceError:
            self.close()
            raise

    def set(self, lamp: str, *, lit: bool) -> None:
        """Drive the line and read it back: a line that does not follow is a DeviceError."""
        with _refusal(_called(lamp)):
            self._claim(lamp).pin.state = int(lit)
        if self.lit(lamp) is not lit:
            raise DeviceError(f"{_called(lamp)}: the line stays {'low' if lit else 'high'}; expected it to follow")

    def lit(self, lamp: str) -> bool:
        """The level of the line, read from the pin."""
        with _refusal(_called(lamp)):
            return bool(self._claim(lamp).pin.state)

    def close(self) -> None:
        """Turn every lamp off, and make every line an input pulled low. A refusal does not keep the others lit."""
        claims, self._claims = self._claims, {}
        _each({_called(lamp): claim.release_low for lamp, claim in claims.items()})

    def _claim(self, lamp: str) -> _Claim:
        if lamp not in self._claims:
            raise DeviceError(f"{_called(lamp)}: not claimed; expected one of {_names(self._claims)}")
        return self._claims[lamp]


def _called(lamp: str) -> str:
    """An output's name for a person: not all of them are lamps."""
    return f"output {lamp}"


def _names(lines: Mapping[str, object]) -> str:
    return ", ".join(sorted(lines)) or "none (closed, or not started)"
