# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The boards on which the contracts of buttons and lamps are held: mock pins here, gpio-sim in the virtual machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from daemon.alarm.lines import Lines
from daemon.model import events
from daemon.model.policy import Policy
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps, LineSpec
from hardware.ports import Edge
from simulators.pins import PinBench, Wear
from tests.waiting import wait_for

Specs = Mapping[str, LineSpec]


TRIES = 5
SETTLED_S = 0.1
"""A start on gpio-sim that was late to find a held contact brings an edge of it within this."""


class Rig:
    """A bench, the real drivers on it, and the edges that came."""

    staged = True
    """An edge bears the moment that the finger meant, however late this machine made it."""
    wear = Wear(bounces=2, bounce_s=0.003)

    def __init__(
        self,
        specs: Specs,
        lamps: Mapping[str, int],
        changeovers: Mapping[str, str] | None = None,
    ) -> None:
        self.clock, self.edges = SystemClock(), list[Edge]()
        self.bench = self._bench(specs, lamps, changeovers)
        self.finger = self.bench
        self.buttons = GpioButtons(self.bench.factory, specs, self.clock)
        self.lamps = GpioLamps(self.bench.factory, lamps)

    def _bench(self, specs: Specs, lamps: Mapping[str, int], changeovers: Mapping[str, str] | None) -> PinBench:
        return PinBench(specs, lamps, changeovers=changeovers, wear=self.wear)

    def start(self, sink: Callable[[Edge], None] | None = None) -> dict[str, bool]:
        """The levels at start; edges are collected from now on, or go to this sink."""
        return dict(self.buttons.start(sink or self.edges.append))

    def ends(self, button: str, *, active: bool) -> list[Edge]:
        """The edges of a button, as soon as the last one says so: a driver's thread is a moment behind the finger."""

        def found() -> list[Edge] | None:
            mine = [edge for edge in self.edges if edge.button == button]
            return mine if mine and mine[-1].active is active and self.buttons.active(button) is active else None

        return wait_for(f"{button} {'down' if active else 'up'}", found)

    def close(self) -> None:
        """Ends what moves, then releases the lines."""
        self.bench.close()
        self.buttons.close()
        self.lamps.close()


class GpioSimRig(Rig):
    """The same on the kernel's lines, which stamp an edge when it is made: bounces come as fast as they can be written,
    because a virtual machine that pauses between two of them has made a release.
    """

    staged = False
    wear = Wear(bounces=2, bounce_s=0.0)

    def _bench(self, specs: Specs, lamps: Mapping[str, int], changeovers: Mapping[str, str] | None) -> PinBench:
        from tests.contracts.gpio_sim import SimBoard  # noqa: PLC0415 - imports lgpio, which the machine alone has

        self._board = SimBoard()
        self._specs = specs
        bench = PinBench(specs, lamps, changeovers=changeovers, wear=self.wear, board=self._board)
        self._board.hang(spec.pin for spec in specs.values())
        return bench

    def start(self, sink: Callable[[Edge], None] | None = None) -> dict[str, bool]:
        """As on the bench; contacts that are held stay held, or the start is made again (see `SimBoard.kept`)."""
        take, came = sink or self.edges.append, list[Edge]()

        def hear(edge: Edge) -> None:
            came.append(edge)
            take(edge)

        for _ in range(TRIES):
            came.clear()
            with self._board.kept():
                levels = dict(self.buttons.start(hear))
                time.sleep(SETTLED_S)
            if not came and levels == self._touch():
                break
            self.buttons.close()
            self.edges.clear()
        return levels

    def _touch(self) -> dict[str, bool]:
        """Which lines are active, by where the contacts are."""
        return {name: self._board.line(spec.pin).tied is spec.closed_is_active for name, spec in self._specs.items()}


BOARDS = [pytest.param(Rig, id="bench"), pytest.param(GpioSimRig, id="gpio_sim", marks=pytest.mark.gpio_sim)]


def rig_on(request: pytest.FixtureRequest, specs: Specs, lamps: Mapping[str, int]) -> Iterator[Rig]:
    """A rig of the kind that the test's parameter names."""
    kind: type[Rig] = request.param
    rig = kind(specs, lamps)
    yield rig
    rig.close()


class Desk:
    """The unit's own reading of the lines: what a room is told of what the finger does, in real time."""

    def __init__(self, rig: Rig, policy: Policy) -> None:
        self._rig, self._lines = rig, Lines(policy, rig.buttons.active)
        self.words: list[str] = []
        self.seen: list[Edge] = []
        self._take(self._lines.start(rig.start(), rig.clock.boot_ns()))

    def hears(self, words: str, times: int = 1) -> None:
        """Waits until it was told so, so many times in all."""
        wait_for(f"{words}; heard: {self.words}", lambda: self._pump().count(words) >= times)

    def rests(self) -> list[str]:
        """All that was told, when nothing is pending any more."""
        wait_for("rest", lambda: self._pump() is not None and not self._rig.edges and self._lines.next_ns is None)
        return self.words

    def _pump(self) -> list[str]:
        while self._rig.edges:
            edge = self._rig.edges.pop(0)
            self.seen.append(edge)
            self._take(self._lines.edge(edge))
        self._take(self._lines.tick(self._rig.clock.boot_ns()))
        return self.words

    def _take(self, inputs: list[events.Input]) -> None:
        for item in inputs:
            if isinstance(item, events.RecordReleased):
                continue  # the end of a press is no news of its own here
            if isinstance(item, events.FaultChanged):
                self.words.append(item.detail or f"{item.fault} mended")
            else:
                self.words.append(type(item).__name__)
