# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the page may do, as messages: everything to the simulator, nothing to the unit but what an operator may ask too.

    POST act  {"act": "press", "button": "alarm", "hold_s": 0.2}   ->  {"ok": true, "text": "alarm: pressed"}

The law here: an act that this list does not have, or a value outside its bounds, is refused and has changed nothing.
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
"""The longest that one click lets pass: a term is four weeks, a hold's review a few months."""
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_.-]*\Z")]


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag=str.lower):
    """Root of all that the page may ask for."""


class Press(Act, frozen=True):
    """A button goes down, and up again after so long."""

    button: Name
    hold_s: Annotated[float, Meta(gt=0, le=60)] = 0.2


class Hold(Act, frozen=True):
    """A button goes down and stays down: the finger is on the mouse."""

    button: Name


class Release(Act, frozen=True):
    """It comes up."""

    button: Name


class Fault(Act, frozen=True):
    """A fault of `spreekkamer-sim fault` begins or ends."""

    name: Name
    on: bool


class Mend(Act, frozen=True):
    """Every fault that is on ends."""


class Wireless(Act, frozen=True):
    """A wireless button is pressed: its payload goes to the broker, as its gateway would send it."""

    name: Name


class Pass(Act, frozen=True):
    """Time passes."""

    seconds: Annotated[float, Meta(gt=0, le=YEAR_S)]


class Speed(Act, frozen=True):
    """The clock runs so much faster than the machine's; 1: as it does."""

    factor: Annotated[int, Meta(ge=1, le=3600)]


class Sync(Act, frozen=True):
    """Whether the wall clock is synchronised."""

    found: bool


class Power(Act, frozen=True):
    """The unit's power is cut: all three processes end at once, and the machine boots again after so long."""

    off_s: Annotated[float, Meta(ge=0, le=YEAR_S)] = 2.0


class Accept(Act, frozen=True):
    """Somebody at the desk accepts the newest alarm."""


class Reset(Act, frozen=True):
    """The desk ends the alarm."""


class Test(Act, frozen=True):
    """A marked test alarm through the whole path."""


class Policy(Act, frozen=True):
    """The room starts again under another shipped policy; its recordings stay."""

    name: Name


Any_ = (
    Press | Hold | Release | Fault | Mend | Wireless | Pass | Speed | Sync | Power | Accept | Reset | Test | Policy
)  # fmt: skip
decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Any_)


class World(Protocol):
    """What an act needs of a room. Raises UnitError with a sentence for a person."""

    paths: Paths

    def wireless(self, name: str) -> None:
        """Says a wireless button's pressed payload at the broker."""

    def passes(self, seconds: float) -> None:
        """Moves both clocks on."""

    def runs(self, factor: int) -> None:
        """Makes the clock run faster."""

    def synchronised(self, *, found: bool) -> None:
        """Changes what the clock is worth."""

    def power_cut(self, off_s: float) -> None:
        """Cuts the power and gives it back."""

    def accept(self) -> None:
        """At the desk."""

    def under(self, policy: str) -> None:
        """Starts the unit again under another policy."""

    def staged(self) -> Staged:
        """The faults that can be staged here."""


def do(world: World, act: Any) -> str:  # noqa: C901, PLR0912 - one arm an act
    """Does it and says what happened, for a person. Raises UnitError, or ValueError for a name that is not there."""
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
