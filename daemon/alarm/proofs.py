"""What shows that each button works: its last press and its last test, kept across restarts by the journal."""

from __future__ import annotations

import msgspec

from daemon.alarm import journal
from daemon.alarm.messages import AlarmEvent, ButtonProof
from daemon.model.events import Raise
from daemon.model.proof import Proof, overdue
from daemon.model.unit import Unit
from daemon.times import utc
from hardware.ports import Clock

NS = 1_000_000_000
PRUNE_NS = 86_400 * NS
"""The journal is gone through once a day, and at start: its bounds are in days and in megabytes."""
SEEN_NS = 6 * 3600 * NS
"""A wireless button's sign of life is written down this often at most: it speaks every hour, and flash wears."""


class Proofs:
    """Owned by the loop. Nothing is written before the journal has said what it knows."""

    def __init__(self, unit: Unit, clock: Clock, kept: journal.Journal) -> None:
        self._clock, self._journal = clock, kept
        self._names = ("alarm", *(mobile.name for mobile in unit.mobile))
        self._test_every_d = unit.alarm.test_every_d
        self._buttons: dict[str, journal.Button] = {}
        self._overdue = ""
        self._prune_ns: int | None = None

    def opened(self, found: tuple[journal.Button, ...]) -> None:
        """The journal has been read: a button that it does not know exists from now on."""
        self._buttons = {button.name: button for button in found if button.name in self._names}
        for name in self._names:
            if name not in self._buttons:
                self._mark(name)
        self._prune_ns = self._clock.boot_ns()

    def raised(self, effect: Raise) -> None:
        """A button has been pressed, as an alarm or as a test."""
        if effect.kind in {"raised", "repeated", "test"} and effect.source in self._buttons:
            self._mark(effect.source, press_wall_ns=self._clock.read().wall_ns)

    def delivered(self, event: AlarmEvent) -> None:
        """A test has gone the whole way."""
        if event.data.kind == "test" and event.data.source in self._buttons:
            self._mark(event.data.source, test_wall_ns=self._clock.read().wall_ns)

    def seen(self, name: str) -> None:
        """A wireless button has said something."""
        button, wall_ns = self._buttons.get(name), self._clock.read().wall_ns
        if button is not None and not 0 <= wall_ns - (button.seen_wall_ns or 0) < SEEN_NS:
            self._mark(name, seen_wall_ns=wall_ns)

    def overdue(self) -> str:
        """Which buttons have not been tested for too long; the last verdict while the clock is not trusted."""
        now = self._clock.read()
        if now.state == "synchronised":
            proofs = tuple(Proof(b.name, b.since_wall_ns, b.test_wall_ns) for b in self._buttons.values())
            self._overdue = overdue(proofs, now.wall_ns, self._test_every_d)
        return self._overdue

    def tick(self, now_ns: int) -> None:
        """Has the journal drop what it need not keep, when a day is over."""
        if self._prune_ns is not None and now_ns >= self._prune_ns:
            self._prune_ns = now_ns + PRUNE_NS
            now = self._clock.read()
            self._journal.give(journal.Prune(now.wall_ns if now.state == "synchronised" else None))

    def shown(self) -> dict[str, ButtonProof]:
        """For health."""
        return {
            name: ButtonProof(_utc(button.press_wall_ns), _utc(button.test_wall_ns), _utc(button.seen_wall_ns))
            for name, button in self._buttons.items()
        }

    def _mark(self, name: str, **what: int) -> None:
        order = journal.MarkButton(name, self._clock.read().wall_ns, **what)
        before = self._buttons.get(name) or journal.Button(name, order.now_wall_ns)
        self._buttons[name] = msgspec.structs.replace(before, **what)
        self._journal.give(order)


def _utc(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else utc(wall_ns)
