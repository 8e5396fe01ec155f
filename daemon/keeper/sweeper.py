"""Deletion in an order that can be broken off anywhere: said, key first, segments, said again (promises K1, K3).

The law here: the line "deleting" is on the disk before anything goes; the envelope goes before the segments, because
without it they are noise; each step is synced (an unlink that is not comes back after a power cut); the receipt is
last. What is interrupted is finished at the next start, from the line that began it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daemon import durable, log, records
from daemon.errors import StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import H_NS, TRACKS, Store
from daemon.model.retention import Due
from hardware.ports import Clock, Track


class Sweeper:
    """One thread: the keeper's."""

    def __init__(self, store: Store, audit: AuditLog, clock: Clock) -> None:
        self._store, self._audit, self._clock = store, audit, clock

    def finish(self) -> list[dict[str, Any]]:
        """Completes what an earlier start began. Returns the receipts. Raises StoreError."""
        pending = [(line["recording_id"], line["track"]) for line in self._audit.unfinished.values()]
        return [self._carry_out(recording_id, track, finished_later=True) for recording_id, track in pending]

    def delete(self, due: Due) -> dict[str, Any]:
        """Deletes a track that has fallen due and returns its receipt. Raises StoreError."""
        kept = due.kept
        path = self._store.path(kept.recording_id)
        segments = sorted(path.glob(f"{kept.track}/*"))
        self._audit.add(
            "deleting", recording_id=kept.recording_id, track=kept.track, reason="term", term_h=kept.term_ns // H_NS,
            due_wall_ns=due.since_wall_ns, late_s=due.late_ns // 1_000_000_000,
            segments=len(segments), bytes=sum(file.stat().st_size for file in segments),
            chain_sha256=_sha256_of(path / "chain.jsonl"),
        )  # fmt: skip
        return self._carry_out(kept.recording_id, kept.track)

    def _carry_out(self, recording_id: str, track: Track, *, finished_later: bool = False) -> dict[str, Any]:
        path = self._store.path(recording_id)
        try:
            if path.is_dir():
                _remove_track(path, track)
                if not any(self._store.has(recording_id, other) for other in TRACKS):
                    _remove_rest(path)
        except OSError as error:
            raise StoreError(f"{path}: {track} could not be deleted: {error.strerror or error}") from error
        if not path.is_dir():
            self._store.forget(recording_id)
        self._store.changed(recording_id)
        log.event("deleted", recording_id=recording_id, track=track)
        return self._audit.add("deleted", recording_id=recording_id, track=track, finished_later=finished_later)


def _remove_track(path: Path, track: Track) -> None:
    for envelope in path.glob(f"{track}.*.key.age"):
        envelope.unlink()
    durable.sync(path)
    directory = path / track
    if directory.is_dir():
        for segment in directory.iterdir():
            segment.unlink()
        durable.sync(directory)
        directory.rmdir()
        durable.sync(path)


def _remove_rest(path: Path) -> None:
    """The last track has gone: the records go too; what is known of the recording stands in the audit log."""
    for file in path.iterdir():
        file.unlink()
    durable.sync(path)
    path.rmdir()
    durable.sync(path.parent)


def _sha256_of(path: Path) -> str:
    return records.sha256(path.read_bytes()) if path.is_file() else ""
