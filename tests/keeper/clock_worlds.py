# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A world in which a unit lives for years: true time, clocks that lie, cuts of the power, full disks, incidents.

The world knows what is true. The keeper in it is the real one, as far as time and deletion go: Timekeeper, Store,
Holds, Terms with its Sweeper, and the audit log, on files. After each thing that happens and at each deletion the world
judges: nothing early, nothing held, nothing late without a reason that the world itself knows of.

A wrong clock may say that it is right for as long as it likes, and then it is believed. Two things follow that no
keeper can help, and the world counts them: what goes while a UTC that is ahead is believed, which must have outlasted
two polls of a time daemon; and what was made under a UTC behind that nothing ever contradicted.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from daemon.config import Dated, Settings, shipped
from daemon.keeper import erase, sweeper, terms
from daemon.keeper.archive import Archive
from daemon.keeper.audit import AuditLog
from daemon.keeper.holds import Holds
from daemon.keeper.store import Store
from daemon.keeper.timekeeper import KEEP_EARLY_NS, KEEP_NS, KEEP_UNSURE_NS, Timekeeper
from daemon.keeper.trials import Trials
from daemon.keeper.unread import Unread
from daemon.model import acts
from daemon.model import timeline as model
from daemon.model.holds import Hold
from daemon.model.policy import Policy
from daemon.model.timeline import DAY_NS, NS, STABLE_DAY_NS, STABLE_NS, STEP_NS
from daemon.model.unit import Unit
from daemon.paths import Paths
from hardware.ports import ClockReading, ClockState, Track
from tests.keeper.stores import recording

H_NS = 3600 * NS
YEAR_NS = 365 * DAY_NS
LOOK_NS = 10 * NS
"""The world's keeper looks this often while there is something to see; a real one each second."""
STARTS_NS = 20 * NS
"""From power-on until the keeper's first look."""
LATE_NS = 60 * NS
TWO_POLLS_NS = 96 * NS
"""The two shortest polls of systemd-timesyncd: 32 s and 64 s."""
TRACKS: tuple[Track, ...] = ("audio", "video")


class Event(Struct, frozen=True):
    """Something that happens: a method of the world, and its arguments."""

    what: str
    args: Mapping[str, Any] = {}


class Made(Struct):
    """One track in the store, as the world knows it."""

    recording_id: str
    track: Track
    true_ns: int
    """When its oldest frame was taken."""
    term_ns: int
    boot: int
    """Number of the boot that its age is counted from, and since when: later than it was made where the log is lost."""
    counts_ns: int
    behind: bool
    """The clock was behind when it was made, and called itself synchronised."""
    adopted: bool
    """What its own clock said is all that is known of it."""
    made_in: int
    """Number of the boot that it was made in: the counter may know what that one believed when the log is lost."""
    released_ns: int = 0


class Life(Struct):
    """One boot, as it really was."""

    booted_ns: int
    lost_ns: int = 0
    """Powered time of it that nobody can have counted, at the most; set when it ends."""
    trusted_ns: int = 0
    """When its clock had been right, and had said so, for as long as it takes; 0: never, or something else is believed
    now."""
    wrong_ns: int | None = None
    """By how much the UTC that it believed last is ahead; None: it believes none."""
    ended_ns: int = 0


class Clock:
    """The machine's clocks."""

    def __init__(self, world: World) -> None:
        self._world = world

    def boot_ns(self) -> int:
        """Since power-on."""
        return self._world.true_ns - self._world.life.booted_ns

    def read(self) -> ClockReading:
        """Both, and what the second says of itself."""
        state: ClockState = "synchronised" if self._world.synchronised else "unsynchronised"
        return ClockReading(self.boot_ns(), self._world.true_ns + self._world.error_ns, state)

    def boot_id(self) -> str:
        """Of this boot."""
        return str(len(self._world.lives) - 1)


class World:
    """Time is true nanoseconds; the first boot begins at once."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.paths = place, Paths.below(place)
        self.true_ns, self.error_ns, self.synchronised = 50 * YEAR_NS, 0, False
        self.lives = [Life(self.true_ns)]
        self.truth_ns = 0
        """Since when the clock is right and says so; 0: it is not, or does not."""
        self.lying_ns = 0
        """Since when it has been wrong by the same and has said that it is right."""
        self.disk_ok, self.able_ns = True, 0
        self.store: dict[tuple[str, Track], Made] = {}
        self.holds: dict[str, tuple[str, Track]] = {}
        self.purging_ns = 0
        self.made = self.deleted = self.early = self.believed_lies = self.cuts = self.boots = 0
        self.settings = SETTINGS
        really = erase.remove_track

        def remove(path: Path, track: Track) -> int:
            if not self.disk_ok:
                raise OSError(5, "Input/output error")
            return really(path, track)

        monkeypatch.setattr(sweeper, "remove_track", remove)
        self.clock = Clock(self)
        self.true_ns += STARTS_NS
        self._open()

    @property
    def life(self) -> Life:
        """This boot."""
        return self.lives[-1]

    # --- the real keeper --------------------------------------------------------------------------------------------

    def _open(self) -> None:
        for directory in (self.paths.recordings, self.paths.holds):
            directory.mkdir(parents=True, exist_ok=True)
        self._store = Store(self.paths.recordings)
        self._store.refresh()
        self._time = Timekeeper(self.paths.time, self.clock, self._store)
        self._holds = Holds(self.paths.holds, self._store.whole)
        self._audit = AuditLog(self.paths.audit_log, self.clock).open(self._time.follow, self._holds.follow)
        archive = Archive(
            self._store, self._holds, self._audit, self._time, self.clock, self.paths, self.settings
        )  # fmt: skip
        self._terms = terms.Terms(archive, Trials(self._store, self._audit, self.paths), Unread(self._store))
        self._time.start(self._audit)
        self._holds.refresh()
        self._holds.settle(self._audit)
        self._sweep(None)

    def _turn(self) -> None:
        """One turn of the keeper's loop."""
        before = self._time.timeline.believed_ns
        now = self._time.look(self._audit)
        if self._time.timeline.believed_ns != before:
            self._believed()
        self._store.look_again()  # as each health does: two changes in a tick of the kernel's clock have one time
        changed = self._store.refresh()
        if self._holds.refresh() or self._holds.owes:
            self._holds.settle(self._audit)
        if changed or self._terms.is_due(now):
            self._sweep()
        self._time.keep()

    def _sweep(self, tracks_max: int | None = 64) -> None:
        for receipt in self._terms.sweep(tracks_max):
            assert isinstance(receipt.act, acts.Deleted)
            made = self.store.pop((receipt.act.recording_id, receipt.act.track))
            self.deleted += 1
            assert (made.recording_id, made.track) not in self.holds.values(), "deleted although it is held"
            if self.true_ns - made.true_ns < made.term_ns and not (self.purging_ns and made.track == "audio"):
                self._excuse(made)
            self._judge(made)

    def _sleeps_ns(self) -> int:
        timeline, due_ns = self._time.timeline, self._terms._due_ns
        seen = timeline.seen
        pending = self.synchronised if seen is None else not model.is_believed(timeline, seen.offset_ns)
        boot_ns = self.clock.boot_ns()
        wakes = [LOOK_NS] if pending else []
        wakes += [max(1, due_ns - boot_ns)] if due_ns is not None and self.disk_ok else []
        wakes += [ns - boot_ns for ns in KEEP_EARLY_NS if ns > boot_ns and self.store]
        return min(wakes, default=YEAR_NS)

    # --- what happens -----------------------------------------------------------------------------------------------

    def live(self, events: list[Event]) -> None:
        """A whole history."""
        try:
            for event in events:
                getattr(self, event.what)(**event.args)
                self.wait(0)
                self.judge()
        finally:
            self._audit.close()

    def record(self, terms_h: tuple[int, ...], pre_s: int, *, elsewhere: bool) -> None:
        """A recording is made; `elsewhere`: in a boot of which this unit knows nothing, as on a card that was moved."""
        name = f"{self.made:032x}"
        self.made += 1
        oldest_ns = max(self.true_ns - pre_s * NS, self.life.booted_ns)
        boot, behind = len(self.lives) - 1, self.synchronised and self.error_ns < -STEP_NS
        recording(
            self.paths.store, name, boot=f"elsewhere-{name}" if elsewhere else str(boot),
            at_boot_ns=oldest_ns - self.life.booted_ns, at_wall_ns=oldest_ns + self.error_ns,
            clock=self.clock.read().state, segments=1, term_h=terms_h,
        )  # fmt: skip
        for track, term_h in zip(TRACKS, terms_h, strict=False):
            counts_ns = self.true_ns if elsewhere else oldest_ns
            made = Made(name, track, oldest_ns, term_h * H_NS, boot, counts_ns, behind, elsewhere, boot)
            self.store[name, track] = made

    def wait(self, ns: int) -> None:
        """Time passes with the power on, and the keeper does what it does."""
        until_ns = self.true_ns + ns
        while True:
            self._turn()
            self._trust()
            if self.true_ns >= until_ns:
                return
            self._pass(min(until_ns - self.true_ns, self._sleeps_ns()))

    def _pass(self, ns: int) -> None:
        """The count is written on the way, at the last moment at which it is due."""
        every_ns = KEEP_UNSURE_NS if self._time.timeline.believed_ns is None else KEEP_NS
        if ns > every_ns and self.store:
            self.true_ns += ns - ns % every_ns
            self._time.keep()
            ns %= every_ns
        self.true_ns += ns

    def gap(self, ns: int) -> None:
        """The keeper is stopped, and goes on: it has seen nothing of what was between."""
        self.true_ns += ns
        self.able_ns, self.truth_ns = self.true_ns, self.true_ns if self.truth_ns else 0

    def restart(self, off_ns: int, *, clean: bool) -> None:
        """The keeper ends, and starts again in the same boot."""
        if clean:
            self._time.keep(stopping=True)
        self._untold()
        self._audit.close()
        self.gap(off_ns)
        self._open()

    def _untold(self) -> None:
        """What was believed while there was nothing to be dated goes with the process."""
        if self._time._told is not None or self._time.timeline.boots[self.clock.boot_id()].own_ns is None:
            self.life.wrong_ns, self.life.trusted_ns = None, 0

    def power(self, off_ns: int, error_ns: int, *, clean: bool) -> None:
        """The power goes, asked for or not, and comes back with a clock that nobody has set."""
        ran_ns = self.clock.boot_ns()
        self.life.ended_ns = self.true_ns
        self.life.lost_ns = 0 if clean else self._uncounted_ns(ran_ns)
        if clean:
            self._time.keep(stopping=True)
        self._untold()
        self._audit.close()
        self.cuts, self.boots = self.cuts + (not clean), self.boots + 1
        self.true_ns += off_ns
        self.lives.append(Life(self.true_ns))
        self.synchronised, self.error_ns, self.truth_ns, self.lying_ns = False, error_ns, 0, 0
        self.true_ns += STARTS_NS
        self._open()

    def _uncounted_ns(self, ran_ns: int) -> int:
        """The promise: all of the first minute, half of a boot under two hours, then what lies between writes.

        While the store is empty nothing is written, and the whole boot may be lost: nothing there gets younger by it.
        """
        if not self.store:
            return ran_ns
        every_ns = KEEP_NS if self.life.wrong_ns is not None else KEEP_UNSURE_NS
        return min(ran_ns, max(60 * NS, min(ran_ns // 2, every_ns))) if ran_ns < 2 * every_ns else every_ns

    def cycles(self, count: int, on_ns: int, off_ns: int) -> None:
        """So many short boots in a row, each cut off, without a clock."""
        for _ in range(count):
            self.power(off_ns, -30 * YEAR_NS, clean=False)
            self.wait(on_ns)
            self.judge()

    def sync(self) -> None:
        """The time daemon sets the clock right."""
        if self.truth_ns == 0:
            self.truth_ns = self.true_ns
        self.error_ns, self.synchronised, self.lying_ns = 0, True, 0

    def lose(self) -> None:
        """The time daemon has lost its reference; the clock goes on as it was."""
        self.synchronised, self.truth_ns, self.lying_ns = False, 0, 0

    def step(self, error_ns: int) -> None:
        """Somebody sets the clock, and the system knows that nobody vouches for it."""
        self.lose()
        self.error_ns = error_ns

    def lie(self, error_ns: int, for_ns: int, then: str) -> None:
        """The clock is wrong and says that it is right, for any time; then the truth comes, or the reference is lost,
        or the lie goes on.
        """
        self.error_ns, self.synchronised, self.truth_ns, self.lying_ns = error_ns, True, 0, self.true_ns
        self.wait(for_ns)
        if then != "on":
            getattr(self, then)()

    def flap(self, count: int, ns: int) -> None:
        """Synchronised, and not, and again, with a clock that is right."""
        for _ in range(count):
            self.sync()
            self.wait(ns)
            self.lose()
            self.wait(ns // 2)

    def hold(self, which: int) -> None:
        """An incident holds a track."""
        if self.store:
            made = list(self.store.values())[which % len(self.store)]
            if (made.recording_id, made.track) in self._audit.unfinished:
                return  # its deletion was begun, and the disk refuses: the desk says no
            name = f"{len(self.lives):016x}{self.true_ns:016x}"
            about = ("manager", "why", REVIEW, 0, "synchronised", 0, "owner")
            self._holds.place(Hold(name, made.recording_id, (made.track,), "incident", "1", *about), self._audit)  # type: ignore[arg-type]
            self.holds[name] = (made.recording_id, made.track)

    def release(self, which: int) -> None:
        """It is over."""
        if self.holds:
            name = list(self.holds)[which % len(self.holds)]
            key = self.holds.pop(name)
            self._holds.release(acts.HoldReleasing(name, reason="over", uid=0, role="owner"), self._audit)
            if key in self.store:
                self.store[key].released_ns = self.true_ns
            self._sweep()

    def disk(self, *, ok: bool) -> None:
        """The disk refuses deletions, or takes them again; what was refused is tried again within half a minute."""
        if ok and not self.disk_ok:
            self.able_ns = self.true_ns
        self.disk_ok = ok

    def policy(self, *, purge: bool) -> None:
        """The keeper is made anew under a policy that has no sound, and wants what there is gone; or under the old."""
        if purge == bool(self.purging_ns):
            return
        self.purging_ns = self.true_ns if purge else 0
        self.settings = PURGING if purge else SETTINGS
        self.restart(0, clean=True)

    def lose_files(self, which: str, off_ns: int) -> None:
        """The log is gone, or the counter, or both, when the unit comes back."""
        self.power(0, 0, clean=True)
        self._audit.close()
        self.gap(off_ns)
        if which != "counter":
            self.paths.audit_log.unlink(missing_ok=True)
            for name in list(self.holds):  # what becomes of their files: the tests of holds
                del self.holds[name]
                (self.paths.holds / f"{name}.json").unlink()
            self._forget(all_of_it=which == "both")
        if which != "log":
            self.paths.time.unlink(missing_ok=True)
            self.lives[-2].lost_ns = self.lives[-2].ended_ns - self.lives[-2].booted_ns
        self._open()

    def _forget(self, *, all_of_it: bool) -> None:
        """Recordings of earlier boots count from now; nothing contradicts what was believed before."""
        for made in self.store.values():
            made.boot, made.counts_ns, made.released_ns, made.adopted = len(self.lives) - 1, *[self.true_ns] * 2, True
        last = max((n for n, life in enumerate(self.lives) if life.wrong_ns is not None), default=None)
        for n, life in enumerate(self.lives):
            if n != last or all_of_it:
                life.wrong_ns, life.trusted_ns = None, 0

    # --- the judge --------------------------------------------------------------------------------------------------

    def _believed(self) -> None:
        """Another UTC is believed in this boot: how wrong it is."""
        timeline, now = self._time.timeline, self.clock.read()
        wrong_ns = model.powered_ns(timeline, now.boot_ns) + (timeline.offset_ns or 0) - self.true_ns
        was_ns, self.life.wrong_ns = self.life.wrong_ns, wrong_ns if abs(wrong_ns) > STEP_NS else 0
        if was_ns and not self.life.wrong_ns:
            self.able_ns = self.true_ns  # what the lie hid is known from now on
        if self.life.wrong_ns:
            self.believed_lies += 1
            self.life.trusted_ns = 0
            stood_ns = self.true_ns - self.lying_ns
            assert not self.lying_ns or stood_ns > TWO_POLLS_NS, f"a lie of {stood_ns / NS} s was believed"

    def _trust(self) -> None:
        """Whether the clock has been right, and has said so, for as long as it takes."""
        if self.life.trusted_ns or not self.truth_ns or not self.synchronised:
            return
        timeline = self._time.timeline
        offset_ns = self.true_ns - model.powered_ns(timeline, self.clock.boot_ns())
        if self.true_ns - self.truth_ns >= model.stable_ns(timeline, offset_ns) + LOOK_NS:
            self.life.trusted_ns = self.true_ns

    def _excuse(self, made: Made) -> None:
        """Deleted early: only where a lie is believed that is ahead, or one behind was that nothing contradicts."""
        self.early += 1
        believed = [(n, life.wrong_ns) for n, life in enumerate(self.lives) if life.wrong_ns is not None]
        if believed and believed[-1][1] > 0:
            return  # it stood for more than two polls, or `_believed` had said so
        if made.adopted and made.behind:
            return
        dead = [n for n, wrong_ns in believed if wrong_ns < 0 and (n >= made.boot or n == made.made_in)]
        assert any(not self._contradicted(n) for n in dead), f"deleted {made} early; believed {believed}"

    def _contradicted(self, boot: int) -> bool:
        """Whether what a boot believed is below what an earlier one did, as offsets that can be compared.

        An earlier one that is beyond what is believed now is a UTC that was ahead, and says nothing of the others: had
        the unit been off since, the later one would be true.
        """
        offsets = [(n, self._offset_ns(n)) for n, life in enumerate(self.lives) if life.wrong_ns is not None]
        most_ns = offsets[-1][1] + STEP_NS
        ups = [up_ns for n, up_ns in offsets if n < boot and up_ns <= most_ns]
        return any(up_ns > self._offset_ns(boot) + model.DRIFT_NS for up_ns in ups)

    def _offset_ns(self, boot: int) -> int:
        """UTC minus powered-on time as this boot had it, at the most: what was not counted is time off."""
        pairs = zip(self.lives[:boot], self.lives[1:], strict=False)
        off_ns = sum(later.booted_ns - earlier.ended_ns + earlier.lost_ns for earlier, later in pairs)
        return off_ns + (self.lives[boot].wrong_ns or 0)

    def judge(self) -> None:
        """Everything that is still there."""
        held = set(self.holds.values())
        for made in self.store.values():
            if (made.recording_id, made.track) not in held and self.disk_ok:
                self._judge(made)

    def _judge(self, made: Made) -> None:
        """Kept beyond its term by no more than a minute in which the unit could know it, and could delete."""
        proven_ns = self.true_ns - made.counts_ns - self._unproven_ns(made.boot)
        excess_ns = proven_ns - made.term_ns
        reasons_ns = (
            self.life.booted_ns + STARTS_NS, self.life.trusted_ns, self.able_ns, made.released_ns,
        )  # fmt: skip
        late_ns = min(excess_ns, self.true_ns - max(reasons_ns))
        assert late_ns <= LATE_NS, f"kept {late_ns / NS} s too long: {made}"

    def _unproven_ns(self, boot: int) -> int:
        """Time after a boot that nothing proves: off or uncounted, and not between two boots that were trusted.

        Where a lie is what some boot believed to its end, or is believed now, no time off is proven.
        """
        gaps = [
            later.booted_ns - earlier.ended_ns + earlier.lost_ns
            for earlier, later in zip(self.lives, self.lives[1:], strict=False)
        ]
        trusted = [n for n in range(boot, len(self.lives)) if self.lives[n].trusted_ns]
        if any(life.wrong_ns for life in self.lives) or not trusted:
            return sum(gaps[boot:])
        return sum(gaps[boot : trusted[0]]) + sum(gaps[trusted[-1] :])


REVIEW = datetime.date(2099, 1, 1)


def _settings() -> tuple[Settings, Settings]:
    """Under a policy that records both tracks; and under one that wants the sound gone."""
    policy = msgspec.toml.decode((shipped() / "policies" / "heusden-2020.toml").read_bytes(), type=Policy)
    purging = replace(policy, audio=replace(policy.audio, record=False, existing="purge"))
    unit = msgspec.toml.decode((shipped() / "unit.toml").read_bytes(), type=Unit)
    both = [Settings(unit, {}, (Dated("policy.toml", one, "", {}),), one, "") for one in (policy, purging)]
    return both[0], both[1]


SETTINGS, PURGING = _settings()
SHORT_NS = st.sampled_from([STABLE_NS, STABLE_DAY_NS, H_NS, KEEP_UNSURE_NS]).flatmap(
    lambda ns: st.integers(-2, 2).map(lambda off: ns + off * NS)
) | st.integers(0, 3600).map(lambda seconds: seconds * NS)
LONG_NS = st.sampled_from([DAY_NS, 168 * H_NS, 672 * H_NS]).flatmap(
    lambda ns: st.integers(-2, 2).map(lambda off: ns + off)
) | st.integers(0, 700).map(lambda hours: hours * H_NS)
ERRORS_NS = st.integers(-10 * 365, 10 * 365).map(lambda days: days * DAY_NS) | st.integers(-90_000, 90_000).map(
    lambda seconds: seconds * NS
)
"""Ten years either way, or a day."""
BEHIND_NS = st.integers(-3 * 365, -1).map(lambda days: days * DAY_NS) | st.integers(-90_000, -2).map(lambda s: s * NS)


def _events(what: str, **args: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.fixed_dictionaries(args).map(lambda found: Event(what, found))


RECORD = _events(
    "record", terms_h=st.sampled_from([(1,), (168,), (168, 672), (168, 672), (336, 672), (24, 24)]),
    pre_s=st.integers(0, 120), elsewhere=st.sampled_from([False] * 7 + [True]),
)  # fmt: skip
WAIT = _events("wait", ns=SHORT_NS | LONG_NS)
THEN = st.sampled_from(["sync", "sync", "lose", "on"])
LIE = _events("lie", error_ns=BEHIND_NS | ERRORS_NS, for_ns=SHORT_NS, then=THEN)
CLOCKS = st.one_of(
    _events("sync"), _events("sync"), _events("lose"), _events("step", error_ns=ERRORS_NS), LIE, LIE,
    _events("flap", count=st.integers(1, 5), ns=SHORT_NS),
)  # fmt: skip
POWER = _events("power", off_ns=SHORT_NS | LONG_NS, error_ns=ERRORS_NS, clean=st.booleans())
OTHERS = st.one_of(
    _events("hold", which=st.integers(0, 9)),
    _events("release", which=st.integers(0, 9)),
    _events("disk", ok=st.booleans()),
    _events("policy", purge=st.booleans()),
    _events("gap", ns=SHORT_NS),
    _events("restart", off_ns=SHORT_NS, clean=st.booleans()),
    _events(
        "cycles", count=st.integers(1, 12) | st.integers(1, 12) | st.sampled_from([100, 300]),
        on_ns=st.integers(1, 1500).map(lambda s: s * NS), off_ns=SHORT_NS,
    ),
    _events("lose_files", which=st.sampled_from(["log", "counter", "both"]), off_ns=SHORT_NS),
)  # fmt: skip
BOOT = st.tuples(CLOCKS, WAIT, RECORD, WAIT | CLOCKS, OTHERS | WAIT | RECORD, CLOCKS | WAIT, WAIT, POWER)
"""One boot: something happens to the clock, time passes, a recording is made, something else, the power goes."""
EVENTS: st.SearchStrategy[list[Event]] = st.lists(BOOT, min_size=2, max_size=6).map(
    lambda boots: [event for boot in boots for event in boot]
)
"""A history: what happens, one after the other."""


def live(events: list[Event]) -> World:
    """A world, on a disk of its own in memory, and all of its history."""
    with (
        tempfile.TemporaryDirectory(prefix="spreekkamer-world-", dir="/dev/shm") as place,
        pytest.MonkeyPatch.context() as patches,
    ):
        world = World(Path(place), patches)
        world.live(events)
        return world
