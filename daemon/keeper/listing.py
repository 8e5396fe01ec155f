# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Figures of recordings for an operator, never content: pages of the list, and single recordings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from daemon import loglines, records
from daemon.errors import StoreError
from daemon.inspection.files import CHAIN_BYTES_MAX, open_regular
from daemon.keeper.store import H_NS, NOT_A_RECORD, Entry, Store, read_record
from daemon.model.timeline import Date

PUBLIC = re.compile(r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}\Z")
"""An Ed25519 key in a `.pub` file, without its comment."""
SLIP_KEYS_MAX = 8
"""Two tracks, each with the key of before the press and that of after it, and as much again."""
When = Callable[[Entry], Date]
"""Date of a recording's beginning, by everything that the keeper knows about time."""


def page(store: Store, when: When, after: str, count: int) -> list[dict[str, Any]]:
    """Recordings sorted by their beginning, then id: those that follow `after`."""
    dates = {name: when(entry).wall_ns for name, entry in store.entries.items()}
    ids = sorted(dates, key=lambda name: (dates[name], name))
    start = ids.index(after) + 1 if after in dates else 0
    return [summary(store, when, recording_id) for recording_id in ids[start : start + count]]


def summary(store: Store, when: When, recording_id: str) -> dict[str, Any]:
    """One recording. Raises StoreError if its begin.json has gone since it was seen."""
    path = store.path(recording_id)
    begin = read_record(path / "begin.json", records.Begin)
    if begin is None:
        raise StoreError(f"{path}: its begin.json cannot be read any more")
    end = read_record(path / "end.json", records.End)
    lines = chain(path)
    began = when(store.entries[recording_id])
    ahead_ns, tracks = begin.at_wall_ns - began.wall_ns, {}
    for track in begin.tracks:
        segments = [line for line in lines if isinstance(line, records.SegmentLine) and line.track == track]
        tracks[track] = {
            "there": store.has(recording_id, track),
            "segments": len(segments),
            "seconds": round((segments[-1].t1_boot_ns - segments[0].t0_boot_ns) / 1e9, 1) if segments else 0.0,
            "bytes": sum(line.bytes for line in segments),
            "gaps": sum(isinstance(line, records.GapLine) and line.track == track for line in lines),
            "expires_wall_ns": begin.tracks[track].oldest_wall_ns - ahead_ns + begin.tracks[track].term_h * H_NS,
        }
    return {
        "recording_id": recording_id, "at_wall_ns": began.wall_ns, "dated_by": began.by, "policy": begin.policy,
        "alarm": begin.alarm or bool(end and end.alarm) or became_alarms(lines), "continues": begin.continues,
        "state": end.why if end else "open", "detail": end.detail if end else "", "clock": begin.clock,
        "simulated": begin.simulated,
        "tracks": tracks,
    }  # fmt: skip


def groups(store: Store, recording_id: str) -> tuple[tuple[str, ...], ...]:
    """The public keys that open a recording, by group: those of the policy under which it was made."""
    begin = read_record(store.path(recording_id) / "begin.json", records.Begin)
    return begin.groups if begin else ()


def slip_keys(store: Store, recording_id: str) -> tuple[str, ...]:
    """The public keys for slips of a recording, as in a `.pub` file; anything else in its place is left out."""
    begin = read_record(store.path(recording_id) / "begin.json", records.Begin)
    keys = begin.slip_keys if begin else msgspec.UNSET
    return tuple(key for key in keys if PUBLIC.match(key))[:SLIP_KEYS_MAX] if isinstance(keys, tuple) else ()


def became_alarms(lines: list[records.ChainLine]) -> bool:
    """Whether the chain says so: also for an open recording, and if its end does not know."""
    return any(isinstance(line, records.MarkLine) and line.what == "alarm" for line in lines)


def chain(path: Path) -> list[records.ChainLine]:
    """The readable lines of a recording's chain; empty if it is larger than any chain."""
    lines = []
    try:
        with open_regular(path / "chain.jsonl", CHAIN_BYTES_MAX) as file:
            for line in loglines.read(file, CHAIN_BYTES_MAX):
                try:
                    lines.append(msgspec.json.decode(line.raw, type=records.ChainLine))
                except NOT_A_RECORD:
                    continue  # torn by a power cut; `store verify` lists it
    except OSError:
        return []
    return lines
