# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The outputs of the room: lamps and beeper, driven from the panel's table, and the relay. Each is read back."""

from __future__ import annotations

from daemon import log
from daemon.errors import DeviceError
from daemon.model.fitted import OUTPUTS, OutputName
from daemon.model.panel import DARK, LIT, Pattern, lit, sign, sounds
from daemon.model.policy import NS
from daemon.model.relay import Relay, follow
from daemon.model.state import Phase, Room
from hardware import ports

DRIVEN = sorted(OUTPUTS.values(), key=lambda output: output.name != "recording")
"""Drive the recording lamp before all others (promise R3)."""
TRIAL_NS = 10 * NS
"""How long an output stays as an engineer set it: long enough to look. It ends by itself."""


class Lights:
    """Owned by the loop. Outputs that are not fitted are skipped."""

    def __init__(self, lamps: ports.Lamps, fitted: frozenset[str], relay: Relay | None = None) -> None:
        self._lamps, self._fitted, self._relay = lamps, fitted, relay
        self._shown: dict[OutputName, tuple[Pattern, int]] = {}
        self._is: dict[OutputName, bool] = {}
        self._says = ""
        self._trials: dict[OutputName, tuple[Pattern, int]] = {}
        self.next_change_ns: int | None = None
        self.faults: dict[OutputName, str] = {}

    def show(self, room: Room, now_ns: int) -> None:
        """Set the outputs to the room's state at this moment, and work out the next change in time."""
        self.next_change_ns = None
        says = sign(room, now_ns)
        if says != self._says:
            self._says = says
            log.event("lamp", lamp="status", says=says)
        self._end_trials(room, now_ns)
        for output in DRIVEN:
            if output.name not in self._fitted:
                continue
            tried, _ = self._trials.get(output.name, (None, 0))
            if output.shows is None:
                self._follow(room, now_ns, tried=tried is LIT)
            elif tried is not None:
                self._drive(output.name, tried, now_ns, once=False)
            else:
                self._drive(output.name, output.shows(room, now_ns), now_ns, once=output.once)

    def attempt(self, lamp: OutputName, *, on: bool, now_ns: int, for_ns: int = TRIAL_NS) -> bool:
        """Set an output for an engineer, for this long or until the room is used. False: not fitted."""
        if lamp not in self._fitted:
            return False
        self._trials[lamp] = LIT if on else DARK, now_ns + for_ns
        return True

    def give_back(self, lamp: OutputName) -> None:
        """End an output's trial; the next `show` sets it to the room's state."""
        self._trials.pop(lamp, None)

    def _end_trials(self, room: Room, now_ns: int) -> None:
        """Trials are for a room at rest: as soon as anything happens, the outputs follow the room again."""
        if room.phase is not Phase.READY or room.alarms or room.recording is not None:
            self._trials.clear()
        self._trials = {lamp: trial for lamp, trial in self._trials.items() if now_ns < trial[1]}
        for _, until_ns in self._trials.values():
            self.next_change_ns = min(until_ns, self.next_change_ns or until_ns)

    def is_lit(self, lamp: OutputName) -> bool:
        """Whether the output's line reads back as lit, or on, now."""
        try:
            return lamp in self._fitted and self._lamps.lit(lamp)
        except DeviceError as error:
            self.faults[lamp] = str(error)
            return False

    def state(self) -> dict[str, bool]:
        """Every fitted output, as it reads back."""
        return {name: self.is_lit(name) for name in OUTPUTS if name in self._fitted}

    def _drive(self, lamp: OutputName, pattern: Pattern, now_ns: int, *, once: bool) -> None:
        shown, since_ns = self._shown.get(lamp, (None, 0))
        if shown != pattern:
            since_ns = now_ns
            self._shown[lamp] = (pattern, since_ns)
            if lamp == "recording":
                log.event("lamp", lamp=lamp, says="lit" if pattern is LIT else "dark")
        on, change_ns = (sounds if once else lit)(pattern, since_ns, now_ns)
        self._bring(lamp, change_ns, on=on)

    def _follow(self, room: Room, now_ns: int, *, tried: bool) -> None:
        """Drive the relay, which remembers the presses that it has answered."""
        if self._relay is None:
            return
        before, self._relay = self._relay, follow(self._relay, room, now_ns)
        if before.since_ns != self._relay.since_ns:
            log.event("relay", says="off" if self._relay.until_ns is None else "on")
        self._bring("relay", self._relay.until_ns, on=self._relay.until_ns is not None or tried)

    def _bring(self, lamp: OutputName, change_ns: int | None, *, on: bool) -> None:
        """Set an output unless it is set already, and note its next change in time."""
        if change_ns is not None:
            self.next_change_ns = min(change_ns, self.next_change_ns or change_ns)
        if self._is.get(lamp) == on and lamp not in self.faults:
            return
        self._is[lamp] = on
        self._set(lamp, on=on)

    def _set(self, lamp: OutputName, *, on: bool) -> None:
        try:
            self._lamps.set(lamp, lit=on)
            reads = self._lamps.lit(lamp)
        except DeviceError as error:
            problem = str(error)
        else:
            problem = "" if reads == on else f"the {lamp} output reads {'on' if reads else 'off'} and should not"
        if problem and lamp not in self.faults:
            log.event("lamp_fault", "error", lamp=lamp, why=problem)
        if problem:
            self.faults[lamp] = problem
        else:
            self.faults.pop(lamp, None)
