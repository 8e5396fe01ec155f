# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The records in a recording's directory beside the sealed segments: begin, chain, end, in JSON.

    begin.json    the unit, the policy, the clock; signed, so that a power cut leaves proof
    chain.jsonl   one line per segment or gap; each carries the SHA-256 of the line before, the first that of begin.json
    end.json      why it ended, and how many lines the chain has; SHA256SUMS over everything, signed

A line that is not JSON is a torn write: the next line says `torn` and continues from its hash (nothing is cut off).
"""

from __future__ import annotations

import hashlib

import msgspec

from hardware.ports import ClockState, Track

FORMAT = "spreekkamer-recording/1"


class TrackBegin(msgspec.Struct, frozen=True):
    """A track at the start; its term counts from this."""

    oldest_wall_ns: int
    """UTC of the oldest frame that it can contain: promise K1 counts from here."""
    oldest_boot_ns: int
    term_h: int


class Begin(msgspec.Struct, frozen=True):
    """begin.json."""

    recording_id: str
    unit: str
    policy: str
    policy_sha256: str
    boot_id: str
    clock: ClockState
    at_wall_ns: int
    at_boot_ns: int
    trigger_boot_ns: int
    pre_event_s: float
    alarm: bool
    continues: str | None
    tracks: dict[Track, TrackBegin]
    groups: tuple[tuple[str, ...], ...]
    """The public keys that can open it: one of every group."""
    previous_head: str
    """Head of the previous recording's chain, as far as this recorder knows; empty for its first."""
    test: bool = False
    """An engineer's test. A mark `kept` in the chain makes it an ordinary recording."""
    simulated: bool = False
    """Made by simulated devices: it is not evidence (promise H3)."""
    format: str = FORMAT
    channel_names: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """The sides of a call: the left channel's, the right one's. Unset: the channels have no names."""
    slip_keys: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """Public keys for slips, one of each recording key known at the start: whoever opens an envelope can sign (decision
    29). Unset in recordings of earlier releases."""


class SegmentLine(msgspec.Struct, frozen=True, tag_field="kind", tag="segment"):
    """A sealed segment."""

    n: int
    track: Track
    file: str
    bytes: int
    sha256: str
    """SHA-256 of the sealed file: it can be checked without being opened."""
    key: str
    """The envelope that opens it, e.g. `video.0`."""
    t0_boot_ns: int
    t1_boot_ns: int
    t0_wall_ns: int
    clock: ClockState
    frames: int
    prev: str


class GapLine(msgspec.Struct, frozen=True, tag_field="kind", tag="gap"):
    """Something is missing, and why."""

    n: int
    track: Track
    from_boot_ns: int
    to_boot_ns: int
    reason: str
    prev: str


class MarkLine(msgspec.Struct, frozen=True, tag_field="kind", tag="mark"):
    """An event: `alarm` (an alarm's from here on), `kept` (no longer a test), `torn`, `recovered`."""

    n: int
    what: str
    at_boot_ns: int
    prev: str
    detail: str = ""


ChainLine = SegmentLine | GapLine | MarkLine


class End(msgspec.Struct, frozen=True):
    """end.json."""

    recording_id: str
    why: str
    """asked, lease, store, full, stopped; or interrupted, if it was closed later than it ended."""
    detail: str
    at_wall_ns: int
    at_boot_ns: int
    boot_id: str
    alarm: bool
    lines: int
    head: str
    """SHA-256 of the chain's last line."""
    test: bool = False
    """Still an engineer's test when it was closed: it is verified and deleted at once."""
    format: str = FORMAT


def encode(record: msgspec.Struct) -> bytes:
    """One line of JSON with its newline."""
    return msgspec.json.encode(record) + b"\n"


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()
