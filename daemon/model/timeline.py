"""How old things are, as far as the unit can prove it: powered-on time across boots, and the time that it was off.

The law here (promise K4): a second counts when the unit was powered, or when a UTC that is believed shows that it has
passed. UTC is believed when the system has called it synchronised, without a break and without a step, for a while.

    UTC        |---- boot a ----|....off....|-- boot b --|..off..|---- boot c ----…
    powered    |---- boot a ----|-- boot b --|---- boot c ----…        grows only while powered
    offset     UTC - powered: the same all through a boot, grows by each time off

So an age is the powered-on time since, and the growth of the offset since. A clock that is wrong adds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace

from hardware.ports import ClockReading

NS = 1_000_000_000
STEP_NS = NS
"""Two looks that differ by more have a step between them. A time daemon slews what is smaller: half a second at the
most, in 1,000 s."""
DAY_NS = 86_400 * NS
STABLE_NS = 30 * NS
"""A UTC that is less than a day off what was believed must stand this long: with it a deletion is still within the
minute that promise K1 gives, counted from the moment at which the system said that its clock is right."""
STABLE_DAY_NS = 600 * NS
"""One that is further off, or the first of all. systemd-timesyncd asks again after 32, 64, 128 and 256 s: in ten
minutes a wrong answer has been corrected three times over."""
LOOK_NS = 15 * NS
"""Looks further apart than this saw nothing of what was between them: half of the shortest time that UTC must stand."""


class Stamp(Struct, frozen=True):
    """A moment: nanoseconds on the boot clock of one boot."""

    boot_id: str
    boot_ns: int


class Boot(Struct, frozen=True):
    """What is known of one boot."""

    began_ns: int
    """Powered-on time that had been counted when its boot clock stood at 0."""
    offset_ns: int | None = None
    """UTC minus powered-on time, as first believed in this boot or after it; None: not yet."""
    exact: bool = False
    """Believed in this boot itself. One from a later boot is the most that it can have been."""


class Candidate(Struct, frozen=True):
    """An offset that has been seen and is not believed yet."""

    offset_ns: int
    since_ns: int
    """Boot time of the first look that saw it."""


class Timeline(Struct, frozen=True):
    """All that a unit knows of time. The mappings are never changed in place."""

    boot_id: str
    looked_ns: int
    """Boot time of the last look: powered-on time is counted as far as this."""
    boots: Mapping[str, Boot]
    """The boots that anything in the store was made in, and this one."""
    offset_ns: int | None = None
    """As believed last, in this boot or an earlier one: UTC is at least this much more than the powered-on time."""
    believed_ns: int | None = None
    """Boot time at which UTC was believed first in this boot, or after its last step; None: not in this boot."""
    seen: Candidate | None = None


def start(before: Timeline | None, boot_id: str, boot_ns: int, known: Collection[Stamp] = ()) -> Timeline:
    """Goes on from what was kept, in the same boot or the next. `known`: moments that are known to have been.

    What ran between the last look and a cut of the power is not counted; a moment that is known shows that it ran.
    """
    if before is None:
        return Timeline(boot_id, boot_ns, {boot_id: Boot(0)})
    if boot_id == before.boot_id:
        return replace(before, looked_ns=max(boot_ns, before.looked_ns), seen=None)
    moments = [before.boots[stamp.boot_id].began_ns + stamp.boot_ns for stamp in known if stamp.boot_id in before.boots]
    began_ns = max(moments, default=0)
    began_ns = max(began_ns, before.boots[before.boot_id].began_ns + before.looked_ns)
    return Timeline(boot_id, boot_ns, {**before.boots, boot_id: Boot(began_ns)}, before.offset_ns)


def look(timeline: Timeline, now: ClockReading) -> Timeline:
    """A look at the clocks. Another `offset_ns` than before, or a first one in this boot, is a UTC that is believed."""
    gap = now.boot_ns - timeline.looked_ns > LOOK_NS
    timeline = replace(timeline, looked_ns=max(now.boot_ns, timeline.looked_ns))
    if now.state != "synchronised":
        return replace(timeline, seen=None)
    offset_ns, seen = now.wall_ns - powered_ns(timeline, now.boot_ns), timeline.seen
    if seen is None or gap or abs(offset_ns - seen.offset_ns) > STEP_NS:
        return replace(timeline, seen=Candidate(offset_ns, now.boot_ns))
    if is_believed(timeline, seen.offset_ns) or now.boot_ns - seen.since_ns < stable_ns(timeline, seen.offset_ns):
        return timeline
    return believe(timeline, seen.offset_ns, now.boot_ns)


def is_believed(timeline: Timeline, offset_ns: int) -> bool:
    """Whether this is the UTC that is believed in this boot already."""
    believed_ns = timeline.boots[timeline.boot_id].offset_ns
    return believed_ns is not None and abs(offset_ns - believed_ns) <= STEP_NS


def stable_ns(timeline: Timeline, offset_ns: int) -> int:
    """How long a UTC must stand before it is believed."""
    near = timeline.offset_ns is not None and abs(offset_ns - timeline.offset_ns) <= DAY_NS
    return STABLE_NS if near else STABLE_DAY_NS


def believe(timeline: Timeline, offset_ns: int, boot_ns: int) -> Timeline:
    """UTC is known: for this boot, and for every earlier one that had none.

    No earlier boot can be ahead of this one, because time off is never less than nothing: one that was had a wrong UTC.
    """
    boots = {
        boot_id: boot if boot.offset_ns is not None and boot.offset_ns <= offset_ns else Boot(boot.began_ns, offset_ns)
        for boot_id, boot in timeline.boots.items()
    }
    boots[timeline.boot_id] = Boot(boots[timeline.boot_id].began_ns, offset_ns, exact=True)
    return replace(timeline, boots=boots, offset_ns=offset_ns, believed_ns=boot_ns)


def adopt(timeline: Timeline, boot_id: str, newest: Stamp, newest_wall_ns: int | None) -> Timeline:
    """Takes up a boot that nothing is known of: the newest thing that was made in it counts as made now.

    `newest_wall_ns`: what a clock that called itself synchronised said then. Later than now is no time to count from.
    """
    began_ns = powered_ns(timeline, timeline.looked_ns) - newest.boot_ns
    offset_ns = None
    if newest_wall_ns is not None:
        offset_ns = newest_wall_ns - began_ns - newest.boot_ns
        if timeline.offset_ns is not None:
            offset_ns = min(offset_ns, timeline.offset_ns)
    return replace(timeline, boots={**timeline.boots, boot_id: Boot(began_ns, offset_ns)})


def keep(timeline: Timeline, boot_ids: Collection[str]) -> Timeline:
    """Lets go of the boots that nothing is left of."""
    wanted = {*boot_ids, timeline.boot_id}
    return replace(timeline, boots={boot_id: boot for boot_id, boot in timeline.boots.items() if boot_id in wanted})


def powered_ns(timeline: Timeline, boot_ns: int) -> int:
    """Powered-on time that has been counted at this boot time of this boot."""
    return timeline.boots[timeline.boot_id].began_ns + boot_ns


def utc_ns(timeline: Timeline, stamp: Stamp) -> int | None:
    """UTC of a moment, as far as it is known: the moment was then, or earlier. None: nothing is known yet."""
    boot = timeline.boots.get(stamp.boot_id)
    if boot is None or boot.offset_ns is None:
        return None
    return boot.began_ns + boot.offset_ns + stamp.boot_ns


def age_ns(timeline: Timeline, stamp: Stamp, boot_ns: int) -> int:
    """How much time has passed since a moment, at the least; 0 for one of a boot that nothing is known of."""
    boot = timeline.boots.get(stamp.boot_id)
    if boot is None:
        return 0
    off_ns = 0
    if timeline.offset_ns is not None and boot.offset_ns is not None:
        off_ns = max(0, timeline.offset_ns - boot.offset_ns)
    return max(0, powered_ns(timeline, boot_ns) - boot.began_ns - stamp.boot_ns + off_ns)
