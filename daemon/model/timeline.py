# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How old things are, as far as the unit can prove it: powered-on time across boots, and the time that it was off.

The law here (promise K4): a second counts when the unit was powered, or when a UTC that is believed shows that it has
passed. UTC is believed when the system has called it synchronised, without a break and without a step, for a while.

    UTC        |---- boot a ----|....off....|-- boot b --|..off..|---- boot c ----…
    powered    |---- boot a ----|-- boot b --|---- boot c ----…        grows only while powered
    offset     UTC - powered: the same all through a boot, grows by each time off

So an age is the powered-on time since, and the growth of the offset since. A clock that is wrong adds nothing; one that
was wrong for so long that it was believed is taken back whole, in either direction, when another UTC is believed: what
each boot believed itself is kept beside what is made of it, and nothing is worked out from a worked-out figure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hardware.ports import ClockReading

NS = 1_000_000_000
STEP_NS = NS
"""Two looks that differ by more have a step between them. A time daemon slews what is smaller: half a second at the
most, in 1,000 s."""
DAY_NS = 86_400 * NS
STABLE_NS = 150 * NS
"""A UTC that is less than a day off what was believed must stand this long: longer than two of the shortest polls of
systemd-timesyncd (32 and 64 s) and of chrony (64 and 64 s), so that no single wrong answer deletes anything."""
STABLE_DAY_NS = 600 * NS
"""One that is further off, or the first of all. systemd-timesyncd asks again after 32, 64, 128 and 256 s: in ten
minutes a wrong answer has been corrected three times over."""
LOOK_NS = 15 * NS
"""Looks further apart than this saw nothing of what was between them: under half of a time daemon's shortest poll."""
UNCOUNTED_NS = 3600 * NS
"""The most that a boot can have run beyond what was counted of it: the keeper writes its count once an hour."""
DRIFT_NS = 300 * NS
"""So far a true offset can seem to fall: a crystal that is 50 ppm fast gains a minute in two weeks without a time
daemon. Within it the higher of two is taken, so that nothing is older than it was."""
DATED_NS = 60 * NS
"""A date that is further off than this from what the unit counted is replaced, also where its clock was trusted."""
NEVER_NS = 2**63
BEFORE = ""
"""The boots before the first that is known, where a UTC was believed in one of them."""


class Stamp(Struct, frozen=True):
    """A moment: nanoseconds on the boot clock of one boot."""

    boot_id: str
    boot_ns: int


class Boot(Struct, frozen=True):
    """What is known of one boot."""

    began_ns: int
    """Powered-on time that had been counted when its boot clock stood at 0."""
    offset_ns: int | None = None
    """UTC minus powered-on time, by everything that is believed now; None: nothing is known yet."""
    own_ns: int | None = None
    """The same as it was believed last in this boot itself; None: it never was. No later belief changes it."""
    adopted: bool = False
    """It was found before the boot that follows it here, and `own_ns` is what a recording's clock said."""

    @property
    def exact(self) -> bool:
        """Whether the offset was believed in this boot itself. One from a later boot is the most that it can be."""
        return self.own_ns is not None and self.own_ns == self.offset_ns and not self.adopted


class Date(Struct, frozen=True):
    """When something was, for a person."""

    wall_ns: int
    by: Literal["clock", "count", "latest", "unsure"]
    """`clock`: its own clock, which followed a reference or agrees with the count. `count`: the unit's count from a UTC
    that was believed in the same boot. `latest`: in a later boot, so that it was then or earlier. `unsure`: its own
    clock, which followed no reference, and nothing better is known."""


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
    """In their order: those that anything in the store was made in, those that these are dated by, and this one."""
    offset_ns: int | None = None
    """As believed last, in this boot or an earlier one: UTC is at least this much more than the powered-on time."""
    believed_ns: int | None = None
    """Boot time at which UTC was believed first in this boot, or after its last step; None: not in this boot."""
    seen: Candidate | None = None


def start(before: Timeline | None, boot_id: str, boot_ns: int, known: Collection[Stamp] = ()) -> Timeline:
    """Goes on from what was kept, in the same boot or the next. `known`: moments that are known to have been.

    What ran between the last look and a cut of the power is not counted; a moment that is known shows that it ran, as
    far as the keeper can have failed to count it: no recording can make the others older than that.
    """
    if before is None:
        return Timeline(boot_id, boot_ns, {boot_id: Boot(0)})
    if boot_id == before.boot_id:
        return replace(before, looked_ns=max(boot_ns, before.looked_ns), seen=None)
    counted_ns = before.boots[before.boot_id].began_ns + before.looked_ns
    moments = [before.boots[stamp.boot_id].began_ns + stamp.boot_ns for stamp in known if stamp.boot_id in before.boots]
    began_ns = max(counted_ns, min(max(moments, default=0), counted_ns + UNCOUNTED_NS))
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
    believed_ns = timeline.boots[timeline.boot_id].own_ns
    return believed_ns is not None and abs(offset_ns - believed_ns) <= STEP_NS


def stable_ns(timeline: Timeline, offset_ns: int) -> int:
    """How long a UTC must stand before it is believed."""
    near = timeline.offset_ns is not None and abs(offset_ns - timeline.offset_ns) <= DAY_NS
    return STABLE_NS if near else STABLE_DAY_NS


def believe(timeline: Timeline, offset_ns: int, boot_ns: int) -> Timeline:
    """UTC is known, for this boot and for what it dates of the others; what this boot believed before is forgotten."""
    mine = replace(timeline.boots[timeline.boot_id], own_ns=offset_ns)
    boots = {**timeline.boots, timeline.boot_id: mine}
    return replace(timeline, boots=settled(boots, offset_ns), offset_ns=offset_ns, believed_ns=boot_ns)


def settled(boots: Mapping[str, Boot], now_ns: int | None) -> dict[str, Boot]:
    """Every boot with its offset, worked out anew from what each believed itself and from what is believed now.

    Time off is never less than nothing, so the true offsets never fall from a boot to the next. One beyond what is
    believed now was a UTC ahead; one below that of an earlier boot was a UTC behind, or the earlier one was ahead: of
    the two the later is not used, because then nothing is older than it was. A boot of which nothing is used has the
    most that it can have been: the offset of the next that is.
    """
    if now_ns is None:
        return dict(boots)
    used: dict[str, int] = {}
    for boot_id, boot in boots.items():
        if boot.adopted or boot.own_ns is None or boot.own_ns > now_ns + STEP_NS:
            continue
        highest_ns = next(reversed(used.values()), boot.own_ns)
        if boot.own_ns >= highest_ns - DRIFT_NS:
            used[boot_id] = max(boot.own_ns, highest_ns)
    found, next_ns, believed = list[tuple[str, Boot]](), now_ns, False
    for boot_id, boot in reversed(list(boots.items())):
        believed = believed or (boot.own_ns is not None and not boot.adopted)
        next_ns = min(used.get(boot_id, next_ns), next_ns)
        offset_ns = next_ns if believed else None
        if boot.adopted and boot.own_ns is not None:
            offset_ns = min(boot.own_ns, next_ns)
        found.append((boot_id, replace(boot, offset_ns=offset_ns)))
    return dict(reversed(found))


def adopt(timeline: Timeline, boot_id: str, newest: Stamp, claimed_ns: int | None) -> Timeline:
    """Takes up a boot that nothing is known of: the newest thing that was made in it counts as made now.

    `claimed_ns`: UTC minus boot time, as a clock that called itself synchronised had it there; of several the largest.
    """
    began_ns = powered_ns(timeline, timeline.looked_ns) - newest.boot_ns
    return take_adopted(timeline, boot_id, began_ns, None if claimed_ns is None else claimed_ns - began_ns)


def take_adopted(
    timeline: Timeline, boot_id: str, began_ns: int, own_ns: int | None, *, believed: bool = False
) -> Timeline:
    """The same, as it was written down. `believed`: the unit itself believed `own_ns` in that boot."""
    boots = {name: boot for name, boot in timeline.boots.items() if name not in {boot_id, timeline.boot_id}}
    boots[boot_id] = Boot(began_ns, own_ns, own_ns, adopted=not believed)  # found in this boot, so made before it
    boots[timeline.boot_id] = timeline.boots[timeline.boot_id]
    return replace(timeline, boots=settled(boots, timeline.offset_ns))


def keep(timeline: Timeline, boot_ids: Collection[str]) -> Timeline:
    """Lets go of the boots that nothing is left of, and by which nothing that is left is dated."""
    wanted = {*boot_ids, timeline.boot_id}
    dating, last, owed = set[str](), "", False
    for boot_id, boot in timeline.boots.items():
        if boot_id in wanted and last:
            dating.add(last)  # a UTC that fell behind this one was wrong
        if boot.own_ns is not None and not boot.adopted:
            if owed:
                dating.add(boot_id)  # the most that an earlier boot can have been
            last, owed = boot_id, False
        owed = owed or boot_id in wanted
    kept = {boot_id: boot for boot_id, boot in timeline.boots.items() if boot_id in wanted or boot_id in dating}
    return replace(timeline, boots=kept)


def powered_ns(timeline: Timeline, boot_ns: int) -> int:
    """Powered-on time that has been counted at this boot time of this boot."""
    return timeline.boots[timeline.boot_id].began_ns + boot_ns


def utc_ns(timeline: Timeline, stamp: Stamp) -> int | None:
    """UTC of a moment, as far as it is known: the moment was then, or earlier. None: nothing is known yet."""
    boot = timeline.boots.get(stamp.boot_id)
    if boot is None or boot.offset_ns is None:
        return None
    return boot.began_ns + boot.offset_ns + stamp.boot_ns


def date(boots: Mapping[str, Boot], stamp: Stamp, claimed_ns: int, *, trusted: bool) -> Date:
    """When a moment was, out of what its clock claimed then and what has been counted since.

    `trusted`: the clock of that moment called itself synchronised.
    """
    boot = boots.get(stamp.boot_id)
    claimed = Date(claimed_ns, "clock" if trusted else "unsure")
    if boot is None or boot.offset_ns is None:
        return claimed
    found_ns = boot.began_ns + boot.offset_ns + stamp.boot_ns
    if boot.exact:
        is_near = abs(found_ns - claimed_ns) <= DATED_NS
        return Date(claimed_ns, "clock") if is_near else Date(found_ns, "count")
    earliest_ns = None
    for boot_id, before in boots.items():
        if boot_id == stamp.boot_id:
            break
        if before.exact and before.offset_ns is not None:
            earliest_ns = boot.began_ns + before.offset_ns + stamp.boot_ns
    if claimed_ns <= found_ns + DATED_NS and (trusted or (earliest_ns is not None and earliest_ns <= claimed_ns)):
        return claimed
    return Date(found_ns, "latest")


def age_ns(timeline: Timeline, stamp: Stamp, boot_ns: int) -> int:
    """How much time has passed since a moment, at the least; 0 for one of a boot that nothing is known of."""
    boot = timeline.boots.get(stamp.boot_id)
    if boot is None:
        return 0
    off_ns = 0
    if timeline.offset_ns is not None and boot.offset_ns is not None:
        off_ns = max(0, timeline.offset_ns - boot.offset_ns)
    return max(0, powered_ns(timeline, boot_ns) - boot.began_ns - stamp.boot_ns + off_ns)
