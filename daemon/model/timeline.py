# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How old things are, as far as the unit can prove it: powered-on time across boots, and the time it was off.

Invariant (promise K4): a second counts if the unit was powered, or if a believed UTC shows that it has passed. A UTC is
believed once the system has called it synchronised for a while, without a break and without a step.

    UTC        |---- boot a ----|....off....|-- boot b --|..off..|---- boot c ----…
    powered    |---- boot a ----|-- boot b --|---- boot c ----…        grows only while powered
    offset     UTC - powered: the same all through a boot, grows by each time off

An age is the powered-on time since, plus the growth of the offset since. A wrong clock adds nothing; one that was wrong
for so long that it was believed is corrected completely, in either direction, when another UTC is believed: each boot's
own belief is kept beside the derived values, and nothing is derived from a derived value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hardware.ports import ClockReading

NS = 1_000_000_000
STEP_NS = NS
"""Two looks that differ by more have a step between them. A time daemon slews smaller differences: at most half a
second in 1,000 s."""
DAY_NS = 86_400 * NS
STABLE_NS = 150 * NS
"""A UTC within a day of the believed one must be stable this long: longer than two of the shortest polls of
systemd-timesyncd (32 and 64 s) and of chrony (64 and 64 s), so that no single wrong answer deletes anything."""
STABLE_DAY_NS = 600 * NS
"""The same for one that is further off, or the first. systemd-timesyncd polls again after 32, 64, 128 and 256 s: in ten
minutes a wrong answer has been corrected three times."""
LOOK_NS = 15 * NS
"""Looks further apart than this missed what was between them: under half of a time daemon's shortest poll."""
UNCOUNTED_NS = 3600 * NS
"""The longest uncounted time at the end of a boot: the keeper saves its count once an hour."""
DRIFT_NS = 300 * NS
"""How far a true offset can seem to fall: without a time daemon, a crystal that is 50 ppm fast gains a minute in two
weeks. Within this the higher of two offsets is used, so that nothing gets older than it was."""
DATED_NS = 60 * NS
"""A date further than this from the unit's count is replaced, even if its clock was trusted."""
NEVER_NS = 2**63
BELIEFS_MAX = 64
"""Boots that stay for what they believed: two a day through the four weeks of a term. A start goes through them for
each boot that the log knows of: a second for ten years of such."""
BEFORE = ""
"""Stands for the boots before the first known one, if a UTC was believed in one of them."""


class Stamp(Struct, frozen=True):
    """A moment: nanoseconds on the boot clock of one boot."""

    boot_id: str
    boot_ns: int


class Boot(Struct, frozen=True):
    """What is known of one boot."""

    began_ns: int
    """Powered-on time counted when its boot clock was 0."""
    offset_ns: int | None = None
    """UTC minus powered-on time, by everything believed now; None: unknown yet."""
    own_ns: int | None = None
    """The same as last believed in this boot itself; None: never. No later belief changes it."""
    adopted: bool = False
    """It was found before the boot that follows it here, and `own_ns` comes from a recording's clock."""

    @property
    def exact(self) -> bool:
        """Whether the offset was believed in this boot itself. An offset from a later boot is only an upper limit."""
        return self.own_ns is not None and self.own_ns == self.offset_ns and not self.adopted


class Date(Struct, frozen=True):
    """Date of a moment, for a person."""

    wall_ns: int
    by: Literal["clock", "count", "latest", "unsure"]
    """`clock`: its own clock, which was synchronised or agrees with the count. `count`: the unit's count from a UTC
    believed in the same boot. `latest`: from a later boot, so it was then or earlier. `unsure`: its own clock, which
    was not synchronised, for lack of anything better."""


class Candidate(Struct, frozen=True):
    """An offset that has been seen and is not believed yet."""

    offset_ns: int
    since_ns: int
    """Boot time of the first look that saw it."""


class Timeline(Struct, frozen=True):
    """Everything that a unit knows about time. The mappings are never changed in place."""

    boot_id: str
    looked_ns: int
    """Boot time of the last look: powered-on time is counted up to here."""
    boots: Mapping[str, Boot]
    """In order: boots in which something in the store was made, boots that date them, and this one."""
    offset_ns: int | None = None
    """As last believed, in this boot or an earlier one: UTC minus powered-on time is at least this."""
    believed_ns: int | None = None
    """Boot time at which UTC was first believed in this boot, or after its last step; None: not in this boot."""
    seen: Candidate | None = None


def start(before: Timeline | None, boot_id: str, boot_ns: int, known: Collection[Stamp] = ()) -> Timeline:
    """Continue from what was kept, in the same boot or the next. `known`: moments that certainly existed.

    Time between the last look and a power cut is not counted. A known moment proves that it passed, up to the longest
    time that the keeper can have failed to count: no recording can make the others older than that.
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
    """Look at the clocks. A new `offset_ns`, or the first in this boot, is a newly believed UTC."""
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
    """Whether this is the UTC already believed in this boot."""
    believed_ns = timeline.boots[timeline.boot_id].own_ns
    return believed_ns is not None and abs(offset_ns - believed_ns) <= STEP_NS


def stable_ns(timeline: Timeline, offset_ns: int) -> int:
    """How long a UTC must be stable before it is believed."""
    near = timeline.offset_ns is not None and abs(offset_ns - timeline.offset_ns) <= DAY_NS
    return STABLE_NS if near else STABLE_DAY_NS


def believe(timeline: Timeline, offset_ns: int, boot_ns: int) -> Timeline:
    """Believe a UTC, for this boot and for the boots that it dates; this boot's earlier belief is forgotten."""
    mine = replace(timeline.boots[timeline.boot_id], own_ns=offset_ns)
    boots = {**timeline.boots, timeline.boot_id: mine}
    return replace(timeline, boots=settled(boots, offset_ns), offset_ns=offset_ns, believed_ns=boot_ns)


def settled(boots: Mapping[str, Boot], now_ns: int | None) -> dict[str, Boot]:
    """Derive each boot's offset anew, from what each boot believed itself and from the current belief.

    Time off is never negative, so true offsets never fall from one boot to the next. An offset beyond the current one
    was a UTC ahead. If one is below that of an earlier boot, either it was behind or the earlier one was ahead: the
    later one is not used, because then nothing gets older than it was. A boot without a usable offset gets its upper
    limit: the offset of the next one that has any.
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
    """Take in an unknown boot: the newest thing made in it counts as made now.

    `claimed_ns`: UTC minus boot time by a clock that claimed to be synchronised; of several the largest.
    """
    began_ns = powered_ns(timeline, timeline.looked_ns) - newest.boot_ns
    return take_adopted(timeline, boot_id, began_ns, None if claimed_ns is None else claimed_ns - began_ns)


def take_adopted(
    timeline: Timeline, boot_id: str, began_ns: int, own_ns: int | None, *, believed: bool = False
) -> Timeline:
    """The same from the log. `believed`: the unit itself believed `own_ns` in that boot."""
    boots = {name: boot for name, boot in timeline.boots.items() if name not in {boot_id, timeline.boot_id}}
    boots[boot_id] = Boot(began_ns, own_ns, own_ns, adopted=not believed)  # found in this boot, so made before it
    boots[timeline.boot_id] = timeline.boots[timeline.boot_id]
    return replace(timeline, boots=settled(boots, timeline.offset_ns))


def keep(timeline: Timeline, boot_ids: Collection[str]) -> Timeline:
    """Drop boots of which nothing is left, and by which nothing that is left is dated or may come to be.

    Any belief may prove a later one wrong, so the newest stay whatever they say: the one before a recording's can be
    as wrong as its own.
    """
    wanted = {*boot_ids, timeline.boot_id}
    believed = [boot_id for boot_id, boot in timeline.boots.items() if boot.own_ns is not None and not boot.adopted]
    dating, last, owed = set(believed[-BELIEFS_MAX:]), "", False
    for boot_id, boot in timeline.boots.items():
        if boot_id in wanted and last:
            dating.add(last)  # a UTC that fell below this one was wrong
        if boot.own_ns is not None and not boot.adopted:
            if owed:
                dating.add(boot_id)  # the upper limit of earlier boots
            last, owed = boot_id, False
        owed = owed or boot_id in wanted
    kept = {boot_id: boot for boot_id, boot in timeline.boots.items() if boot_id in wanted or boot_id in dating}
    return replace(timeline, boots=kept)


def powered_ns(timeline: Timeline, boot_ns: int) -> int:
    """Powered-on time counted up to this boot time of this boot."""
    return timeline.boots[timeline.boot_id].began_ns + boot_ns


def utc_ns(timeline: Timeline, stamp: Stamp) -> int | None:
    """UTC of a moment, as far as known: the moment was then, or earlier. None: unknown yet."""
    boot = timeline.boots.get(stamp.boot_id)
    if boot is None or boot.offset_ns is None:
        return None
    return boot.began_ns + boot.offset_ns + stamp.boot_ns


def date(boots: Mapping[str, Boot], stamp: Stamp, claimed_ns: int, *, trusted: bool) -> Date:
    """Date a moment, from the time that its clock claimed and from what has been counted since.

    `trusted`: its clock claimed to be synchronised.
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
    """Minimum time passed since a moment; 0 if nothing is known of its boot."""
    boot = timeline.boots.get(stamp.boot_id)
    if boot is None:
        return 0
    off_ns = 0
    if timeline.offset_ns is not None and boot.offset_ns is not None:
        off_ns = max(0, timeline.offset_ns - boot.offset_ns)
    return max(0, powered_ns(timeline, boot_ns) - boot.began_ns - stamp.boot_ns + off_ns)
