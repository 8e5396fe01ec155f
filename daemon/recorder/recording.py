# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The open recording, as the loop sees it: orders come in, the ring's items go to the writer, its end is reported.

Invariant: one recording at a time, and no order exceeds the policy (`model/orders.py`). Only what the writer has made
durable counts as written: the ring keeps the rest (`Ring.owed_ns`), and the next part writes it. A start with nothing
to write is refused with its reason, and no lamp is lit for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from daemon import log, wire
from daemon.config import Settings
from daemon.model import orders, space
from daemon.model.events import EndReason, Lease, SetEnd, StartRecording
from daemon.recorder import writer
from daemon.recorder.bundle import Missing
from daemon.recorder.closing import WHY
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Item, Ring, Sealed, end_ns
from daemon.recorder.tap import Tap, begin_record, pre_event
from daemon.recorder.track import Track
from hardware import ports

NS = 1_000_000_000
HEAD_NS = 60 * NS
"""Between two chain heads that are published for a witness."""
GRACE_NS = 5 * NS
"""How long a recording that is due to end waits for the last segment of a silent track."""
OWED_NS = 60 * NS
"""How long the unwritten items of a failed part are kept for the next one; an open alarm's is tried every 8 s."""
TRY_BYTES = 2_000_000
"""Minimum free space, some seconds of both tracks: with less, an alarm would be cut into crumbs."""
TOLD_NS = NS // 2
"""A track that ends earlier than the recording has a gap, unless it is shorter than this: its last picture or block."""


class Means(msgspec.Struct, frozen=True):
    """What it works with, all owned by the loop."""

    settings: Settings
    clock: ports.Clock
    disk: ports.Disk
    ring: Ring
    tracks: Mapping[ports.Track, Track]
    writer: writer.Writer
    say: Callable[[wire.Started | wire.Ended | wire.Head], object]
    new_key: Callable[[Track], None]
    simulated: bool
    """Every recording says so (promise H3)."""


class Recordings:
    """Owned by the loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._tap: Tap | None = None
        self._pending: StartRecording | None = None
        """A start that waits for its first lease."""
        self._written_ns: dict[ports.Track, int] = {}
        """How far each track is on the disk: the next recording's pre-event time reaches back to here."""
        self._last, self._why, self._owed_until_ns = "", "", 0
        """The last part, why it ended, and until when its unwritten items are kept for the next part."""
        self._from_ns = 0
        """Where the event of the last part was to begin: its press minus the pre-event time."""
        self._is_new_owner = False
        """A new alarm process came while items were kept: it knows the last part only as far as its journal does."""
        self._nothing: tuple[str, str | None] = ("", None)
        """A start that failed, and the part that it was to continue: the next start continues that one."""
        self._thresholds = space.thresholds(means.settings.unit, means.settings.policy)
        self.full = ""
        """Why conversations are not recorded."""
        self.trouble = ""
        """Why the last recording could not be written; empty once the disk has accepted something since."""

    @property
    def open(self) -> bool:
        """Whether a recording is open."""
        return self._tap is not None

    def writes(self, track: ports.Track) -> bool:
        """Whether new items of a track belong to a recording."""
        return self._tap is not None and track not in self._tap.done

    def state(self, tracks: tuple[ports.Track, ...]) -> wire.RecorderState:
        """The state for the alarm process."""
        tap = self._tap
        if tap is None:
            return wire.RecorderState(tracks)
        return wire.RecorderState(tracks, tap.start.recording_id, tap.until_ns, tap.alarm)

    # --- orders -----------------------------------------------------------------------------------------------------

    def start(self, order: StartRecording, now_ns: int) -> None:
        """Accept an order, or refuse it with its reason."""
        held = orders.start(order, self._means.settings.policy, now_ns)
        if isinstance(held, str):
            self._refuse(order, held)
            return
        if held.continues == self._nothing[0]:
            held = replace(held, continues=self._nothing[1])
        if self._owed_until_ns and held.alarm and (self._is_new_owner or held.continues is not None):
            held = replace(held, continues=self._last or held.continues)  # of this event it knows the newest itself
        self._is_new_owner = False
        if self._tap is not None:
            self._refuse(held, "another recording is open")
        elif why := self._nothing_to_record():
            self._refuse(held, why)
        else:
            free_bytes = self._means.disk.space().free_bytes
            if not held.alarm and (full := self._thresholds.refusal(free_bytes, self.full)):
                self._refuse(held, full)
            elif free_bytes < TRY_BYTES:
                self.trouble = f"less than {TRY_BYTES / 1e6:.0f} MB is free"
                self._refuse(held, self.trouble)
            else:
                self._pending = held

    def joined(self) -> None:
        """A new alarm process has connected: the one that gave the orders so far has ended."""
        self._is_new_owner = bool(self._owed_until_ns)

    def lease(self, order: Lease, now_ns: int) -> None:
        """Extend the lease of a known recording. A start begins with its first lease: the lamp is lit.

        A lease of another recording, which was refused, must not extend this one's.
        """
        lease = orders.lease(order, now_ns)
        if self._pending is not None and lease.recording_id == self._pending.recording_id:
            start, self._pending = self._pending, None
            self._means.writer.lease = (lease.recording_id, lease.until_ns)
            self._begin(start, now_ns)
        elif self._tap is not None and lease.recording_id == self._tap.start.recording_id:
            self._means.writer.lease = (lease.recording_id, lease.until_ns)

    def set_end(self, order: SetEnd, now_ns: int) -> None:
        """Change when the recording ends, or make it an alarm's, or no longer a test."""
        end, tap = orders.end(order, self._means.settings.policy, now_ns), self._tap
        if self._pending is not None and self._pending.recording_id == end.recording_id:
            self._pending = replace(self._pending, until_ns=end.until_ns, alarm=end.alarm, test=end.test)
        if tap is None or tap.start.recording_id != end.recording_id:
            return
        if end.alarm and not tap.alarm:
            self._give(tap, writer.Mark(end.recording_id, "alarm", now_ns))
        if tap.test and not end.test:
            self._give(tap, writer.Mark(end.recording_id, "kept", now_ns))
        tap.until_ns, tap.alarm, tap.test = end.until_ns, end.alarm, tap.test and end.test
        reopened = {name for name in tap.done if tap.given_ns[name] < end.until_ns}
        tap.done -= reopened
        for name in reopened:  # items sealed since its last segment belong to it after all
            for item in self._means.ring.since(name, tap.given_ns[name]):
                self._write(tap, tap.own(item))

    def forget(self) -> None:
        """Drop what was kept for a next part, together with the ring."""
        self._owed_until_ns = 0
        if self._tap is None:
            self._means.ring.owed_ns = {}

    # --- what is sealed ---------------------------------------------------------------------------------------------

    def add(self, items: list[Item]) -> None:
        """New items, already in the ring: those of an open recording go to the writer."""
        for item in items:
            tap = self._tap
            if tap is not None and not tap.closing and item.track not in tap.done:
                self._write(tap, tap.own(item))

    def turn(self, now_ns: int) -> None:
        """End what is due to end."""
        if self._owed_until_ns and now_ns >= self._owed_until_ns and self._tap is None:
            self.forget()
        tap = self._tap
        if tap is None or tap.closing or now_ns < tap.until_ns:
            return
        waiting = [t for t in self._means.tracks.values() if t.name not in tap.done and t.recording]
        _, leased_ns = self._means.writer.lease  # what comes after it is not written
        if not waiting or now_ns >= min(tap.until_ns + GRACE_NS, leased_ns):
            self._finish(tap, "asked", "", now_ns)

    def look_at_disk(self, now_ns: int) -> None:
        """Check the free space, and try a disk that refused."""
        free_bytes, tap = self._means.disk.space().free_bytes, self._tap
        self.full = self._thresholds.refusal(free_bytes, self.full)
        if tap is not None and not tap.alarm and not tap.closing and free_bytes < self._thresholds.alarm_bytes:
            log.event("room_for_alarms", "warning", recording_id=tap.start.recording_id, free_bytes=free_bytes)
            self._finish(tap, "full", self.full, now_ns)
        if self.trouble and tap is None and free_bytes >= TRY_BYTES:
            self._means.writer.give(writer.Probe())

    def stop(self, now_ns: int) -> None:
        """The process ends, and the recording with it; the next recorder may continue it."""
        if self._tap is not None and not self._tap.closing:
            self._finish(self._tap, "stopped", "the recorder was stopped", now_ns)

    def _begin(self, start: StartRecording, now_ns: int) -> None:
        means, names = self._means, tuple(self._means.tracks)
        goes_on = start.continues is not None and start.continues == self._last
        before_ns = start.trigger_ns - start.pre_event_ns
        self._from_ns = self._from_ns if goes_on else before_ns
        items = pre_event(means.ring, names, start, self._written_ns, self._from_ns)
        keys = {name: means.tracks[name].key for name in names}
        begin = begin_record(means.settings, means.clock, keys, start, items, simulated=means.simulated)
        missing = self._missing(start) if goes_on else {}
        given_ns = {name: max(self._from_ns, self._written_ns.get(name, 0)) for name in names}
        tap = Tap(start, start.until_ns, start.alarm, start.test, given_ns, set(), now_ns + HEAD_NS, dict(given_ns))
        self._tap, means.ring.owed_ns = tap, dict(given_ns)
        for item in items:
            tap.given_ns[item.track] = max(tap.given_ns[item.track], end_ns(item))
        log.event("recording", recording_id=start.recording_id, segments=len(items), continues=start.continues)
        if not means.writer.give(writer.Open(begin, items, missing)):
            detail = "the disk takes nothing any more"
            self.closed(writer.Closed(start.recording_id, "store", detail, 0, begun=False), now_ns)

    def _missing(self, start: StartRecording) -> dict[ports.Track, Missing]:
        """How far the earlier parts have each track; one that is in none of them is missing since the press."""
        pressed_ns = self._from_ns + start.pre_event_ns
        return {
            name: Missing(ns if (ns := self._written_ns.get(name, 0)) > self._from_ns else pressed_ns, self._why)
            for name in self._means.tracks
        }

    def _nothing_to_record(self) -> str:
        tracks = self._means.tracks.values()
        if any(track.recording for track in tracks):
            return ""
        if any(track.delivers for track in tracks):
            return "there is no key yet to seal a recording with"
        return "no camera and no microphone to record from"

    def _refuse(self, start: StartRecording, why: str) -> None:
        self._nothing = (start.recording_id, start.continues)
        log.event("recording_refused", "warning", recording_id=start.recording_id, why=why)
        self._means.say(wire.Ended(start.recording_id, "refused", why))

    def _write(self, tap: Tap, item: Item) -> None:
        if not self._give(tap, writer.Add(tap.start.recording_id, (item,))):
            return
        tap.given_ns[item.track] = max(tap.given_ns[item.track], end_ns(item))
        if isinstance(item, Sealed) and item.t1_ns >= tap.until_ns:
            tap.done.add(item.track)
            self._means.new_key(self._means.tracks[item.track])

    def _give(self, tap: Tap, order: writer.Add | writer.Mark) -> bool:
        if self._means.writer.give(order):
            return True
        log.event("disk_too_slow", "error", recording_id=tap.start.recording_id)
        tap.closing, self.trouble = True, "the disk is more than a minute behind"
        self._means.writer.cut(writer.Close(tap.start.recording_id, "store", self.trouble))
        return False

    def _finish(self, tap: Tap, why: EndReason, detail: str, now_ns: int) -> None:
        holes: list[Item] = []
        for name, track in self._means.tracks.items():
            if name in tap.done:
                continue
            until_ns = min(now_ns, tap.until_ns)
            goes_on = why == "stopped" and now_ns < tap.until_ns  # the next part tells
            if until_ns - tap.given_ns[name] >= TOLD_NS and not goes_on:
                late = "nothing came in time" if track.recording else "nothing came"
                holes.append(Hole(name, tap.given_ns[name], until_ns, track.trouble or late))
        if holes and not self._give(tap, writer.Add(tap.start.recording_id, tuple(holes))):
            return  # the disk is too slow for it
        tap.closing = True
        for name, track in self._means.tracks.items():
            if name not in tap.done:
                self._means.new_key(track)
        order = writer.Close(tap.start.recording_id, why, detail)
        if not self._means.writer.give(order):
            self._means.writer.cut(order)

    # --- what the writer says ---------------------------------------------------------------------------------------

    def opened(self, word: writer.Opened) -> None:
        """The ring's items are durable."""
        self.trouble = ""
        log.event("pre_event_durable", recording_id=word.recording_id, took_ms=round(word.took_ms, 1))
        if self._tap is not None:
            self._means.say(wire.Started(word.recording_id, self._tap.start.continues))
            self._durable(word.ends_ns)

    def grew(self, word: writer.Grew, now_ns: int) -> None:
        """More items are durable."""
        tap = self._tap
        if tap is None or tap.start.recording_id != word.recording_id:
            return
        tap.lines, tap.head = word.lines, word.head
        self._durable(word.ends_ns)
        if now_ns >= tap.head_ns:
            tap.head_ns = now_ns + HEAD_NS
            self._means.say(wire.Head(word.recording_id, word.lines, word.head))

    def closed(self, word: writer.Closed, now_ns: int) -> None:
        """Nothing more of it is written."""
        tap, self._tap = self._tap, None
        if tap is not None and not tap.closing:
            for track in self._means.tracks.values():
                self._means.new_key(track)
        self._durable(word.ends_ns)
        if word.begun:
            self._last, self._why = word.recording_id, WHY.get(word.why, "no part was open")
        elif tap is not None:
            self._nothing = (tap.start.recording_id, tap.start.continues)
            if tap.start.continues != self._last:
                self._last = ""  # that was another event's
        if tap is not None and tap.alarm and now_ns < tap.until_ns:
            self._owed_until_ns = now_ns + OWED_NS  # the next part writes what this one could not
        else:
            self.forget()
        if word.why == "store":
            self.trouble = word.detail
        log.event("recording_closed", recording_id=word.recording_id, why=word.why, detail=word.detail)
        self._means.say(
            wire.Ended(word.recording_id, word.why, word.detail, word.lines, (word.lines and word.head) or None)
        )

    def probed(self, word: writer.Probed) -> None:
        """The disk has been tried."""
        self.trouble = word.detail

    def _durable(self, ends_ns: Mapping[ports.Track, int]) -> None:
        for track, end in ends_ns.items():
            self._written_ns[track] = max(end, self._written_ns.get(track, 0))
            if track in self._means.ring.owed_ns:
                self._means.ring.owed_ns[track] = self._written_ns[track]
