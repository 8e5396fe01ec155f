# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make vm-powercut`: the plug is pulled at random moments, and one unit comes up again each time, without a hand.

python -m tests.vm.cuts [--cuts 20] [--seed N] [--only PHASE]

The machine's disk has a write cache that goes with the power: a write that was not flushed is gone. Nothing that the
unit calls kept may be in it. Ends with 1 when a cut broke something. Ctrl-C, or SIGTERM, ends it, and the machine, with
the figures of the cuts before.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import signal
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from daemon.errors import UnitError
from daemon.model.faults import FaultName
from simulators.panel import acts
from simulators.recorded import Recording
from tests.driven import HOME
from tests.keeper import stores
from tests.vm.devices import LATE
from tests.vm.fitted import PERSON, STORE
from tests.vm.world import MachineWorld
from tests.waiting import wait_for

READY_S = 600.0
"""From power-on, on a processor in software: a boot takes half a minute, the three services and a key one more."""
FACT_S = 300.0
BELIEVED_S = 1200.0
"""A first UTC is believed after ten minutes, and a deletion begins in the next."""
KEPT_S = 3.0
"""From the press: an alarm is sent before the disk has it. What the disk does not have by then it never will."""
SEGMENT_S = 1.1
"""One of a track, the longest: at five pictures a second one may begin a fifth later."""
AGED = 40
"""Recordings beyond their terms; the unit deletes them in some seconds."""
DEVICE_OF: dict[str, FaultName] = {"audio": "microphone", "video": "camera"}
"""What the fault of a track's device is called."""
NO_BROKER: tuple[FaultName, ...] = ("broker", "unanswered")
"""The faults while it stays away, with an alarm to deliver."""
BRINGS = f"""set -e
mkdir {STORE}/brought && cd {STORE}/brought && tar -x --no-same-owner
chown -R spreekkamer-recorder:spreekkamer-store . && chmod -R u=rwX,g=rwX,o= . && find . -type d -exec chmod g+s {{}} +
mv ./* {STORE}/recordings/ && cd / && rmdir {STORE}/brought
"""
"""As the recorder leaves them, each there at once."""


@dataclass
class Cut:
    """One cut, and what became of the unit."""

    phase: str
    moment_s: float = 0.0
    """After what the phase waits for."""
    ready_s: float = 0.0
    """From power-on until the room is ready."""
    owed: int = 0
    """Alarms that had been kept and that no desk had."""
    is_open: bool = False
    """An alarm had been kept, whoever has it: it is open afterwards."""
    missing_s: dict[str, float] = field(default_factory=dict)
    """Of the recording, by track: what its chain had before the cut and has no more."""
    faults: list[str] = field(default_factory=list)


class Unit:
    """One unit through all cuts."""

    def __init__(self, world: MachineWorld, draw: random.Random) -> None:
        self._draw = draw
        self.world = world
        self._machine = self.world.machine
        self._aged: set[str] = set()
        self._until("the first start", lambda: bool(self.world.health()), READY_S)
        self._machine.run("sync")
        self._machine.cut()
        self._machine.behind_a_cache()
        self.world.do(acts.Power())
        self._until("a ready room", self._is_ready, READY_S)

    def cut(self, phase: str) -> Cut:
        """One phase, one cut, and everything that has to hold afterwards."""
        cut = Cut(phase)
        stored, before = len(self.world.stored()), PHASES[phase](self, cut)
        began_s = time.monotonic()
        try:
            self.world.do(acts.Power())
            self._until("a ready room", self._is_ready, READY_S)
        except AssertionError as error:
            cut.faults.append(f"not ready: {error}\n{self.world.told()}")
            return cut
        cut.ready_s = time.monotonic() - began_s
        looks: dict[str, Callable[[], None]] = {
            "alarm": lambda: self._alarms(cut, stored), "recording": lambda: self._recording(cut, before),
            "deletion": self._deletions, "log": lambda: self.world.command(["audit", "verify"]),
            "store": self._store, "machine": self._is_sound,
        }  # fmt: skip
        for what, look in looks.items():
            try:
                look()
            except (AssertionError, UnitError) as error:
                cut.faults.append(f"{what}: {error}")
        return cut

    # --- until the cut ----------------------------------------------------------------------------------------------

    def rest(self, cut: Cut) -> None:
        """Nothing happens."""
        self._wait(cut, 10)

    def alarm(self, cut: Cut) -> None:
        """Somebody presses, and the desk may have it."""
        self.world.do(acts.Press("alarm", 0.2))
        self._wait(cut, 6)
        cut.is_open = cut.moment_s > KEPT_S

    def alone(self, cut: Cut) -> None:
        """Somebody presses while the broker is away."""
        self.world.do(acts.Fault("broker.unplugged", on=True))
        self._until("no broker", lambda: "broker" in self.world.health().get("faults", {}))
        pressed_s = time.monotonic()
        self.world.do(acts.Press("alarm", 0.2))
        self._until("an alarm to deliver", lambda: self.world.health().get("undelivered", 0) > 0)
        self._wait(cut, 6)
        cut.is_open = time.monotonic() - pressed_s > KEPT_S
        cut.owed = int(cut.is_open)

    def recording(self, cut: Cut) -> Recording | None:
        """Staff record."""
        self.world.do(acts.Press("record", 0.2))
        self._until("a recording", lambda: any(not one.closed and one.newest_s for one in self.world.recordings()))
        self._wait(cut, 20)
        return next(one for one in self.world.recordings() if not one.closed)

    def deletion(self, cut: Cut) -> None:
        """What is beyond its term goes."""
        self._age()
        deleted = self._count("deleted")
        self._until("a deletion", lambda: self._count("deleted") > deleted, BELIEVED_S)
        self._wait(cut, 3)

    def _wait(self, cut: Cut, most_s: float) -> None:
        cut.moment_s = self._draw.uniform(0, most_s)
        time.sleep(cut.moment_s)

    def _age(self) -> None:
        """Recordings from another unit's card, two months old by their own clocks."""
        with tempfile.TemporaryDirectory(prefix="aged-") as place:
            (Path(place) / "recordings").mkdir()
            for _ in range(AGED):
                name = f"{self._draw.getrandbits(128):032x}"
                then_ns = round((time.time() - 60 * 86_400) * 1e9)
                stores.recording(Path(place), name, boot=f"elsewhere-{name}", at_boot_ns=10**9, at_wall_ns=then_ns)
                self._aged.add(name)
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as tar:
                tar.add(Path(place) / "recordings", ".")
        self._machine.run("sh", "-c", BRINGS, stdin=packed.getvalue())

    # --- after it ---------------------------------------------------------------------------------------------------

    def _alarms(self, cut: Cut, stored: int) -> None:
        """What was kept arrives; then the desk ends what is open, and the room is at rest."""
        assert self.world.health()["alarms"] or not cut.is_open, "the unit has no alarm any more"
        self.world.do(acts.Fault("broker.unplugged", on=False))
        if cut.owed:
            self._until("the alarm that was kept", lambda: len(self.world.stored()) > stored)
        self._until("nothing to deliver", lambda: self.world.health().get("undelivered") == 0)
        if self.world.health()["alarms"]:
            self.world.do(acts.Reset())
            self._until("no alarm", lambda: not self.world.health().get("alarms", True))

    def _recording(self, cut: Cut, before: Recording | None) -> None:
        """It is closed by the unit itself, has what its chain had but for a segment a track, and opens."""
        self._until("recordings that are closed", lambda: all(one.closed for one in self.world.recordings()))
        if before is None:
            return
        after = next((one for one in self.world.recordings() if one.id == before.id), None)
        assert after is not None, "it is gone"
        for track, newest_s in before.newest_s.items():
            cut.missing_s[track] = max(0.0, newest_s - after.newest_s.get(track, 0.0))
            assert cut.missing_s[track] <= SEGMENT_S, f"{track}: {cut.missing_s[track]:.1f} s of it are gone"
        film = self.world.opens(after, ("manager-1", "secretary-1"))
        assert set(film) == set(after.newest_s), film

    def _deletions(self) -> None:
        """What was begun is finished, and what is gone has its receipt."""
        self._until("receipts", lambda: self._count("deleting") == self._count("deleted"))
        receipts = {(line["recording_id"], line["track"]) for line in self.world.log() if line["event"] == "deleted"}
        there = {(one.id, track) for one in self.world.recordings() for track in one.there}
        every = {(name, track) for name in self._aged for track in ("audio", "video")}
        assert not every - there - receipts, f"gone without a receipt: {sorted(every - there - receipts)[:3]}"
        assert not there & receipts, f"there with a receipt: {sorted(there & receipts)[:3]}"

    def _store(self) -> None:
        """But for what was brought from elsewhere and holds nothing."""
        command = ("runuser", "-u", PERSON, "--", f"{HOME}/venv/bin/spreekkamer", "store", "verify")
        said = self._machine.run(*command, check=False)
        wrong = [line for line in said.splitlines() if not any(name in line for name in self._aged)]
        assert self._aged or "Everything can be accounted for" in said, "\n".join(wrong)

    def _is_sound(self) -> None:
        """The kernel, systemd and the services have nothing to say."""
        said = self._machine.shell("dmesg | grep -iE 'ext4-fs (error|warning)' || true").strip()
        assert not said, said
        failed = self._machine.run("systemctl", "--failed", "--no-legend", "--plain", "list-units", "spreekkamer*")
        assert not failed.strip(), failed
        assert "Traceback" not in self.world.told(), self.world.told()

    # --- how --------------------------------------------------------------------------------------------------------

    def _is_ready(self) -> bool:
        health = self.world.health()
        devices: dict[str, str] = (health.get("recorder") or {}).get("devices", {})
        late = {track for track, said in devices.items() if said.partition(": ")[2] in LATE}
        excused: set[FaultName] = {"disk", *NO_BROKER, *(DEVICE_OF[track] for track in late)}
        delivers = late | {track for track, said in devices.items() if said == "ok"}
        return not set(health.get("faults", {"?": ""})) - excused and delivers == set(DEVICE_OF)

    def _count(self, event: str) -> int:
        return sum(line["event"] == event for line in self.world.log())

    def _until(self, what: str, fact: Callable[[], bool], within_s: float = FACT_S) -> None:
        try:
            wait_for(what, fact, within_s)
        except AssertionError as error:
            health = self.world.health()
            brief = {key: health.get(key) for key in ("phase", "faults", "alarms", "undelivered", "recorder")}
            raise AssertionError(f"{error}; the unit says: {json.dumps(brief)}") from error


PHASES: dict[str, Callable[[Unit, Cut], Recording | None]] = {
    "rest": Unit.rest, "alarm": Unit.alarm, "alone": Unit.alone, "recording": Unit.recording, "deletion": Unit.deletion,
}  # fmt: skip
"""In which a cut may come; a deletion first waits for ten minutes, so it is drawn least."""
WEIGHTS = {"rest": 1, "alarm": 4, "alone": 4, "recording": 6, "deletion": 1}


def tell(number: int, cut: Cut) -> None:
    """A line about a cut."""
    missing = ", ".join(f"{track} {seconds:.1f} s" for track, seconds in cut.missing_s.items())
    sys.stdout.write(
        f"{number:3} {cut.phase:10} {cut.moment_s:5.2f} s, ready after {cut.ready_s:4.0f} s"
        f"{f', owed {cut.owed}' * bool(cut.owed)}{f', missing {missing}' * bool(missing)}"
        f"{''.join(f'{chr(10)}    {fault}' for fault in cut.faults)}\n"
    )
    sys.stdout.flush()


def main() -> int:
    """As the file's first line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.vm.cuts", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cuts", type=int, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), metavar="N")
    parser.add_argument("--only", choices=sorted(PHASES))
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}\n")
    sys.stdout.flush()
    for end in (signal.SIGINT, signal.SIGTERM):  # in order, also where it was started detached
        signal.signal(end, signal.default_int_handler)
    draw, cuts, world = random.Random(given.seed), list[Cut](), MachineWorld("heusden-2020")
    try:
        unit = Unit(world, draw)
        for number in range(given.cuts):
            phase = given.only or draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            cuts.append(unit.cut(phase))
            tell(number + 1, cuts[-1])
    except KeyboardInterrupt:
        pass
    finally:
        world.end()
    broken = sum(bool(cut.faults) for cut in cuts)
    owed = sum(cut.owed for cut in cuts)
    sys.stdout.write(f"{len(cuts)} cuts, {broken} broke something; {owed} alarms were kept and undelivered\n")
    return int(not cuts or broken > 0)


if __name__ == "__main__":
    sys.exit(main())
