# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make vm-powercut`: the plug is pulled at random moments, and one unit comes up again each time, without a hand.

python -m tests.vm.cuts [--cuts 20] [--seed N] [--only PHASE]

The machine's disk has a write cache that goes with the power: a write that was not flushed is gone. Nothing that the
unit calls kept may be in it. Each phase comes once, then they are drawn. Ends with 1 when a cut broke something.
Ctrl-C, or SIGTERM, ends it, and the machine, with the figures of the cuts before, and with 130.
"""

from __future__ import annotations

import argparse
import collections
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
from tests.driven import HOME, exit_code
from tests.keeper import stores
from tests.vm.devices import LATE, UNITS
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
SEALED = 4
"""Files of a track of each: three segments and an envelope."""
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
    pressed: bool = False
    """Once, an alarm button."""
    shown: dict[str, str] = field(default_factory=dict)
    """The open alarms and their levels, as the unit told them last."""
    is_open: bool = False
    """An alarm had been kept, whoever has it: it is open afterwards."""
    known: set[str] = field(default_factory=set)
    """Alarms that were open before the phase: a cut before this one broke something."""
    there: set[str] = field(default_factory=set)
    """Recordings that had ended before, or had both tracks in their chain."""
    lines: int = 0
    """Of the log, before the phase."""
    late: set[str] = field(default_factory=set)
    """Tracks of which too little, or nothing, could be used at first: the processor is in software, and slow."""
    missing_s: dict[str, float] = field(default_factory=dict)
    """Of the recording, by track: what its chain had before the cut and has no more."""
    faults: list[str] = field(default_factory=list)

    @property
    def kept(self) -> set[str]:
        """The alarms of which the unit said that its disk, the broker or a desk has them."""
        return {one for one, level in self.shown.items() if level != "raised"}


class Judge:
    """Looks at a unit that has come up again."""

    def __init__(self, world: MachineWorld) -> None:
        self.world = world
        self.aged: set[str] = set()
        """Recordings that were brought from elsewhere, and go."""
        self.is_alone = False
        """Its broker is unplugged."""
        self.late: set[str] = set()
        """At the last look: tracks of which too little, or nothing, can be used."""

    def judge(self, cut: Cut, before: Recording | None) -> None:
        """Everything that has to hold after a cut. `before`: the recording that was being written."""
        looks: dict[str, Callable[[], None]] = {
            "alarm": lambda: self._alarms(cut), "recording": lambda: self._recording(cut, before),
            "deletion": self._deletions, "log": lambda: self._log(cut),
            "store": self._store, "machine": self._is_sound,
        }  # fmt: skip
        for what, look in looks.items():
            try:
                look()
            except (AssertionError, UnitError) as error:
                cut.faults.append(f"{what}: {error}")

    def _alarms(self, cut: Cut) -> None:
        """What was kept is there and arrives, and nothing else is open; then the desk ends it."""
        after = set(self.world.health().get("alarms", {}))
        self.world.do(acts.Fault("broker.unplugged", on=False))
        self.is_alone, owed = False, after | cut.kept
        try:
            self.until("each alarm at the desk", lambda: owed <= self._at_desk())
            self.until("nothing to deliver", lambda: self.world.health().get("undelivered") == 0)
        finally:  # or the next cut has what this one left
            for _ in after:
                self.world.do(acts.Reset())
        self.until("no alarm", lambda: not self.world.health().get("alarms", True))
        self.until("a ready room, and its broker", self.is_ready)
        on_disk = {one for one, level in cut.shown.items() if level == "kept"} | (cut.kept if cut.is_open else set())
        assert after or not cut.is_open, f"{KEPT_S} s after the press it was not kept"
        assert on_disk <= after, f"kept, and no longer open: {on_disk - after}"
        others = after - cut.shown.keys() - cut.known
        assert len(others) <= int(cut.pressed and not cut.shown), f"open, and raised by nobody: {others}"

    def _at_desk(self) -> set[str]:
        """The alarms that came there."""
        events = (event["data"] for event in self.world.stored())
        return {one["alarm_id"] for one in events if one["kind"] == "raised"}

    def _recording(self, cut: Cut, before: Recording | None) -> None:
        """It is closed by the unit itself, has what its chain had but for a segment a track, and opens as long as that;
        the earlier ones are there.
        """
        self.until("recordings that are closed", lambda: all(one.closed for one in self.world.recordings()))
        found = {one.id: one for one in self.world.recordings()}
        assert cut.there <= found.keys(), f"gone: {cut.there - found.keys()}"
        if before is None:
            return
        assert before.id in found, "it is gone"
        after = found[before.id]
        for track, newest_s in before.newest_s.items():
            cut.missing_s[track] = max(0.0, newest_s - after.newest_s.get(track, 0.0))
            assert cut.missing_s[track] <= SEGMENT_S, f"{track}: {cut.missing_s[track]:.1f} s of it are gone"
        assert after.oldest_s == before.oldest_s, f"began at {before.oldest_s}, and now at {after.oldest_s}"
        film = self.world.opens(after, ("manager-1", "secretary-1"))
        for track, newest_s in after.newest_s.items():
            written_s = newest_s - after.oldest_s[track]
            # Longer it may be: by segments that the disk had, and whose lines in the chain were lost.
            assert film.get(track, 0.0) >= written_s - 2 * SEGMENT_S, f"{track}: {written_s:.1f} s; film {film}"

    def _deletions(self) -> None:
        """What was begun is finished, and what is gone has its receipt."""
        self.until("receipts", lambda: self.count("deleting") == self.count("deleted"))
        receipts = {(line["recording_id"], line["track"]) for line in self.world.log() if line["event"] == "deleted"}
        there = self._sealed()
        whole = {one for one, files in there.items() if files == SEALED}
        every = {(name, track) for name in self.aged for track in DEVICE_OF}
        assert not every - whole - receipts, f"gone without a receipt: {sorted(every - whole - receipts)[:3]}"
        assert not there.keys() & receipts, f"there with a receipt: {sorted(there.keys() & receipts)[:3]}"

    def _sealed(self) -> collections.Counter[tuple[str, str]]:
        """The sealed files of each recording's tracks: ID/audio/000000.ts.age, ID/audio.0.key.age."""
        said = self.world.machine.shell(
            f"cd {STORE}/recordings && find . -name '*.age' || true"
        )  # one may go meanwhile
        parts = (line.split("/")[1:] for line in said.splitlines())
        return collections.Counter((one[0], one[1].partition(".")[0]) for one in parts)

    def _log(self, cut: Cut) -> None:
        self.world.command(["audit", "verify"])  # it cannot know of a last line that is gone
        found = len(self.world.log())
        assert found >= cut.lines, f"{found} lines, and there were {cut.lines}"

    def _store(self) -> None:
        """But for what was brought from elsewhere and holds nothing."""
        verify = f"runuser -u {PERSON} -- {HOME}/venv/bin/spreekkamer store verify --json"
        said = self.world.machine.shell(f"{verify} 2>/srv/verify.err || [ $? = 10 ] || cat /srv/verify.err")
        try:
            found = json.loads(said)
        except ValueError as error:
            raise AssertionError(said) from error
        assert found["faults"] == len(found["findings"]), f"{found['faults']} faults, {len(found['findings'])} told"
        wrong = [one for one in found["findings"] if not any(name in one["path"] for name in self.aged)]
        assert not wrong, "\n".join(f"{one['path']} {one['what']}" for one in wrong)

    def _is_sound(self) -> None:
        """The kernel, systemd and the services have nothing to say."""
        said = self.world.machine.shell(
            "dmesg --level emerg,alert,crit,err,warn | grep -iE 'ext4|jbd2|i/o error' || true"
        )
        assert not said.strip(), said
        failed = self.world.machine.run("systemctl", "--failed", "--no-legend", "--plain", "list-units", "spreekkamer*")
        assert not failed.strip(), failed
        again = self.world.machine.run("systemctl", "show", "--property", "NRestarts", "--value", *UNITS).split()
        assert set(again) == {"0"}, f"{UNITS} started {again} times again\n{self.world.told()}"
        assert "Traceback" not in self.world.told(), self.world.told()

    def is_ready(self) -> bool:
        """Both devices deliver, though too little may be usable, and there is no other fault."""
        health = self.world.health()
        devices = (health.get("recorder") or {}).get("devices", {})
        late = {track for track, said in devices.items() if said.partition(": ")[2] in LATE}
        away = NO_BROKER if self.is_alone else ()
        excused: set[FaultName] = {"disk", *away, *(DEVICE_OF[track] for track in late)}
        delivers = late | {track for track, said in devices.items() if said == "ok"}
        self.late = late
        return not set(health.get("faults", {"?": ""})) - excused and delivers == set(DEVICE_OF)

    def count(self, event: str) -> int:
        """How many lines of that kind the log has."""
        return sum(line["event"] == event for line in self.world.log())

    def until(self, what: str, fact: Callable[[], bool], within_s: float = FACT_S) -> None:
        """Wait for a fact; what the unit says of itself is in the error."""
        try:
            wait_for(what, fact, within_s)
        except AssertionError as error:
            health = self.world.health()
            brief = {key: health.get(key) for key in ("phase", "faults", "alarms", "undelivered", "recorder")}
            raise AssertionError(f"{error}; the unit says: {json.dumps(brief)}") from error


class Unit(Judge):
    """One unit through all cuts."""

    def __init__(self, world: MachineWorld, draw: random.Random) -> None:
        super().__init__(world)
        self._draw, self._machine = draw, world.machine
        self.until("the first start", lambda: bool(self.world.health()), READY_S)
        self._machine.run("sync")
        self._machine.cut()
        self._machine.behind_a_cache()
        self.world.do(acts.Power())
        self.until("a ready room", self.is_ready, READY_S)

    def cut(self, phase: str) -> Cut:
        """One phase, one cut, and everything that has to hold afterwards."""
        cut = Cut(phase)
        try:
            cut.known, cut.lines = set(self.world.health().get("alarms", {})), len(self.world.log())
            cut.there = {one.id for one in self.world.recordings() if one.closed} - self.aged
            before = PHASES[phase](self, cut)
            cut.there |= {one.id for one in self._written()}
            began_s = time.monotonic()
            self.world.do(acts.Power())
            self.until("a ready room", self.is_ready, READY_S)
        except (AssertionError, UnitError) as error:
            cut.faults.append(f"until it was ready: {error}\n{self.world.told()}")
            return cut
        cut.ready_s, cut.late = time.monotonic() - began_s, self.late
        self.judge(cut, before)
        return cut

    def rest(self, cut: Cut) -> None:
        """Nothing happens."""
        self._wait(cut, 10)

    def alarm(self, cut: Cut) -> None:
        """Somebody presses, and the desk may have it."""
        self.world.do(acts.Press("alarm", 0.2))
        pressed_s, cut.pressed = time.monotonic(), True
        self._wait(cut, 6)
        self._look(cut, pressed_s)

    def alone(self, cut: Cut) -> None:
        """Somebody presses while the broker is away."""
        self.world.do(acts.Fault("broker.unplugged", on=True))
        self.is_alone = True
        self.until("no broker", lambda: "broker" in self.world.health().get("faults", {}))
        self.world.do(acts.Press("alarm", 0.2))
        pressed_s, cut.pressed = time.monotonic(), True
        self.until("an alarm to deliver", lambda: self.world.health().get("undelivered", 0) > 0)
        self._wait(cut, 6)
        self._look(cut, pressed_s)

    def recording(self, cut: Cut) -> Recording | None:
        """Staff record."""
        self.world.do(acts.Press("record", 0.2))
        self.until("a recording", lambda: bool(self._written()))
        self._wait(cut, 20)
        return self._written()[0]

    def deletion(self, cut: Cut) -> None:
        """What is beyond its term goes."""
        self._age()
        deleted = self.count("deleted")
        self.until("a deletion", lambda: self.count("deleted") > deleted, BELIEVED_S)
        self._wait(cut, 3)

    def _written(self) -> list[Recording]:
        """The recording that is being written, when its chain has both tracks."""
        return [one for one in self.world.recordings() if not one.closed and one.newest_s.keys() == DEVICE_OF.keys()]

    def _look(self, cut: Cut, pressed_s: float) -> None:
        """The last thing before the cut: what the unit says of its alarms."""
        cut.is_open = time.monotonic() - pressed_s > KEPT_S
        cut.shown = self.world.health().get("alarms", {})

    def _wait(self, cut: Cut, most_s: float) -> None:
        cut.moment_s = self._draw.uniform(0, most_s)
        time.sleep(cut.moment_s)

    def _age(self) -> None:
        """Recordings from another unit's card, two months old by their own clocks."""
        with tempfile.TemporaryDirectory(prefix="aged-") as place:
            (Path(place) / "recordings").mkdir()
            whole = {name for (name, _), files in self._sealed().items() if files == SEALED}
            for _ in range(AGED - len(whole & self.aged)):  # so many that `store verify` tells all of it: 13 lines each
                name = f"{self._draw.getrandbits(128):032x}"
                then_ns = round((time.time() - 60 * 86_400) * 1e9)
                stores.recording(Path(place), name, boot=f"elsewhere-{name}", at_boot_ns=10**9, at_wall_ns=then_ns)
                self.aged.add(name)
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as tar:
                tar.add(Path(place) / "recordings", ".")
        self._machine.run("sh", "-c", BRINGS, stdin=packed.getvalue())


PHASES: dict[str, Callable[[Unit, Cut], Recording | None]] = {
    "rest": Unit.rest, "alarm": Unit.alarm, "alone": Unit.alone, "recording": Unit.recording, "deletion": Unit.deletion,
}  # fmt: skip
"""In which a cut may come; a deletion first waits for ten minutes, so after the first it is drawn least."""
WEIGHTS = {"rest": 1, "alarm": 4, "alone": 4, "recording": 6, "deletion": 1}


def phases(draw: random.Random, cuts: int, only: str | None) -> list[str]:
    """Each once, as far as there are cuts, and then as they are drawn; or one alone."""
    if only:
        return [only] * cuts
    first = draw.sample(list(PHASES), len(PHASES))
    return [*first, *draw.choices(list(WEIGHTS), list(WEIGHTS.values()), k=max(0, cuts - len(first)))][:cuts]


def tell(number: int, cut: Cut) -> None:
    """A line about a cut."""
    missing = ", ".join(f"{track} {seconds:.1f} s" for track, seconds in cut.missing_s.items())
    sys.stdout.write(
        f"{number:3} {cut.phase:10} {cut.moment_s:5.2f} s, ready after {cut.ready_s:4.0f} s"
        f"{f', kept {len(cut.kept)}' * bool(cut.kept)}{f', missing {missing}' * bool(missing)}"
        f"{f', too little of {chr(32).join(sorted(cut.late))} at first' * bool(cut.late)}"
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
    draw, cuts, asked = random.Random(given.seed), list[Cut](), "the first start"
    world = MachineWorld("heusden-2020")
    try:
        unit = Unit(world, draw)
        for number, phase in enumerate(phases(draw, given.cuts, given.only), 1):
            asked = phase
            cuts.append(unit.cut(phase))
            tell(number, cuts[-1])
    except KeyboardInterrupt:
        sys.stdout.write(f"ended in {asked}\n")
    finally:
        world.end()
    broken = sum(bool(cut.faults) for cut in cuts)
    kept = sum(len(cut.kept) for cut in cuts)
    came = collections.Counter(cut.phase for cut in cuts)
    sys.stdout.write(f"{', '.join(f'{phase} {came[phase]}' for phase in PHASES)}: {len(cuts)} cuts of {given.cuts}, "
                     f"{broken} broke something; {kept} alarms were kept\n")  # fmt: skip
    return exit_code([bool(cut.faults) for cut in cuts], given.cuts)


if __name__ == "__main__":
    sys.exit(main())
