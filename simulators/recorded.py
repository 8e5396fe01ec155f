# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A store's recordings, read from their files, for scenarios in any kind of room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class Recording(NamedTuple):
    """One recording."""

    id: str
    path: Path
    trigger_s: float
    closed: bool
    oldest_s: dict[str, float]
    """Boot time of the oldest written frame, by track."""
    newest_s: dict[str, float]
    there: frozenset[str]
    """Tracks whose sealed sound or image is still in the store."""


def recordings(store: Path) -> list[Recording]:
    """The recordings in a directory, the newest first, without those just beginning or being deleted."""
    found = [_recording(path) for path in store.glob("*") if (path / "begin.json").exists()]
    return sorted((one for one in found if one is not None), key=lambda one: one.trigger_s, reverse=True)


def is_marked(path: Path) -> bool:
    """Whether a recording is marked as not evidence; one without a beginning is not."""
    begin = path / "begin.json"
    return not begin.exists() or json.loads(begin.read_bytes())["simulated"] is True


def _recording(path: Path) -> Recording | None:
    try:
        begin = json.loads((path / "begin.json").read_bytes())
        chain = [json.loads(raw) for raw in (path / "chain.jsonl").read_bytes().splitlines() if raw.endswith(b"}")]
        there = frozenset(t for t in ("audio", "video") if any((path / t).glob("*.age")))
    except (OSError, ValueError):
        return None
    segments = [line for line in chain if line.get("kind") == "segment"]
    tracks = {line["track"] for line in segments}
    return Recording(
        path.name, path, begin["trigger_boot_ns"] / 1e9, (path / "SHA256SUMS.sig").exists(),
        {t: min(line["t0_boot_ns"] for line in segments if line["track"] == t) / 1e9 for t in tracks},
        {t: max(line["t1_boot_ns"] for line in segments if line["track"] == t) / 1e9 for t in tracks},
        there,
    )  # fmt: skip
