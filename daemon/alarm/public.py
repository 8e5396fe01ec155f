# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the recorder and the keeper may publish: closed sets of words, rounded figures, a budget.

Invariant: the process that hears cannot speak through the process that can. A recorder that was taken over can only
choose among the words and figures of this file, and the rate is bounded: some ten bits a second, while its microphone
takes 64,000. The full text of a fault stays in the unit, in `spreekkamer status` and the log.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from daemon import wire
from daemon.alarm import messages
from daemon.model.events import StartRecording
from daemon.model.faults import OF_OTHERS
from daemon.model.sound import Side
from hardware.ports import ClockState, PictureFigures, Track

NS = 1_000_000_000
FIGURES_NS = 60 * NS
"""Between two sets of published figures. Faults, which are words, are published at once."""
GIVEN_MAX = 64
"""Recordings remembered as the unit's own: one is open at a time, and its last messages come within a minute."""
ADOPTED_PER_H = 6
"""Recordings per hour that the recorder may already have when it connects, after a restart of the alarm process."""
HEADS_PER_H = 66
"""Chain heads per hour: the recorder sends one a minute, and one at the end. Each is 256 bits of its choice."""
EVENTS_PER_H = 120
"""Starts and ends per hour: a counter has fewer than sixty conversations."""
RECEIPTS_PER_H = 1200
"""Lines of the audit log per hour, besides signed heads. The next head covers those left out."""
RECEIPT_BYTES_MAX = 4096
"""The longest line, a commissioning report, has some two thousand."""
LINES_MAX = 2**31
NAME = re.compile(r"^[0-9a-f]{32}\Z")
SHA256 = re.compile(r"^[0-9a-f]{64}\Z")
OUT_OF_ORDER = "out of order"
"""Published for a fault that matches none of WORDS."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "not as signed": ("not as it was signed",),
    "signers changed": ("who may sign",),
    "closed": ("closed",),
    "dark": ("dark",),
    "frozen": ("frozen",),
    "blurred": ("blurred",),
    "hears nothing": ("hears nothing",),
    "overdriven": ("overdriven",),
    "in use by another program": ("busy", "nobody else uses"),
    "access refused": ("permission denied", "not permitted", "may not"),
    "unplugged": ("no such device", "stopped by itself", "unplugged", "no more pictures"),
    "not found": ("no such file", "not found", "expected one of", "no camera", "no microphone", "there is no"),
    "no answer": ("does not answer", "did not", "no frames", "hangs"),
    "disk full": ("no space", "is full", "for alarms"),
    "disk read-only": ("read-only",),
    "disk too slow": ("behind", "takes nothing"),
    "disk error": ("input/output error",),
    "not proven": ("proven",),
    "no key": ("key",),
    "the log does not hold together": ("does not hold together",),
    "review due": ("review",),
    "changed": ("changed",),
    "gone": (" is gone",),
}
"""Every word published for a fault, and the texts that select it; the first match counts."""
KINDS = ("audio", "video", "records")
"""What the keeper counts bytes of."""

OfRecording = wire.Started | wire.Ended | wire.Head


class LogLine(msgspec.Struct, frozen=True):
    """The fields of every line of the audit log; without them it is not one."""

    n: Annotated[int, Meta(ge=0, le=2**62)]
    at_wall_ns: Annotated[int, Meta(ge=-(2**62), le=2**62)]
    at_boot_ns: Annotated[int, Meta(ge=-(2**62), le=2**62)]
    boot_id: Annotated[str, Meta(max_length=36)]
    clock: ClockState
    event: Annotated[str, Meta(min_length=1, max_length=40)]
    prev: Annotated[str, Meta(pattern=SHA256.pattern)]


class Step(NamedTuple):
    """Rounding of a figure: to the nearest multiple of `to`, within bounds."""

    to: int
    low: int
    high: int

    def of(self, value: float) -> int:
        """The rounded figure."""
        return round(min(max(value, self.low), self.high) / self.to) * self.to  # bounds first: JSON numbers have none


SECONDS, AGE_MS, COUNT = Step(1, 0, 600), Step(500, 0, 60_000), Step(1, 0, 9999)
RING_BYTES, FREE_BYTES, STORE_BYTES = Step(1_000_000, 0, 2**30), Step(100_000_000, 0, 2**45), Step(1_000_000, 0, 2**45)
HOURS, EXPIRY_S = Step(1, 0, 10_000), Step(60, 0, 2**31)
DBFS, PPM, PERCENT, SEALED_S = Step(1, -96, 0), Step(5, -1000, 1000), Step(1, 0, 200), Step(60, 0, 2**31)


def spoken(detail: str) -> str:
    """The word of WORDS for a text; empty stays empty, and "ok" stays "ok"."""
    if detail in {"", "ok"}:
        return detail
    lowered = detail.lower()
    return next((word for word, signs in WORDS.items() if any(sign in lowered for sign in signs)), OUT_OF_ORDER)


class Budget:
    """A rate limit: so many per hour, and as many at once."""

    def __init__(self, per_h: int) -> None:
        self._per_h, self._left, self._at_ns = per_h, float(per_h), 0

    def take(self, now_ns: int) -> bool:
        """Whether one more may be sent."""
        passed_h = max(0, now_ns - self._at_ns) / (3600 * NS)
        self._left, self._at_ns = min(float(self._per_h), self._left + passed_h * self._per_h), now_ns
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Public:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(self, sides: tuple[str, ...] = ()) -> None:
        """`sides`: names of the sides of a call, by the unit's settings."""
        self._sides = sides
        self._given: deque[tuple[str, str | None]] = deque(maxlen=GIVEN_MAX)
        """The unit's own recordings, each with the one that it continues."""
        self._adopted, self._receipts = Budget(ADOPTED_PER_H), Budget(RECEIPTS_PER_H)
        self._heads, self._events = Budget(HEADS_PER_H), Budget(EVENTS_PER_H)
        self._figures: wire.RecorderHealth | None = None
        self._store: wire.KeeperState | None = None
        self._figures_ns = self._store_ns = 0
        self.held_back = 0
        """Messages not sent: words that are not in this file, or over the budget."""

    def ordered(self, start: StartRecording) -> None:
        """The unit has ordered a recording, so its id is the unit's own."""
        self._given.append((start.recording_id, start.continues))

    def adopted(self, name: str, now_ns: int) -> None:
        """The recorder has connected with a recording that an earlier alarm process ordered."""
        if NAME.match(name) and name not in dict(self._given) and self._adopted.take(now_ns):
            self._given.append((name, None))

    def recording(self, said: OfRecording, now_ns: int) -> OfRecording | None:
        """A recorder's message about a recording, as it may be published; None: it may not."""
        given = dict(self._given)
        budget = self._heads if isinstance(said, wire.Head) else self._events
        fits = said.recording_id in given and (not isinstance(said, wire.Head) or bool(SHA256.match(said.sha256)))
        if not (fits and budget.take(now_ns)):
            self.held_back += 1
            return None
        match said:
            case wire.Started():
                return replace(said, continues=given[said.recording_id])
            case wire.Ended():
                # The last head counts as one of the hour's, or a recorder could say twice as much.
                has_head = said.head is not None and bool(SHA256.match(said.head)) and self._heads.take(now_ns)
                head = said.head if has_head else None
                return replace(said, detail=spoken(said.detail), lines=_lines(said.lines, 0), head=head)
            case wire.Head():
                return replace(said, lines=_lines(said.lines, 1))

    def receipt(self, said: wire.Receipt, now_ns: int) -> bool:
        """Whether a line of the audit log may be published. A signed head always may: it covers those left out."""
        try:
            msgspec.convert(said.line, LogLine)
            fits = bool(SHA256.match(said.head)) and len(msgspec.json.encode(said.line)) <= RECEIPT_BYTES_MAX
        except (msgspec.ValidationError, ValueError, OverflowError, RecursionError):
            fits = False
        goes = fits and (said.line.get("event") == "head" or self._receipts.take(now_ns))
        self.held_back += not goes
        return goes

    def review(self, said: wire.HoldDue, now_ns: int) -> bool:
        """Whether a due review may be published."""
        goes = len(msgspec.json.encode(said)) <= RECEIPT_BYTES_MAX and self._receipts.take(now_ns)
        self.held_back += not goes
        return goes

    def health(self, health: messages.Health, now_ns: int) -> messages.Health:
        """The unit's health as published."""
        recorder, keeper = health.recorder, health.keeper
        # A recorder that reconnects keeps the figures of before: else it could say more by reconnecting often.
        if recorder and (self._figures is None or now_ns - self._figures_ns >= FIGURES_NS):
            self._figures, self._figures_ns = _figures(recorder, self._sides), now_ns
        if keeper and (self._store is None or now_ns - self._store_ns >= FIGURES_NS):
            self._store, self._store_ns = _store(keeper), now_ns
        words = _words(recorder) if recorder else {}
        faults = {name: spoken(what) for name, what in keeper.faults.items()} if keeper else {}
        return replace(
            health,
            recording_id=health.recording_id if health.recording_id in dict(self._given) else None,
            faults={name: spoken(what) if name in OF_OTHERS else what for name, what in health.faults.items()},
            recorder=replace(self._figures, **words) if recorder and self._figures else None,
            keeper=replace(self._store, faults=faults) if keeper and self._store else None,
        )


def _lines(lines: int, least: int) -> int:
    return min(max(lines, least), LINES_MAX)


def _by_track(values: Mapping[Track, float], step: Step) -> dict[Track, int]:
    return {name: step.of(values[name]) for name in get_args(Track) if name in values}


def _maybe(step: Step, value: float | None) -> int | None:
    return None if value is None else step.of(value)


def _words(recorder: wire.RecorderHealth) -> dict[str, Any]:
    return {
        "devices": {name: spoken(recorder.devices[name]) for name in get_args(Track) if name in recorder.devices},
        "keys": spoken(recorder.keys), "store": spoken(recorder.store), "full": spoken(recorder.full),
    }  # fmt: skip


def _figures(recorder: wire.RecorderHealth, sides: tuple[str, ...]) -> wire.RecorderHealth:
    picture = recorder.picture
    return replace(
        recorder,
        ring_s=_by_track(recorder.ring_s, SECONDS),
        ring_bytes=RING_BYTES.of(recorder.ring_bytes),
        age_ms=_by_track(recorder.age_ms, AGE_MS),
        gaps=_by_track(recorder.gaps, COUNT),
        free_bytes=FREE_BYTES.of(recorder.free_bytes),
        level_dbfs=_maybe(DBFS, recorder.level_dbfs),
        peak_dbfs=_maybe(DBFS, recorder.peak_dbfs),
        drift_ppm=_maybe(PPM, recorder.drift_ppm),
        sound="ok" if recorder.sound else "",
        picture=_picture(picture) if picture else None,
        queue_max=COUNT.of(recorder.queue_max),
        lost=COUNT.of(recorder.lost),
        sealed_s=_by_track(recorder.sealed_s, SEALED_S),
        since_ns=0,
        sides={name: _side(recorder.sides[name]) for name in sides if name in recorder.sides},
    )


def _side(side: Side) -> Side:
    return Side(
        level_dbfs=_maybe(DBFS, side.level_dbfs), peak_dbfs=_maybe(DBFS, side.peak_dbfs),
        clipped_pct=PERCENT.of(side.clipped_pct), silent=side.silent,
    )  # fmt: skip


def _picture(picture: PictureFigures) -> PictureFigures:
    return PictureFigures(
        at_ns=0,
        brightness_pct=PERCENT.of(picture.brightness_pct),
        sharpness_pct=_maybe(PERCENT, picture.sharpness_pct),
        still_s=SECONDS.of(picture.still_s),
    )


def _store(keeper: wire.KeeperState) -> wire.KeeperState:
    """The keeper hears nothing, but counts what the recorder wrote: bytes, ages, foreign files."""
    return replace(
        keeper,
        recordings=COUNT.of(keeper.recordings),
        store_bytes={kind: STORE_BYTES.of(keeper.store_bytes[kind]) for kind in KINDS if kind in keeper.store_bytes},
        oldest_audio_h=_maybe(HOURS, keeper.oldest_audio_h),
        oldest_video_h=_maybe(HOURS, keeper.oldest_video_h),
        next_expiry_s=_maybe(EXPIRY_S, keeper.next_expiry_s),
        filled_pct=PERCENT.of(keeper.filled_pct),
        unaccounted=COUNT.of(keeper.unaccounted),
        verified_h=_maybe(HOURS, keeper.verified_h),
        holds=COUNT.of(keeper.holds),
    )
