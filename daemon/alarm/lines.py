# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The button lines of a room: raw edges in, debounced, inputs of the room out."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping

import msgspec

from daemon import log
from daemon.errors import DeviceError
from daemon.model import contact, debounce, events, spells
from daemon.model.fitted import BUTTONS, Fresh
from daemon.model.policy import NS, Policy
from hardware.ports import Edge

BEGINS = {
    "stuck": "is stuck", "chatter": "chatters", "held_at_boot": "was down at start", "cut": "has a cut wire",
    "shorted": "has a shorted wire",
}  # fmt: skip
"""Button faults in words. Each has its own end."""
AGAIN = " again and again ({} times so far)"
"""Added to a fault that is locked out (`spells.py`)."""
STEADY = f"; a press counts when it is held still for {debounce.STEADY_NS / NS} s"
LOST_NS = 250 * debounce.MS
"""An edge that has not come this long after its line changed level is lost. On an overloaded machine a driver's thread
is a tenth of a second late. With the look at each second, a lost press raises an alarm within 1.3 s."""
ENDS = {
    "unstuck": "stuck", "settled": "chatter", "released": "held_at_boot", "uncut": "cut", "unshorted": "shorted",
}  # fmt: skip


class Touched(msgspec.Struct):
    """What a button has done since the process started, for an engineer who tries it."""

    presses: int = 0
    lasted_ms: int = 0
    """Length of the latest press once it is over; 0 before."""
    down: bool = False


class Lines:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(self, policy: Policy, reads: Callable[[str], bool] | None = None) -> None:
        """`reads` returns a line's level now; without it no edge is ever taken as lost."""
        self._reads = reads
        self._tuning: dict[str, debounce.Tuning] = {}
        self.obey(policy)
        self._lines: dict[str, debounce.Line] = {}
        self._pairs: dict[str, contact.Pair] = {}
        self._spells: dict[tuple[str, str], spells.Spells] = {}
        """By button and kind of fault."""
        self._missing: dict[str, int] = {}
        """Lines whose level contradicts their edges, and since when."""
        self.lost = 0
        """Edges that never came: the line's level replaced them."""
        self.touched: dict[str, Touched] = {}
        self._said: dict[str, bool | None] = {}
        """What `states` has returned last, by button."""

    def obey(self, policy: Policy) -> None:
        """Follow the policy in force: it says how long a hold is."""
        self._tuning = {name: button.tuning(policy) for name, button in BUTTONS.items()}

    def start(self, levels: Mapping[str, bool], now_ns: int) -> list[events.Input]:
        """Take the lines as they are at start."""
        found: list[events.Input] = []
        for button, level in levels.items():
            if button.endswith(contact.NC):
                continue
            active = level
            if (closed := levels.get(button + contact.NC)) is not None:
                self._pairs[button] = pair = contact.Pair(button, level, closed, now_ns)
                active = pair.active
            self.touched[button] = Touched(down=active)
            self._lines[button], facts = debounce.Line.at_start(button, active=active, now_ns=now_ns)
            if BUTTONS[button].says:
                is_down = msgspec.structs.replace(self._lines[button], at_boot=False, pressed=active, held=active)
                self._lines[button], facts = is_down, ()
            found += self._inputs(facts)
        return found

    def edge(self, edge: Edge) -> list[events.Input]:
        """Take a change of a line."""
        self._missing.pop(edge.button, None)
        button = edge.button.removesuffix(contact.NC)
        if button not in self._pairs:
            return self._debounced(edge)
        self._pairs[button], edges, facts = contact.edge(self._pairs[button], edge)
        found = self._inputs(facts)
        for one in edges:
            found += self._debounced(one)
        return found

    def _debounced(self, edge: Edge) -> list[events.Input]:
        line, facts = debounce.edge(self._lines[edge.button], edge, self._tuned(edge.button))
        self._lines[edge.button] = line
        return self._inputs(facts)

    def states(self) -> list[events.Input]:
        """What a contact with a state says, when that has changed: closed, open, or None while it has a fault."""
        found: list[events.Input] = []
        for name, line in self._lines.items():
            says = BUTTONS[name].says
            is_faulty = says and any(known.shown for (button, _), known in self._spells.items() if button == name)
            now = None if is_faulty else line.pressed
            if says is not None and (name not in self._said or self._said[name] is not now):
                self._said[name] = now
                found.append(says(now))
        return found

    def look(self, now_ns: int) -> None:
        """Read every line's level. If its edges say otherwise, an edge is lost or on its way."""
        for line in [line for button in self._lines for line in self._wires(button)]:
            reads = self._read(line)
            if reads is None or reads is self._known(line):
                self._missing.pop(line, None)
            else:
                self._missing.setdefault(line, now_ns)

    def tick(self, now_ns: int) -> list[events.Input]:
        """Decide what time decides: a press, 50 ms after its edge."""
        found: list[events.Input] = []
        if self._missing:
            found += self._stand_in(now_ns)
        for button, line in self._lines.items():
            tuning = self._tuned(button)
            if debounce.is_due(line, now_ns, tuning):
                reads = self._is_down(button) if line.run_ns is not None else None
                self._lines[button], facts = debounce.tick(line, now_ns, tuning, reads=reads)
                found += self._inputs(facts)
        for button, pair in self._pairs.items():
            self._pairs[button], facts = contact.tick(pair, now_ns)
            found += self._inputs(facts)
        for (button, kind), known in self._spells.items():
            self._spells[button, kind], told = spells.tick(known, now_ns)
            if told:
                found.append(self._fault(button))
        return found

    def _stand_in(self, now_ns: int) -> list[events.Input]:
        """Take a line's level in place of the edge that never came."""
        found: list[events.Input] = []
        for line in [line for line, since_ns in self._missing.items() if now_ns - since_ns >= LOST_NS]:
            since_ns, reads = self._missing.pop(line), self._read(line)
            if reads is not None and reads is not self._known(line):
                self.lost += 1
                log.event("edge_lost", "warning", line=line, reads=reads)
                found += self.edge(Edge(line, reads, since_ns))
        return found

    def _wires(self, button: str) -> tuple[str, ...]:
        return (button, button + contact.NC) if button in self._pairs else (button,)

    def _known(self, line: str) -> bool:
        """A line's level according to its edges."""
        button = line.removesuffix(contact.NC)
        if button not in self._pairs:
            return self._lines[button].active
        return self._pairs[button].nc if line.endswith(contact.NC) else self._pairs[button].no

    def _read(self, line: str) -> bool | None:
        """A line's level now; None: it cannot be read, and its edges decide."""
        if self._reads is None:
            return None
        try:
            return self._reads(line)
        except DeviceError:
            return None

    def _is_down(self, button: str) -> bool | None:
        """Whether the button's lines now read as pressed; None: one cannot be read."""
        levels = [self._read(line) for line in self._wires(button)]
        return None if None in levels else levels in ([True], [True, False])

    def _tuned(self, button: str) -> debounce.Tuning:
        chatter = self._spells.get((button, "chatter"))
        tuning = self._tuning[button]
        return msgspec.structs.replace(tuning, steady=True) if chatter is not None and chatter.restless else tuning

    @property
    def next_ns(self) -> int | None:
        """When `tick` has something to decide; None while all lines are at rest."""
        due = [debounce.deadline_ns(line, self._tuned(button)) for button, line in self._lines.items()]
        due += [contact.deadline_ns(pair) for pair in self._pairs.values()]
        due += [spells.deadline_ns(known) for known in self._spells.values()]
        due += [since_ns + LOST_NS for since_ns in self._missing.values()]
        return min((ns for ns in due if ns is not None), default=None)

    def _inputs(self, facts: Iterable[debounce.Fact]) -> list[events.Input]:
        return [item for fact in facts if (item := self._input(fact)) is not None]

    def _input(self, fact: debounce.Fact) -> events.Input | None:
        what = (fact.button, fact.kind)
        self._touch(fact)
        began = (fact.button, ENDS.get(fact.kind, ""))
        known = self._spells.get(began, spells.Spells())
        meaning = BUTTONS[fact.button].means.get(fact.kind)
        if meaning is not None and not known.on:
            return meaning(fact, Fresh(str(uuid.uuid4()), secrets.token_hex(16)))
        if fact.kind in BEGINS:
            self._spells[what], told = spells.begins(self._spells.get(what, spells.Spells()), fact.at_ns)
            return self._fault(fact.button) if told else None
        if known.on:
            self._spells[began], told = spells.ends(known, fact.at_ns)
            return self._fault(fact.button) if told else None
        return None

    def _touch(self, fact: debounce.Fact) -> None:
        touched = self.touched[fact.button]
        if fact.kind == "pressed":
            touched.presses, touched.lasted_ms, touched.down = touched.presses + 1, 0, True
        elif fact.kind == "released":
            touched.lasted_ms, touched.down = fact.lasted_ns // 1_000_000, False

    def _fault(self, button: str) -> events.FaultChanged:
        """Everything wrong with a button now, as one alarm event (promise A6)."""
        wrong = [
            words + (AGAIN.format(known.count) if known.locked else "")
            for kind, words in BEGINS.items()
            if (known := self._spells.get((button, kind), spells.Spells())).shown
        ]
        detail = f"the {BUTTONS[button].words} {' and '.join(wrong)}" if wrong else ""
        if self._tuned(button).steady:
            detail += STEADY
        return events.FaultChanged(BUTTONS[button].fault, detail, str(uuid.uuid4()))
