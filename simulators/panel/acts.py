# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the page may do, as messages: anything to the simulator, to the unit only what an operator may ask too.

    POST act  {"act": "press", "button": "alarm", "hold_s": 0.2}   ->  {"ok": true, "text": "alarm: pressed"}

Invariant: an act that is not in this list, or a value outside its bounds, is refused and has changed nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from daemon.link import ask as ask_unit
from daemon.paths import Paths
from simulators import bench_link
from simulators.faults import Staged
from simulators.places import bench_path

YEAR_S = 366 * 86_400.0
"""The longest time that one click lets pass: a term is four weeks, a hold's review a few months."""
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_.-]*\Z")]


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag=str.lower):
    """Root of all that the page may ask for."""


class Press(Act, frozen=True):
    """A button is pressed, and released after this time."""

    button: Name
    hold_s: Annotated[float, Meta(gt=0, le=60)] = 0.2


class Hold(Act, frozen=True):
    """A button is pressed and stays down while the mouse button is."""

    button: Name


class Release(Act, frozen=True):
    """It is released."""

    button: Name


class Fault(Act, frozen=True):
    """A fault of `spreekkamer-sim fault` begins or ends."""

    name: Name
    on: bool


class Mend(Act, frozen=True):
    """Every active fault ends."""


class Wireless(Act, frozen=True):
    """A wireless button is pressed: its payload goes to the broker, as its gateway would send it."""

    name: Name


class Pass(Act, frozen=True):
    """Time passes."""

    seconds: Annotated[float, Meta(gt=0, le=YEAR_S)]


class Speed(Act, frozen=True):
    """The clock runs this many times faster than the machine's; 1: at the same speed."""

    factor: Annotated[int, Meta(ge=1, le=3600)]


class Sync(Act, frozen=True):
    """Whether the wall clock is synchronised."""

    found: bool


class Power(Act, frozen=True):
    """The unit's power is cut: all three processes end at once, and the machine boots again after this time."""

    off_s: Annotated[float, Meta(ge=0, le=YEAR_S)] = 2.0


class Accept(Act, frozen=True):
    """Somebody at the desk accepts the newest alarm."""


class Reset(Act, frozen=True):
    """The desk ends the alarm."""


class Test(Act, frozen=True):
    """A marked test alarm through the whole path."""


class Policy(Act, frozen=True):
    """The room restarts under another shipped policy; its recordings stay."""

    name: Name


Any_ = (
    Press | Hold | Release | Fault | Mend | Wireless | Pass | Speed | Sync | Power | Accept | Reset | Test | Policy
)  # fmt: skip
decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Any_)


class World(Protocol):
    """What an act needs from a room. Raises UnitError with a sentence for a person."""

    paths: Paths

    def wireless(self, name: str) -> None:
        """Publish a wireless button's pressed payload."""

    def passes(self, seconds: float) -> None:
        """Move both clocks on."""

    def runs(self, factor: int) -> None:
        """Make the clock run faster."""

    def synchronised(self, *, found: bool) -> None:
        """Change whether the clock is synchronised."""

    def power_cut(self, off_s: float) -> None:
        """Cut the power and restore it."""

    def accept(self) -> None:
        """Accept at the desk."""

    def under(self, policy: str) -> None:
        """Restart the unit under another policy."""

    def staged(self) -> Staged:
        """The faults that can be staged here."""


def do(world: World, act: Any) -> str:  # noqa: C901, PLR0912 - one arm an act
    """Carry out an act and say what happened. Raises UnitError, or ValueError for an unknown name."""
    paths = world.paths
    match act:
        case Press(button, hold_s):
            return _bench(paths, bench_link.Press(button, hold_s))
        case Hold(button):
            return _bench(paths, bench_link.Hold(button))
        case Release(button):
            return _bench(paths, bench_link.Release(button))
        case Fault(name, on):
            return world.staged().switch(name, on=on)
        case Mend():
            return world.staged().mend()
        case Wireless(name):
            world.wireless(name)
        case Pass(seconds):
            world.passes(seconds)
        case Speed(factor):
            world.runs(factor)
        case Sync(found):
            world.synchronised(found=found)
        case Power(off_s):
            world.power_cut(off_s)
        case Accept():
            world.accept()
        case Reset():
            ask_unit(paths.operator_socket, "reset")
        case Test():
            ask_unit(paths.operator_socket, "test")
        case Policy(name):
            world.under(name)
    return "done"


def _bench(paths: Paths, request: bench_link.Request) -> str:
    reply = bench_link.ask(bench_path(paths), request)
    if not reply.ok:
        raise ValueError(reply.text)
    return reply.text
