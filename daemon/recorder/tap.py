# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The tap that a trigger opens: which part of the ring belongs to a recording, and the recording's first record."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from daemon import records
from daemon.config import Settings
from daemon.model.events import StartRecording
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Item, Ring, Sealed, begin_ns
from daemon.recorder.seal import Key
from hardware.ports import Clock, Track

NS = 1_000_000_000
OPEN_NS = 2 * NS
"""A segment that is open at the trigger began at most this long before it: a second, plus a late key frame."""


class Tap(msgspec.Struct):
    """The open recording."""

    start: StartRecording
    until_ns: int
    alarm: bool
    test: bool
    given_ns: dict[Track, int]
    """How far each track has been handed to the writer; where it begins, if nothing has been handed over yet."""
    done: set[Track]
    """Tracks whose last segment has been handed to the writer."""
    head_ns: int
    begins_ns: Mapping[Track, int]
    """Where each track of this part begins, at the earliest."""
    lines: int = 0
    head: str = ""
    closing: bool = False

    def own(self, item: Item) -> Item:
        """The item, or of a hole what lies in this part: a device that comes back may have been away for days."""
        if isinstance(item, Hole):
            return replace(item, from_ns=max(item.from_ns, min(self.begins_ns[item.track], item.to_ns)))
        return item


def pre_event(
    ring: Ring, tracks: tuple[Track, ...], start: StartRecording, written_ns: Mapping[Track, int], from_ns: int
) -> tuple[Item, ...]:
    """The ring's items since the event was to begin, without those that a recording has already (`written_ns`).

    A hole begins no earlier either: when the use before ended is nobody's business.

    `from_ns`: the trigger minus the pre-event time; for a continued part, that of the event's first part.
    """

    def since(track: Track) -> list[Item]:
        had_ns = written_ns.get(track, 0)
        return [
            replace(item, from_ns=max(item.from_ns, had_ns, from_ns)) if isinstance(item, Hole) else item
            for item in ring.since(track, max(from_ns, had_ns))
            if from_ns < start.trigger_ns or not isinstance(item, Sealed) or item.t0_ns >= start.trigger_ns
        ]

    return tuple(sorted((item for track in tracks for item in since(track)), key=begin_ns))


def begin_record(
    settings: Settings, clock: Clock, keys: Mapping[Track, Key | None], start: StartRecording,
    items: tuple[Item, ...], *, simulated: bool,
) -> records.Begin:  # fmt: skip
    """The first record of a recording. A track's term counts from its oldest frame in it.

    `keys`: its tracks, and what each is sealed to now; None: its first key is being made.

    No time in it is later than now, whatever a device's stamps say.
    """
    now, policy, tracks = clock.read(), settings.policy, tuple(keys)
    used = [*(item.key for item in items if isinstance(item, Sealed)), *keys.values()]
    slips = tuple(dict.fromkeys(key.slip for key in used if key is not None and key.slip))

    def track_begin(track: Track) -> records.TrackBegin:
        starts = [item.t0_ns for item in items if isinstance(item, Sealed) and item.track == track]
        newest_ns = max(min(start.trigger_ns, now.boot_ns), now.boot_ns - OPEN_NS)  # new items are younger than this
        oldest_ns = min(*starts, now.boot_ns) if starts else newest_ns - OPEN_NS
        term_h = (policy.audio if track == "audio" else policy.video).term_h
        return records.TrackBegin(now.wall_ns - (now.boot_ns - oldest_ns), oldest_ns, term_h)

    return records.Begin(
        recording_id=start.recording_id,
        unit=settings.unit.name(),
        policy=policy.name,
        policy_sha256=settings.policy_sha256,
        boot_id=clock.boot_id(),
        clock=now.state,
        at_wall_ns=now.wall_ns,
        at_boot_ns=now.boot_ns,
        trigger_boot_ns=min(start.trigger_ns, now.boot_ns),
        pre_event_s=start.pre_event_ns / NS,
        alarm=start.alarm,
        continues=start.continues,
        tracks={track: track_begin(track) for track in tracks},
        groups=policy.recipients(),
        previous_head="",
        test=start.test,
        simulated=simulated,
        channel_names=("audio" in tracks and settings.unit.microphone.channel_names) or msgspec.UNSET,
        slip_keys=slips or msgspec.UNSET,
    )
