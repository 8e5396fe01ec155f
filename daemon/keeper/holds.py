# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The holds of a store: one file each below store/holds/, and their lines in the audit log.

Invariant (promises K2, K7): a hold is active from its line in the log, before anybody is answered, until a release
that a keeper signed. The file repeats the line: what a crash left between the two is completed at the next start. The
hold of a lost or unreadable file is active as in the log; one that differs from its line holds both; one without a
line has no effect, because no keeper wrote it. If the log is lost or broken, a file without a line is active, and an
unreadable one holds everything: nothing is deleted because something was not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from daemon import durable, log, records
from daemon.errors import NotFoundError, RequestError, StoreError
from daemon.keeper.audit import AuditLog, Key
from daemon.model import acts
from daemon.model import holds as rules
from daemon.model.holds import HOLDS_MAX, By, Hold
from daemon.model.ledger import Line
from hardware.ports import Track

FILE_BYTES_MAX = 16_384
"""A hold takes half a kilobyte."""
NOT_A_HOLD = (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Raised by reading a file that is not a hold; the last for one of thousands of brackets."""


class Everything(Collection[Key]):
    """The tracks of an unreadable hold: all."""

    def __contains__(self, _: object) -> bool:
        return True

    def __iter__(self) -> Iterator[Key]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Holds:
    """One thread: the keeper's. A follower of the audit log; call `settle` when the log has been read."""

    def __init__(
        self, directory: Path, whole: Callable[[str], Collection[str]], sign: Callable[[], object] = lambda: None
    ) -> None:
        """`whole` returns the recordings that are one event with this one: a hold keeps them all.

        `sign` signs the log: from then on a release that was begun counts.
        """
        self._path, self._whole, self._sign = directory, whole, sign
        self._doubtful = True
        """The log may have lost lines."""
        self._sworn: set[str] = set()
        """Unreadable files that were there when the log was lost."""
        self._not_ended: dict[str, int] = {}
        """Holds that the log says were released, in a line that no keeper signed, with its number."""
        self._files: dict[str, Hold] = {}
        self._told: dict[str, Hold] = {}
        """Holds that are active according to the log."""
        self._releasing: set[str] = set()
        """Releases that were begun, according to the log."""
        self._due_told: dict[str, int] = {}
        """Reviews that are due according to the log: hold -> revision."""
        self._were_held: set[Key] = set()
        """Tracks whose holds were released, until they are deleted."""
        self.unreadable: dict[str, str] = {}
        """Files that cannot be read as a hold, by the id in their name, and why."""
        self._names: dict[str, str] = {}
        """Name of the file of each id: a name that is not text is logged in another form."""
        self._seen_ns = -1
        self._blind = True
        """The directory cannot be read: any track may have a hold."""
        self.owes = False
        """Something could not be written; `settle` tries again."""

    # --- what is held ---------------------------------------------------------------------------------------------

    def active(self) -> dict[str, Hold]:
        """Every active hold by its id, as in the log."""
        return {**{name: hold for name, hold in self._files.items() if self._doubtful}, **self._told}

    def held(self) -> Collection[Key]:
        """The tracks that may not be deleted, by recording."""
        if self._blind or self.unknown():
            return Everything()
        return frozenset(
            (recording_id, track)
            for hold in (*self.active().values(), *self._differing().values())
            for recording_id in self._whole(hold.recording_id)
            for track in hold.tracks
        )

    def _differing(self) -> dict[str, Hold]:
        """Files that differ from their lines."""
        return {
            name: hold
            for name, hold in self._files.items()
            if name in self._told and _what(hold) != _what(self._told[name])
        }

    def foreign(self) -> tuple[str, ...]:
        """Files without a line in an intact log: no keeper wrote them."""
        if self._doubtful:
            return ()
        return tuple(sorted({*self._files, *self.unreadable} - self._told.keys() - self._sworn))

    def named(self) -> dict[str, str]:
        """Recordings with a hold, and which one."""
        return {hold.recording_id: hold.hold_id for hold in self.active().values()}

    def was_held(self, recording_id: str, track: Track) -> bool:
        """Whether a hold on it has been released, which explains a late deletion."""
        return (recording_id, track) in self._were_held

    def unknown(self) -> tuple[str, ...]:
        """Unreadable files that the log does not know: they may concern anything."""
        found = self.unreadable.keys() - self._told.keys()
        return tuple(sorted(found if self._doubtful else found & self._sworn))

    def fault(self) -> str:
        """What is wrong with the files, for a person; empty: nothing."""
        if unknown := self.unknown():
            what = f"holds/{unknown[0]}.json cannot be read ({self.unreadable[unknown[0]]}): nothing is deleted"
            return f"{what} until it is mended or released; {len(unknown)} such" if len(unknown) > 1 else what
        for hold_id, n in self._not_ended.items():
            return f"line {n} of the audit log ends hold {hold_id}, and no keeper signed it: it is still active"
        for hold_id in self._differing():
            return f"holds/{hold_id}.json says something else than the audit log: what both say is kept"
        for hold_id in self.foreign():
            return f"holds/{hold_id}.json was placed by nobody: the audit log has no line of it, and it holds nothing"
        for hold_id, why in self.unreadable.items():
            return f"holds/{hold_id}.json cannot be read ({why}); it is active as the audit log has it"
        return ""

    def find(self, start: str) -> str:
        """The id with this start. Raises NotFoundError if there is none, or several."""
        found = (
            [name for name in {**self.active(), **self._files, **self.unreadable} if name.startswith(start)]
            if start
            else []
        )
        if len(found) != 1:
            raise NotFoundError(f"{len(found) or 'no'} holds have an id that begins with `{start}`; expected one")
        return found[0]

    # --- the three acts -------------------------------------------------------------------------------------------

    def place(self, hold: Hold, audit: AuditLog) -> None:
        """Place a hold: active on return. Raises StoreError: it is not; RequestError: there are too many."""
        if len(self.active()) >= HOLDS_MAX:
            raise RequestError(f"{HOLDS_MAX} holds are active, the most that a store takes; release one first")
        self._tell(audit, acts.HoldPlaced.of(hold))
        self._write(hold)

    def extend(self, hold_id: str, wish: rules.Extension, by: By, audit: AuditLog) -> Hold:
        """Set another review, on the disk on return. Raises StoreError, NotFoundError."""
        if hold_id not in self.active():
            raise NotFoundError(f"hold {hold_id} cannot be read, nor is it in the audit log: it can only be released")
        hold = rules.extend(self.active()[hold_id], wish, by)
        self._tell(audit, acts.HoldExtended.of(hold))
        self._write(hold)
        return hold

    def _write(self, hold: Hold) -> None:
        """Write the file besides the line; `settle` makes up for a refusing disk."""
        try:
            durable.replace(self._file(hold.hold_id), records.encode(hold))
        except StoreError as error:
            self.owes = True
            log.event("hold_file_refused", "warning", hold_id=hold.hold_id, why=str(error))
        else:
            self._files[hold.hold_id] = hold
            self.unreadable.pop(hold.hold_id, None)

    def release(self, act: acts.HoldReleasing, audit: AuditLog) -> Hold | None:
        """End a hold, whatever is in its file, and return it. Raises StoreError: it is still active.

        `act`: which hold, and why; its other fields are filled in here.
        """
        hold_id = act.hold_id
        hold = self.active().get(hold_id)
        audit.add(replace(act, **(_about(hold) if hold else {"unreadable": self.unreadable.get(hold_id, "")})))
        self.owes = True
        self._sign()
        self._carry_out_release(hold_id, audit, finished_later=False)
        self.owes = False
        return hold

    def _carry_out_release(self, hold_id: str, audit: AuditLog, *, finished_later: bool) -> None:
        path, hold = self._file(hold_id), self.active().get(hold_id)
        try:
            path.unlink(missing_ok=True)
            durable.sync(self._path)
        except OSError as error:
            raise StoreError(f"{path}: could not be released: {error.strerror or error}") from error
        self._files.pop(hold_id, None)
        self.unreadable.pop(hold_id, None)
        self._sworn.discard(hold_id)
        log.event("hold_released", hold_id=hold_id)
        act = acts.HoldReleased(hold_id, finished_later=finished_later)
        if hold:
            act = replace(act, **_about(hold), parts=tuple(sorted(self._whole(hold.recording_id))))
        audit.add(act)

    def _tell(self, audit: AuditLog, act: acts.WholeHold) -> None:
        audit.add(act)
        log.event(act.event, hold_id=act.hold_id, recording_id=act.recording_id)

    # --- reviews --------------------------------------------------------------------------------------------------

    def tell_due(self, hold: Hold, audit: AuditLog) -> None:
        """Log, once per revision, that a review is due. Raises StoreError."""
        if self._due_told.get(hold.hold_id) != hold.revision:
            audit.add(acts.HoldReviewDue(**_about(hold), review=str(hold.review), revision=hold.revision))

    # --- the files and the log ------------------------------------------------------------------------------------

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        match line.act:
            case acts.Deleted(recording_id=name, track=track):
                self._were_held.discard((name, track))
            case acts.HoldReleasing(hold_id=hold_id) | acts.HoldReleased(hold_id=hold_id) if not line.is_signed:
                if hold_id in self._told:
                    self._not_ended[hold_id] = line.n
            case acts.HoldPlaced() | acts.HoldExtended() as act:
                self._told[act.hold_id] = act.hold()
            case acts.HoldUnreadable(hold_id=hold_id):
                self._sworn.add(hold_id)
            case acts.HoldReleasing(hold_id=hold_id):
                self._releasing.add(hold_id)
                self._not_ended.pop(hold_id, None)
            case acts.HoldReviewDue(hold_id=hold_id, revision=revision):
                self._due_told[hold_id] = revision
            case acts.HoldReleased() as act:
                self._follow_release(act)

    def _follow_release(self, act: acts.HoldReleased) -> None:
        if hold := self._told.pop(act.hold_id, None):
            parts = (hold.recording_id,) if act.parts is UNSET else act.parts
            self._were_held |= {(part, track) for part in parts for track in hold.tracks}
        self._due_told.pop(act.hold_id, None)
        self._releasing.discard(act.hold_id)

    def refresh(self) -> bool:
        """Read the files again when one came or went; return whether one did. Raises StoreError."""
        try:
            changed_ns = self._path.stat().st_mtime_ns
            if changed_ns == self._seen_ns:
                return False
            names = sorted(entry.name for entry in self._path.iterdir() if entry.name.endswith(".json"))
        except OSError as error:
            self._blind = True
            raise StoreError(f"{self._path}: {error.strerror or error}; nothing is deleted until it is") from error
        self._blind, self._seen_ns, self._files = False, changed_ns, {}
        unreadable, self.unreadable = self.unreadable, {}
        for name in names:
            hold_id = name.removesuffix(".json").encode("ascii", "backslashreplace").decode()
            self._names[hold_id] = name
            self._read(hold_id, unreadable)
        return True

    def settle(self, audit: AuditLog) -> None:
        """Complete what a crash left between the files and the log. Raises StoreError; to be called again then."""
        durable.forget_new(self._path)
        audit.be_certain()
        self._doubtful = audit.is_doubtful
        failed = [error for step in self._unsettled(audit) if (error := _error_of(step))]
        self.owes = bool(failed)
        if failed:
            raise failed[0]

    def _unsettled(self, audit: AuditLog) -> Iterator[Callable[[], object]]:
        """The steps to do, one per hold: a failed one must not prevent the others."""
        for hold_id in sorted(self._releasing):
            yield partial(self._carry_out_release, hold_id, audit, finished_later=True)
        for hold_id, hold in sorted(self._files.items()):
            told = self._told.get(hold_id)
            if told is None and self._doubtful:
                yield partial(self._tell, audit, acts.HoldPlaced.of(hold, finished_later=True))
            elif told is not None and told != hold and _what(told) == _what(hold):
                yield partial(self._write, told)
        for hold_id in sorted(self.unreadable.keys() - self._told.keys() - self._sworn if self._doubtful else ()):
            yield partial(audit.add, acts.HoldUnreadable(hold_id))
        for hold_id in sorted(self._told.keys() - self._files.keys() - self.unreadable.keys()):
            yield partial(self._restore, self._told[hold_id], audit)

    def _restore(self, hold: Hold, audit: AuditLog) -> None:
        """A file has gone that nobody released: restore it from the log, which records that."""
        durable.publish(self._path, [(f"{hold.hold_id}.json", records.encode(hold))], mode=0o640)
        self._files[hold.hold_id] = hold
        log.event("hold_restored", "warning", hold_id=hold.hold_id)
        audit.add(acts.HoldRestored(**_about(hold)))

    def _file(self, hold_id: str) -> Path:
        return self._path / self._names.get(hold_id, f"{hold_id}.json")

    def _read(self, hold_id: str, before: dict[str, str]) -> None:
        path = self._file(hold_id)
        try:
            if path.is_symlink() or path.stat().st_size > FILE_BYTES_MAX:
                raise msgspec.DecodeError("a link, or larger than any hold")
            hold = msgspec.json.decode(path.read_bytes(), type=Hold)
            if hold.hold_id != hold_id:
                raise msgspec.DecodeError(f"it says that it is {hold.hold_id}")
        except NOT_A_HOLD as error:
            self.unreadable[hold_id] = str(error)
            if hold_id not in before:
                log.event("hold_unreadable", "error", hold_id=hold_id, why=str(error))
        else:
            self._files[hold_id] = hold


def _what(hold: Hold) -> object:
    """The fields to compare; the review may be a revision behind."""
    return hold.recording_id, hold.tracks, hold.kind, hold.incident


def _error_of(step: Callable[[], object]) -> StoreError | None:
    try:
        step()
    except StoreError as error:
        return error
    return None


def _about(hold: Hold) -> dict[str, Any]:
    return {name: getattr(hold, name) for name in acts.AboutHold.__struct_fields__}
