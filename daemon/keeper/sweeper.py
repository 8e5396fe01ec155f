# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Deletion that can be interrupted anywhere: log line, key, segments, receipt (promises K1, K3).

Invariant: the line "deleting" is on the disk before anything is deleted. The envelope is deleted before the segments,
which are noise without it. Each step is synced, because an unsynced unlink can be undone by a power cut. The receipt
comes last. An interrupted deletion is finished at the next start, from the line that began it. A track that the disk
refuses to delete holds up no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from daemon import log
from daemon.inspection.files import CHAIN_BYTES_MAX, open_regular
from daemon.keeper.audit import AuditLog, Begun, Key
from daemon.keeper.erase import remove_rest, remove_track
from daemon.keeper.store import H_NS, Store, size_of, tracks_there
from daemon.model import acts
from daemon.model.acts import DeletedBecause
from daemon.model.ledger import Line
from daemon.model.retention import PROMISED_NS, Due, LateWhy
from daemon.model.timeline import NS, Stamp
from hardware.ports import Track

BATCH_MAX = 64
"""Tracks whose lines share a sync. After a power cut this many have to be finished, which takes a second or two."""
Why = Callable[[Due, bool], LateWhy]
"""The reason of a late deletion; the flag: the disk has refused it before."""
Late = tuple[int, LateWhy]
"""How late a deletion is, in seconds, and why."""
Since = Callable[[Stamp], int]
"""Time since a moment, in nanoseconds."""
May = Callable[[Key, Begun], bool | None]
"""Whether a deletion that was begun may be finished; None: that cannot be told now, and it waits."""


class Sweeper:
    """One thread: the keeper's."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store, self._audit = store, audit
        self.refused: dict[Key, str] = {}
        """Deletions that the disk refused, with its error; they are tried again."""

    def finish(self, since: Since = lambda _: 0, may: May = lambda *_: True) -> list[Line]:
        """Complete what an earlier start, or a refusing disk, left undone. Return the receipts.

        `may` says for each whether it is still allowed; one that is not is called off, with a line in the log.
        """
        judged = {key: may(key, begun) for key, begun in self._audit.unfinished.items()}
        off = [key for key, verdict in judged.items() if verdict is False]
        if off:
            log.event("deletion_called_off", "error", recordings=[key[0] for key in off])
            self._audit.add_all(acts.NotDeleted(*key) for key in off)
        begun = self._audit.unfinished
        pending = {key: self._later(key, begun[key], since) for key, verdict in judged.items() if verdict}
        keys, receipts = list(pending), list[Line]()
        for start in range(0, len(keys), BATCH_MAX):
            receipts += self._carry_out(keys[start : start + BATCH_MAX], pending)
        return receipts

    def _later(self, key: Key, begun: Begun, since: Since) -> Late:
        """For a receipt later than its `deleting` line: how late it is now, and why."""
        late_s, why = begun.act.late_s + since(begun.at) // NS, begun.act.late_why
        if not why and late_s * NS > PROMISED_NS:
            why = "disk" if key in self.refused else "off"
        return late_s, why

    def delete(
        self, overdue: Sequence[Due], why: Why = lambda *_: "", reason: DeletedBecause | None = None
    ) -> list[Line]:
        """Delete due tracks and return their receipts; `refused` lists those that failed.

        `reason`: None: the track's own. Raises StoreError if the log takes no line: then nothing has been deleted.
        """
        begun = self._audit.unfinished
        fresh = [due for due in overdue if (due.kept.recording_id, due.kept.track) not in begun]
        receipts: list[Line] = []
        for start in range(0, len(fresh), BATCH_MAX):
            batch = fresh[start : start + BATCH_MAX]
            self._audit.add_all([self._told(due, why, reason) for due in batch])
            receipts += self._carry_out([(due.kept.recording_id, due.kept.track) for due in batch])
        return receipts

    def _told(self, due: Due, why: Why, reason: DeletedBecause | None) -> acts.Deleting:
        kept = due.kept
        path, key = self._store.path(kept.recording_id), (kept.recording_id, kept.track)
        entry = self._store.entries.get(kept.recording_id)
        reason = reason or ("term" if not kept.purged else "test" if entry and entry.is_test else "policy")
        measured = entry.sizes.get(kept.track) if entry and entry.closed else None
        size = measured or size_of(path / kept.track)
        return acts.Deleting(
            recording_id=kept.recording_id, track=kept.track, reason=reason, term_h=kept.term_ns // H_NS,
            due_wall_ns=due.since_wall_ns, late_s=due.late_ns // NS, late_why=why(due, key in self.refused),
            segments=size.files, bytes=size.bytes, chain_sha256=_sha256_of(path / "chain.jsonl"),
        )  # fmt: skip

    def _carry_out(self, keys: Sequence[Key], later: Mapping[Key, Late] = MappingProxyType({})) -> list[Line]:
        gone = [
            acts.Deleted(*key, key in later, left, self._was_last(key[0]), *later.get(key, ()))
            for key in keys
            if (left := self._remove(*key)) is not None
        ]
        return self._audit.add_all(gone) if gone else []

    def _was_last(self, recording_id: str) -> bool:
        return not (self._store.is_known(recording_id) or tracks_there(self._store.path(recording_id)))

    def _remove(self, recording_id: str, track: Track) -> int | None:
        """Delete a track and return the number of foreign files left; None: the disk refused."""
        path = self._store.path(recording_id)
        try:
            left = remove_track(path, track)
            if not tracks_there(path):
                left += remove_rest(path)
        except OSError as error:
            self._refuse((recording_id, track), f"{path}: {track} could not be deleted: {error.strerror or error}")
            return None
        self.refused.pop((recording_id, track), None)
        self._store.changed(recording_id)
        log.event("deleted", recording_id=recording_id, track=track)
        return left

    def _refuse(self, key: Key, why: str) -> None:
        if key not in self.refused:
            log.event("deletion_refused", "error", why=why)
        self.refused[key] = why


def _sha256_of(path: Path) -> str:
    """SHA-256 of a chain; empty if it is missing, a link, unreadable, or larger than any chain."""
    try:
        with open_regular(path, CHAIN_BYTES_MAX) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # BinaryIO reads into a buffer
    except OSError:
        return ""


def fault_of(refused: dict[Key, str]) -> str:
    """One text for a person."""
    texts = list(refused.values())
    return texts[0] + (f"; and {len(texts) - 1} more" if len(texts) > 1 else "") if texts else ""
