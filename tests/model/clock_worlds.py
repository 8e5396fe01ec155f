"""A world in which a unit lives for years: true time, wrong clocks, cuts of the power, full disks, incidents.

The world knows what is true; the keeper in it has the pure model alone, and looks at clocks that may lie. After each
thing that happens, and at each deletion, the world judges: nothing early, nothing held, nothing late without a reason.

The one thing that a clock may not do here: call itself synchronised and be wrong for as long as the model waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from daemon.keeper.timekeeper import KEEP_NS, KEEP_UNSURE_NS
from daemon.model import timeline as model
from daemon.model.retention import Kept, due, next_expiry_ns
from daemon.model.timeline import DAY_NS, NS, STABLE_DAY_NS, STABLE_NS, Stamp
from hardware.ports import ClockReading

H_NS = 3600 * NS
YEAR_NS = 365 * DAY_NS
LOOK_NS = 10 * NS
"""The world's keeper looks this often while there is something to see; a real one each second."""
STARTS_NS = 20 * NS
"""From power-on until the keeper's first look."""
LATE_NS = 60 * NS


class Event(Struct, frozen=True):
    """Something that happens: a method of the world, and its arguments."""

    what: str
    args: Mapping[str, Any] = {}


class Made(Struct):
    """One track in the store, as the world knows it."""

    kept: Kept
    true_ns: int
    boot: int
    """Number of the boot."""
    held: bool = False
    released_ns: int = 0


class World:
    """Time is true nanoseconds since the world began; the first boot begins at once."""

    def __init__(self) -> None:
        self.true_ns, self.error_ns, self.synchronised = 10 * YEAR_NS, 0, False
        self.boot, self.booted_ns, self.truth_ns = 0, self.true_ns, 0
        self.disk_ok, self.disk_ns = True, 0
        self.gaps_ns: list[int] = []
        """After each boot: true time that its count and the next one's do not cover."""
        self.trusted: list[bool] = [False]
        """Of each boot: whether its clock was right, and said so, for as long as it takes."""
        self.trusted_ns = 0
        self.store: dict[str, Made] = {}
        self.timeline: model.Timeline | None = None
        self.kept_ns = 0
        self.deleted = self.cuts = self.lies = self.trusts = 0
        self.pass_time(STARTS_NS)
        self._start(None)

    # --- what happens -----------------------------------------------------------------------------------------------

    def live(self, events: list[Event]) -> None:
        """A whole history."""
        acts: dict[str, Callable[..., None]] = {
            name: getattr(self, name)
            for name in ("record", "wait", "power", "sync", "lose", "step", "lie", "hold", "release", "disk")
        }
        for event in events:
            acts[event.what](**event.args)
            self.wait(0)
            self.judge()

    def record(self, term_h: int, pre_s: int) -> None:
        """A recording of one track is made."""
        name = str(len(self.store) + self.deleted)
        oldest_ns = max(self.true_ns - pre_s * NS, self.booted_ns)
        kept = Kept(name, "audio", Stamp(str(self.boot), oldest_ns - self.booted_ns), term_h * H_NS)
        self.store[name] = Made(kept, oldest_ns, self.boot)

    def wait(self, ns: int) -> None:
        """Time passes with the power on, and the keeper does what it does."""
        until_ns = self.true_ns + ns
        while True:
            self._keeper_turn()
            if self.true_ns >= until_ns:
                return
            self.pass_time(min(until_ns - self.true_ns, self._sleeps_ns()))

    def power(self, off_ns: int, error_ns: int, *, clean: bool) -> None:
        """The power goes, asked for or not, and comes back with a clock that nobody has set."""
        assert self.timeline is not None
        boot_ns = self.true_ns - self.booted_ns
        counted_ns = boot_ns if clean else max(self.kept_ns, self._known_ns())
        self.cuts += not clean
        self.gaps_ns.append(off_ns + boot_ns - counted_ns)
        self.true_ns += off_ns
        self.boot, self.booted_ns = self.boot + 1, self.true_ns
        self.trusted.append(False)
        self.synchronised, self.error_ns, self.truth_ns, self.trusted_ns = False, error_ns, 0, 0
        before = model.Timeline(
            self.timeline.boot_id, counted_ns, self.timeline.boots, self.timeline.offset_ns, self.timeline.believed_ns
        )
        self.pass_time(STARTS_NS)
        self._start(before)

    def sync(self) -> None:
        """The time daemon sets the clock right."""
        self.error_ns, self.synchronised, self.truth_ns = 0, True, self.true_ns

    def lose(self) -> None:
        """The time daemon has lost its reference; the clock goes on as it was."""
        self.synchronised, self.truth_ns = False, 0

    def step(self, error_ns: int) -> None:
        """Somebody sets the clock, and the system knows that nobody vouches for it."""
        self.lose()
        self.error_ns = error_ns

    def lie(self, error_ns: int, for_ns: int) -> None:
        """The clock is wrong and says that it is right, but for less long than it takes; then the truth comes back."""
        assert self.timeline is not None
        offset_ns = self.true_ns + error_ns - model.powered_ns(self.timeline, self.true_ns - self.booted_ns)
        far = self.timeline.offset_ns is None or abs(offset_ns - self.timeline.offset_ns) > DAY_NS
        self.lies += 1
        self.error_ns, self.synchronised, self.truth_ns = error_ns, True, 0
        self.wait(min(for_ns, (STABLE_DAY_NS if far else STABLE_NS) - 1))
        self.lose()
        self.wait(0)

    def hold(self, which: int) -> None:
        """An incident holds a track."""
        if self.store:
            list(self.store.values())[which % len(self.store)].held = True

    def release(self, which: int) -> None:
        """It is over."""
        if self.store:
            made = list(self.store.values())[which % len(self.store)]
            made.held, made.released_ns = False, self.true_ns

    def disk(self, *, ok: bool) -> None:
        """The disk refuses deletions, or takes them again."""
        if ok and not self.disk_ok:
            self.disk_ns = self.true_ns
        self.disk_ok = ok

    # --- the keeper -------------------------------------------------------------------------------------------------

    def pass_time(self, ns: int) -> None:
        """Power on."""
        self.true_ns += ns

    def _reading(self) -> ClockReading:
        state: Any = "synchronised" if self.synchronised else "unsynchronised"
        return ClockReading(self.true_ns - self.booted_ns, self.true_ns + self.error_ns, state)

    def _start(self, before: model.Timeline | None) -> None:
        known = [made.kept.oldest for made in self.store.values()]
        self.timeline = model.start(before, str(self.boot), self.true_ns - self.booted_ns, known)
        self.kept_ns = self.true_ns - self.booted_ns
        self._keeper_turn()

    def _keeper_turn(self) -> None:
        assert self.timeline is not None
        now, before = self._reading(), self.timeline
        self.timeline = model.look(before, now)
        every_ns = KEEP_UNSURE_NS if self.timeline.believed_ns is None else KEEP_NS
        if self.timeline.believed_ns != before.believed_ns:
            self.kept_ns = now.boot_ns  # a line of the log
        if now.boot_ns - self.kept_ns >= every_ns:
            self.kept_ns = now.boot_ns - (now.boot_ns - self.kept_ns) % every_ns
        self._trust()
        if self.disk_ok:
            for late in due(self._kept(), self.timeline, now):
                self._delete(late.kept)

    def _kept(self) -> tuple[Kept, ...]:
        return tuple(
            Kept(made.kept.recording_id, "audio", made.kept.oldest, made.kept.term_ns, made.held)
            for made in self.store.values()
        )

    def _sleeps_ns(self) -> int:
        assert self.timeline is not None
        now = self._reading()
        seen = self.timeline.seen
        pending = self.synchronised if seen is None else not model.is_believed(self.timeline, seen.offset_ns)
        wait_ns = next_expiry_ns(self._kept(), self.timeline, now) if self.disk_ok else None
        return max(1, min(LOOK_NS if pending else YEAR_NS, YEAR_NS if wait_ns is None else wait_ns))

    def _known_ns(self) -> int:
        """What a recording of this boot shows of how long it ran."""
        mine = [made.kept.oldest.boot_ns for made in self.store.values() if made.boot == self.boot]
        return max(mine, default=0)

    def _gap_ns(self) -> int:
        """True time that has been lost since a boot whose clock was trusted."""
        last = max((n for n, trusted in enumerate(self.trusted) if trusted), default=-1)
        return sum(self.gaps_ns[max(0, last) :]) if last >= 0 else YEAR_NS

    # --- the judge --------------------------------------------------------------------------------------------------

    def _trust(self) -> None:
        """Whether the clock has been right, and has said so, for as long as it takes."""
        if self.trusted[self.boot] or not self.truth_ns:
            return
        needed_ns = STABLE_NS if self._gap_ns() <= DAY_NS else STABLE_DAY_NS
        if self.true_ns - self.truth_ns >= needed_ns + LOOK_NS:
            self.trusted[self.boot], self.trusted_ns, self.trusts = True, self.true_ns, self.trusts + 1

    def _delete(self, kept: Kept) -> None:
        made = self.store.pop(kept.recording_id)
        self.deleted += 1
        assert self.true_ns - made.true_ns >= kept.term_ns, "deleted early"
        assert not made.held, "deleted although it is held"
        self._judge(made)

    def judge(self) -> None:
        """Everything that is still there."""
        for made in self.store.values():
            if not made.held and self.disk_ok:
                self._judge(made)

    def _judge(self, made: Made) -> None:
        """Kept beyond its term by no more than a minute in which the unit could know it, and could delete."""
        excess_ns = self.true_ns - made.true_ns - self._unprovable_ns(made.boot) - made.kept.term_ns
        reasons_ns = (self.true_ns - excess_ns, self.booted_ns, self.trusted_ns, self.disk_ns, made.released_ns)
        late_ns = self.true_ns - max(reasons_ns)
        assert excess_ns <= 0 or late_ns <= LATE_NS, f"kept {late_ns / NS} s too long"

    def _unprovable_ns(self, boot: int) -> int:
        """Time after a boot that nothing proves: until a clock was first trusted, and after it was last."""
        trusted = [n for n in range(boot, self.boot + 1) if self.trusted[n]]
        if not trusted:
            return sum(self.gaps_ns[boot:])
        return sum(self.gaps_ns[boot : trusted[0]]) + sum(self.gaps_ns[trusted[-1] :])


SHORT_NS = st.sampled_from([STABLE_NS, STABLE_DAY_NS, H_NS, KEEP_UNSURE_NS]).flatmap(
    lambda ns: st.integers(-2, 2).map(lambda off: ns + off)
) | st.integers(0, 3600).map(lambda seconds: seconds * NS)
LONG_NS = st.sampled_from([DAY_NS, 168 * H_NS, 672 * H_NS]).flatmap(
    lambda ns: st.integers(-2, 2).map(lambda off: ns + off)
) | st.integers(0, 700).map(lambda hours: hours * H_NS)
ERRORS_NS = st.integers(-10 * 365, 10 * 365).map(lambda days: days * DAY_NS) | st.integers(-90_000, 90_000).map(
    lambda seconds: seconds * NS
)
"""Ten years either way, or a day."""
RECORD = st.builds(
    lambda term_h, pre_s: Event("record", {"term_h": term_h, "pre_s": pre_s}),
    st.sampled_from([1, 168, 168, 672]), st.integers(0, 120),
)  # fmt: skip
WAIT = st.builds(lambda ns: Event("wait", {"ns": ns}), SHORT_NS | LONG_NS)
CLOCKS = st.one_of(
    st.just(Event("sync")),
    st.just(Event("sync")),
    st.just(Event("lose")),
    st.builds(lambda ns: Event("step", {"error_ns": ns}), ERRORS_NS),
    st.builds(lambda error_ns, ns: Event("lie", {"error_ns": error_ns, "for_ns": ns}), ERRORS_NS, SHORT_NS),
)
POWER = st.builds(
    lambda off_ns, error_ns, clean: Event("power", {"off_ns": off_ns, "error_ns": error_ns, "clean": clean}),
    SHORT_NS | LONG_NS, ERRORS_NS, st.booleans(),
)  # fmt: skip
OTHERS = st.one_of(
    st.builds(lambda n: Event("hold", {"which": n}), st.integers(0, 9)),
    st.builds(lambda n: Event("release", {"which": n}), st.integers(0, 9)),
    st.builds(lambda ok: Event("disk", {"ok": ok}), st.booleans()),
)
BOOT = st.tuples(CLOCKS, WAIT, RECORD, WAIT | CLOCKS, OTHERS | WAIT | RECORD, CLOCKS | WAIT, WAIT, POWER)
"""One boot: something happens to the clock, time passes, a recording is made, something else, the power goes."""
EVENTS: st.SearchStrategy[list[Event]] = st.lists(BOOT, min_size=2, max_size=6).map(
    lambda boots: [event for boot in boots for event in boot]
)
"""A history: what happens, one after the other."""
