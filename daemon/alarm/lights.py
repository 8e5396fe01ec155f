"""The outputs of the room: lamps and beeper, driven from the panel's table, and the relay; each is read back."""

from __future__ import annotations

from typing import Literal

from daemon import log
from daemon.errors import DeviceError
from daemon.model.panel import DARK, PATTERNS, Lamp, Pattern, beep, lit, recording_lit, sign, sounds
from daemon.model.policy import NS
from daemon.model.relay import Relay, follow
from daemon.model.state import Phase, Room
from hardware import ports

LIT = Pattern((1,), "Opname")
Output = Lamp | Literal["relay"]
TRIAL_NS = 10 * NS
"""How long a lamp that an engineer tries stays as it was set: long enough to look, and it ends by itself."""


class Lights:
    """Owned by the loop. A lamp that the unit does not have is passed over."""

    def __init__(self, lamps: ports.Lamps, fitted: frozenset[str], relay: Relay | None = None) -> None:
        self._lamps, self._fitted, self._relay = lamps, fitted, relay
        self._shown: dict[Lamp, tuple[Pattern, int]] = {}
        self._is: dict[Output, bool] = {}
        self._says = ""
        self._trials: dict[Output, tuple[Pattern, int]] = {}
        self.next_change_ns: int | None = None
        self.faults: dict[Output, str] = {}

    def show(self, room: Room, now_ns: int) -> None:
        """Brings the lamps to what the room says at this moment, and works out when that changes by itself."""
        self.next_change_ns = None
        says = sign(room, now_ns)
        if says != self._says:
            self._says = says
            log.event("lamp", lamp="status", says=says)
        wanted: dict[Lamp, Pattern] = {
            "status": PATTERNS[says],
            "recording": LIT if recording_lit(room, now_ns) else DARK,
            "beeper": beep(room, says),
        }
        wanted |= self._tried(room, now_ns)
        for lamp in ("recording", "status", "beeper"):
            if lamp in self._fitted:
                self._drive(lamp, wanted[lamp], now_ns)
        self._follow(room, now_ns)

    def attempt(self, lamp: Output, *, on: bool, now_ns: int, for_ns: int = TRIAL_NS) -> bool:
        """An engineer tries an output: it is as he says for so long, or until the room is used. False: not fitted."""
        if lamp not in self._fitted:
            return False
        self._trials[lamp] = LIT if on else DARK, now_ns + for_ns
        return True

    def give_back(self, lamp: Lamp) -> None:
        """The trial of a lamp is over; from the next `show` on it is the room's."""
        self._trials.pop(lamp, None)

    def _tried(self, room: Room, now_ns: int) -> dict[Lamp, Pattern]:
        """Only in a room at rest: whatever happens in it, the lamps are the room's again at once."""
        if room.phase is not Phase.READY or room.alarms or room.recording is not None:
            self._trials.clear()
        self._trials = {lamp: trial for lamp, trial in self._trials.items() if now_ns < trial[1]}
        for _, until_ns in self._trials.values():
            self.next_change_ns = min(until_ns, self.next_change_ns or until_ns)
        return {lamp: pattern for lamp, (pattern, _) in self._trials.items() if lamp != "relay"}

    def is_lit(self, lamp: Output) -> bool:
        """Whether the output's line reads back as lit, or on, now."""
        try:
            return lamp in self._fitted and self._lamps.lit(lamp)
        except DeviceError as error:
            self.faults[lamp] = str(error)
            return False

    def state(self) -> dict[str, bool]:
        """Every fitted lamp, and the relay, as it reads back."""
        shown: tuple[Output, ...] = ("recording", "status", "relay")
        return {lamp: self.is_lit(lamp) for lamp in shown if lamp in self._fitted}

    def _drive(self, lamp: Lamp, pattern: Pattern, now_ns: int) -> None:
        shown, since_ns = self._shown.get(lamp, (None, 0))
        if shown is not pattern:
            since_ns = now_ns
            self._shown[lamp] = (pattern, since_ns)
            if lamp == "recording":
                log.event("lamp", lamp=lamp, says="lit" if pattern is LIT else "dark")
        on, change_ns = (sounds if lamp == "beeper" else lit)(pattern, since_ns, now_ns)
        self._bring(lamp, change_ns, on=on)

    def _follow(self, room: Room, now_ns: int) -> None:
        """The relay, after the lamps: its coil is the heaviest load, and the lamps say what staff need."""
        if self._relay is None:
            return
        before, self._relay = self._relay, follow(self._relay, room, now_ns)
        if before.since_ns != self._relay.since_ns:
            log.event("relay", says="off" if self._relay.until_ns is None else "on")
        pattern, _ = self._trials.get("relay", (DARK, 0))
        self._bring("relay", self._relay.until_ns, on=self._relay.until_ns is not None or pattern is LIT)

    def _bring(self, lamp: Output, change_ns: int | None, *, on: bool) -> None:
        """Sets an output that is not so already, and notes when it changes by itself."""
        if change_ns is not None:
            self.next_change_ns = min(change_ns, self.next_change_ns or change_ns)
        if self._is.get(lamp) == on and lamp not in self.faults:
            return
        self._is[lamp] = on
        self._set(lamp, on=on)

    def _set(self, lamp: Output, *, on: bool) -> None:
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
