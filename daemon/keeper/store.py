# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What is in the store: read from the files themselves, which are the truth.

The law here: what is not understood is counted, named and left alone; sealed tracks for the longest term that there
is (`unread.py`). A directory becomes a recording by its `begin.json`; a track is there as long as its envelope or a
segment is. No link is followed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from sys import intern
from typing import Any

import msgspec
from msgspec.structs import replace

from daemon import log, records
from daemon.errors import NotFoundError, StoreError
from daemon.inspection.files import open_regular
from daemon.model.policy import AUDIO_DECIDED_H_MAX, TERM_H_MAX
from daemon.model.retention import Kept
from daemon.model.timeline import Stamp
from daemon.names import ENVELOPE, ID, SEGMENT, TRACKS
from daemon.texts import shown
from hardware.ports import Track

BEGIN_BYTES_MAX = 65_536
"""begin.json is a few kilobytes, with sixty-four holders about six."""
NOT_A_RECORD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for a file that is something else; the last for one of thousands of brackets."""
H_NS = 3_600_000_000_000
BEGUN_MAX = 16
"""Directories that are looked at each second for a begin.json that is coming: the newest. One is made at a time."""
TERM_H: dict[Track, int] = {"audio": AUDIO_DECIDED_H_MAX, "video": TERM_H_MAX["video"]}
"""No unit makes a recording with a longer term (design 6): a record that names one is not a unit's."""


class Size(msgspec.Struct, frozen=True):
    """What a part of a recording takes."""

    files: int = 0
    bytes: int = 0


class Entry(msgspec.Struct):
    """One recording, as far as its keeping goes: begin.json has the rest."""

    boot_id: str
    at_boot_ns: int
    at_wall_ns: int
    trusted: bool
    """Whether the recorder's clock called itself synchronised."""
    kept: dict[Track, Kept]
    there: set[Track]
    closed: bool
    begun_as_test: bool = False
    is_test: bool = False
    """An engineer's, and closed as one: nobody has needed it."""
    sizes: dict[str, Size] = {}
    """By kind: audio, video, records. Empty: not measured since it changed."""


class Store:
    """The recordings of a unit. One thread."""

    def __init__(self, recordings: Path) -> None:
        self._path = recordings
        self.entries: dict[str, Entry] = {}
        self.unaccounted: dict[str, str] = {}
        """Names that are no recording, and why."""
        self._disowned: set[str] = set()
        """Those of them that look like recordings: they are not looked at again before the next start."""
        self._continues: dict[str, str] = {}
        """Recordings that took up one which was broken off: their id, and its."""
        self._said: dict[str, str] = {}
        """Of the unaccounted, what the journal has of them."""
        self._seen_ns = -1
        self._unmeasured: set[str] = set()

    def refresh(self) -> bool:
        """Looks for recordings that came or went; True when something did. Costs one stat when nothing did.

        Raises StoreError when the store cannot be listed.
        """
        before = set(self.entries)
        begun = [name for name in self.unaccounted if ID.match(name) and name not in self._disowned]
        for name in begun[-BEGUN_MAX:]:
            self._look_at(name)  # a recording that was being begun is one by now
        try:
            changed_ns = self._path.stat().st_mtime_ns
            if changed_ns != self._seen_ns:
                self._list()
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror or error}") from error
        self._seen_ns = changed_ns
        return before != self.entries.keys()

    def _list(self) -> None:
        with os.scandir(self._path) as entries:
            names = {entry.name for entry in entries}
        for name in names - self.entries.keys() - self.unaccounted.keys():
            self._look_at(name)
        for name in self.entries.keys() - names:
            self.forget(name)
        for name in self.unaccounted.keys() - names:
            del self.unaccounted[name]
        self._disowned &= names

    def look_again(self) -> None:
        """Looks at the recordings that were open: what has come to them, and whether they are closed.

        The next `refresh` lists the store anew: two changes in one tick of the kernel's clock have one time.
        """
        self._seen_ns = -1
        self._said = {name: why for name, why in self._said.items() if name in self.unaccounted}
        for name, why in self.unaccounted.items():  # by now no recording that is just being begun
            self._say(name, why)
        for name in [name for name, entry in self.entries.items() if not entry.closed]:
            self._look_at(name)

    def kept(self, held: Collection[tuple[str, Track]] = ()) -> Iterator[Kept]:
        """Every track that is there, with what its age is counted from; `held`: those that an incident holds.

        A recording that came to nothing goes with the term of its first track.
        """
        for recording_id, entry in self.entries.items():
            for track in entry.there or list(entry.kept)[:1]:
                kept = entry.kept[track]
                yield replace(kept, held=True) if (recording_id, track) in held else kept

    def has(self, recording_id: str, track: Track) -> bool:
        """Whether anything of a track is there."""
        return track in tracks_there(self._path / recording_id)

    def is_known(self, recording_id: str) -> bool:
        """Whether this is a recording of the store."""
        return recording_id in self.entries

    def whole(self, recording_id: str) -> set[str]:
        """This recording, those that it continues and those that continue it.

        They are one event, which a recorder that died cut in pieces; there is one continuation for each such death.
        """
        found, left = {recording_id}, [recording_id]
        while left:
            one = left.pop()
            after = {name for name, before in self._continues.items() if before == one}
            near = (after | {self._continues.get(one, one)}) - found
            found |= near
            left += near
        return found

    def parts(self, recording_id: str) -> list[str]:
        """What is there of the event that this recording is of, the oldest first."""
        there = [name for name in self.whole(recording_id) if name in self.entries]
        return sorted(there, key=lambda name: (self.entries[name].at_wall_ns, name))

    def path(self, recording_id: str) -> Path:
        """A recording's directory."""
        return self._path / recording_id

    def forget(self, recording_id: str) -> None:
        """The recording is gone."""
        self.entries.pop(recording_id, None)
        self._continues.pop(recording_id, None)
        self._unmeasured.discard(recording_id)

    def changed(self, recording_id: str) -> None:
        """Something of it has come or gone: a track, its end, or all of it."""
        path, entry = self._path / recording_id, self.entries.get(recording_id)
        if entry is None or not os.path.lexists(path / "begin.json"):
            self.forget(recording_id)
        else:
            entry.there, entry.sizes = tracks_there(path) & entry.kept.keys(), {}
            entry.closed = os.path.lexists(path / "SHA256SUMS.sig")
            self._unmeasured.add(recording_id)

    def unreadable(self) -> dict[str, set[Track]]:
        """Recordings that nobody can read the records of, and the tracks of them that are there."""
        found = {}
        for name in self.unaccounted:
            path = self._path / name
            if ID.match(name) and not path.is_symlink() and (tracks := tracks_there(path)):
                found[name] = tracks
        return found

    def disown(self, recording_id: str, why: str) -> None:
        """What is said in it cannot be: it is named, and left alone."""
        self.forget(recording_id)
        self._disowned.add(recording_id)
        self._name(recording_id, why)

    def __len__(self) -> int:
        """How many recordings there are."""
        return len(self.entries)

    def measure(self, count: int) -> None:
        """Measures so many of the recordings that changed since; ten thousand files take some 50 ms on a card."""
        for name in sorted(self._unmeasured)[:count]:
            self.entries[name].sizes = sizes(self._path / name)
            self._unmeasured.discard(name)

    def bytes(self) -> dict[str, int]:
        """What has been measured, by kind."""
        found = dict.fromkeys((*TRACKS, "records"), 0)
        for entry in self.entries.values():
            for kind, size in entry.sizes.items():
                found[kind] += size.bytes
        return found

    def find(self, start: str) -> str:
        """The id that begins so. Raises NotFoundError when none does, or several do."""
        found = [name for name in self.entries if name.startswith(start)] if start else []
        if len(found) != 1:
            raise NotFoundError(f"{len(found) or 'no'} recordings have an id that begins with `{start}`; expected one")
        return found[0]

    def _look_at(self, name: str) -> None:
        path = self._path / name
        if not os.path.lexists(path):
            self.forget(name)
            self.unaccounted.pop(name, None)
            return
        begin = read_record(path / "begin.json", records.Begin) if ID.match(name) and not path.is_symlink() else None
        why = _why_none(name, begin)
        if begin is None or why:
            self.forget(name)
            self._name(name, why)
            return
        self.unaccounted.pop(name, None)
        self._unmeasured.add(name)
        self.entries[name] = _entry(path, begin)
        if begin.continues:
            self._continues[name] = begin.continues

    def _name(self, name: str, why: str) -> None:
        if self.unaccounted.get(name, "") not in {why, ""} or not ID.match(name):
            self._say(name, why)
        self.unaccounted[name] = why

    def _say(self, name: str, why: str) -> None:
        if self._said.get(name) != why:
            log.event("unaccounted", "warning", name=shown(name), why=why)
        self._said[name] = why


def _why_none(name: str, begin: records.Begin | None) -> str:
    """Why this is no recording of a unit; empty: it is one."""
    if begin is None or begin.recording_id != name or not set(begin.tracks) <= set(TRACKS) or not begin.tracks:
        return "no begin.json of a recording with this name"
    for track, told in begin.tracks.items():
        if not 1 <= told.term_h <= TERM_H[track]:
            return f"its begin.json names a term of {told.term_h} hours of {track}; expected 1 to {TERM_H[track]}"
        if told.oldest_boot_ns > begin.at_boot_ns:
            return f"its begin.json names a frame of {track} that is younger than itself"
    return ""


def _entry(path: Path, begin: records.Begin) -> Entry:
    boot_id = intern(begin.boot_id)
    kept = {
        track: Kept(begin.recording_id, track, Stamp(boot_id, told.oldest_boot_ns), told.term_h * H_NS)
        for track, told in begin.tracks.items()
    }
    closed = os.path.lexists(path / "SHA256SUMS.sig")
    trusted, there = begin.clock == "synchronised", tracks_there(path) & kept.keys()
    is_test = begin.test and closed and _was_test(path)
    return Entry(boot_id, begin.at_boot_ns, begin.at_wall_ns, trusted, kept, there, closed, begin.test, is_test)


def _was_test(path: Path) -> bool:
    end = read_record(path / "end.json", records.End)
    return end is not None and bool(end.test)


def tracks_there(path: Path) -> set[Track]:
    """The tracks of which an envelope or a segment is there. What cannot be listed is not there."""
    found: set[Track] = set()
    try:
        with os.scandir(path) as entries:
            names = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    except OSError:
        return found
    for track in TRACKS:
        sealed = any(name.startswith(track) and ENVELOPE.match(name) and not is_dir for name, is_dir in names.items())
        if sealed or (names.get(track) and _has_segment(path / track)):
            found.add(track)
    return found


def _has_segment(directory: Path) -> bool:
    """What cannot be listed may have one: it is tried to be deleted, and named when that fails."""
    try:
        with os.scandir(directory) as entries:
            return any(SEGMENT.match(entry.name) and not entry.is_dir(follow_symlinks=False) for entry in entries)
    except OSError:
        return True


def has_envelope(path: Path, track: Track) -> bool:
    """Whether there is a key by which a track could be opened. What cannot be listed has one."""
    try:
        with os.scandir(path) as entries:
            return any(entry.name.startswith(f"{track}.") and ENVELOPE.match(entry.name) for entry in entries)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def sizes(path: Path) -> dict[str, Size]:
    """What a recording takes, by kind; foreign files inside it count with its records."""
    return {"records": size_of(path), **{track: size_of(path / track) for track in TRACKS}}


def size_of(directory: Path) -> Size:
    """What the files of one directory take; nothing for one that is not there, or was deleted in between."""
    count = size = 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    count, size = count + 1, size + entry.stat(follow_symlinks=False).st_size
    except OSError:
        return Size(count, size)
    return Size(count, size)


def read_record(path: Path, kind: type[Any]) -> Any:
    """A record, or None for a file that is not there, is a link, or is no such record."""
    try:
        with open_regular(path, BEGIN_BYTES_MAX) as file:
            return msgspec.json.decode(file.read(BEGIN_BYTES_MAX), type=kind)
    except (OSError, *NOT_A_RECORD):
        return None
