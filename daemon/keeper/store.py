# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recordings in the store, read from the files themselves, which are the truth.

Invariant: what is not understood is counted, listed and left alone; sealed tracks for the longest possible term
(`unread.py`). A directory becomes a recording by its `begin.json`; a track exists as long as its envelope or a segment
does. No link is followed.
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
"""Raised by decoding a file that is something else; the last for one of thousands of brackets."""
H_NS = 3_600_000_000_000
BEGUN_MAX = 16
"""Directories checked each second for a new begin.json: the newest. One is created at a time."""
TERM_H: dict[Track, int] = {"audio": AUDIO_DECIDED_H_MAX, "video": TERM_H_MAX["video"]}
"""No unit makes a recording with a longer term (design 6): a record that says so is not a unit's."""


class Size(msgspec.Struct, frozen=True):
    """Size of a part of a recording."""

    files: int = 0
    bytes: int = 0


class Entry(msgspec.Struct):
    """One recording, as far as retention needs it; begin.json has the rest."""

    boot_id: str
    at_boot_ns: int
    at_wall_ns: int
    trusted: bool
    """Whether the recorder's clock claimed to be synchronised."""
    kept: dict[Track, Kept]
    there: set[Track]
    closed: bool
    begun_as_test: bool = False
    is_test: bool = False
    """An engineer's test, and closed as one: nobody has needed it."""
    sizes: dict[str, Size] = {}
    """By kind: audio, video, records. Empty: not measured since its last change."""


class Store:
    """The recordings of a unit. One thread."""

    def __init__(self, recordings: Path) -> None:
        self._path = recordings
        self.entries: dict[str, Entry] = {}
        self.unaccounted: dict[str, str] = {}
        """Names that are not recordings, and why."""
        self._disowned: set[str] = set()
        """Those that look like recordings: they are not checked again before the next start."""
        self._continues: dict[str, str] = {}
        """Continuations of interrupted recordings: id -> id of the interrupted one."""
        self._said: dict[str, str] = {}
        """The reasons last logged for unaccounted names."""
        self._seen_ns = -1
        self._unmeasured: set[str] = set()

    def refresh(self) -> bool:
        """Look for recordings that came or went; return whether any did. Costs one stat if none did.

        Raises StoreError if the store cannot be listed.
        """
        before = set(self.entries)
        begun = [name for name in self.unaccounted if ID.match(name) and name not in self._disowned]
        for name in begun[-BEGUN_MAX:]:
            self._look_at(name)  # a recording that was being begun is complete by now
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
        """Check the open recordings: new tracks, and whether they are closed.

        The next `refresh` lists the store anew: two changes within one tick of the kernel's clock have the same time.
        """
        self._seen_ns = -1
        self._said = {name: why for name, why in self._said.items() if name in self.unaccounted}
        for name, why in self.unaccounted.items():  # by now, not a recording that is just being begun
            self._say(name, why)
        for name in [name for name, entry in self.entries.items() if not entry.closed]:
            self._look_at(name)

    def kept(self, held: Collection[tuple[str, Track]] = ()) -> Iterator[Kept]:
        """Yield every existing track, with the origin of its age. `held`: tracks with a hold.

        A recording without tracks has the term of its first one.
        """
        for recording_id, entry in self.entries.items():
            for track in entry.there or list(entry.kept)[:1]:
                kept = entry.kept[track]
                yield replace(kept, held=True) if (recording_id, track) in held else kept

    def has(self, recording_id: str, track: Track) -> bool:
        """Whether anything of a track exists."""
        return track in tracks_there(self._path / recording_id)

    def is_known(self, recording_id: str) -> bool:
        """Whether this is a recording of the store."""
        return recording_id in self.entries

    def whole(self, recording_id: str) -> set[str]:
        """This recording, those that it continues and those that continue it.

        They are one event, interrupted whenever a recorder died; there is one continuation per death.
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
        """The existing parts of this recording's event, the oldest first."""
        there = [name for name in self.whole(recording_id) if name in self.entries]
        return sorted(there, key=lambda name: (self.entries[name].at_wall_ns, name))

    def path(self, recording_id: str) -> Path:
        """A recording's directory."""
        return self._path / recording_id

    def forget(self, recording_id: str) -> None:
        """The recording has gone."""
        self.entries.pop(recording_id, None)
        self._continues.pop(recording_id, None)
        self._unmeasured.discard(recording_id)

    def changed(self, recording_id: str) -> None:
        """Something of it has changed: a track, its end, or everything."""
        path, entry = self._path / recording_id, self.entries.get(recording_id)
        if entry is None or not os.path.lexists(path / "begin.json"):
            self.forget(recording_id)
        else:
            entry.there, entry.sizes = tracks_there(path) & entry.kept.keys(), {}
            entry.closed = os.path.lexists(path / "SHA256SUMS.sig")
            self._unmeasured.add(recording_id)

    def unreadable(self) -> dict[str, set[Track]]:
        """Recordings with unreadable records, and their existing tracks."""
        found = {}
        for name in self.unaccounted:
            path = self._path / name
            if ID.match(name) and not path.is_symlink() and (tracks := tracks_there(path)):
                found[name] = tracks
        return found

    def disown(self, recording_id: str, why: str) -> None:
        """Its records are impossible: list it, and leave it alone."""
        self.forget(recording_id)
        self._disowned.add(recording_id)
        self._name(recording_id, why)

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.entries)

    def measure(self, count: int) -> None:
        """Measure up to `count` of the changed recordings; ten thousand files take some 50 ms on a card."""
        for name in sorted(self._unmeasured)[:count]:
            self.entries[name].sizes = sizes(self._path / name)
            self._unmeasured.discard(name)

    def bytes(self) -> dict[str, int]:
        """The measured bytes, by kind."""
        found = dict.fromkeys((*TRACKS, "records"), 0)
        for entry in self.entries.values():
            for kind, size in entry.sizes.items():
                found[kind] += size.bytes
        return found

    def find(self, start: str) -> str:
        """The id with this start. Raises NotFoundError if there is none, or several."""
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
    """Why this is not a unit's recording; empty: it is."""
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
    """The tracks with an envelope or a segment. A directory that cannot be listed has none."""
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
    """A directory that cannot be listed may have one: its deletion is tried, and reported if it fails."""
    try:
        with os.scandir(directory) as entries:
            return any(SEGMENT.match(entry.name) and not entry.is_dir(follow_symlinks=False) for entry in entries)
    except OSError:
        return True


def has_envelope(path: Path, track: Track) -> bool:
    """Whether there is a key that could open a track. A directory that cannot be listed has one."""
    try:
        with os.scandir(path) as entries:
            return any(entry.name.startswith(f"{track}.") and ENVELOPE.match(entry.name) for entry in entries)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def sizes(path: Path) -> dict[str, Size]:
    """Size of a recording, by kind; foreign files in it count with its records."""
    return {"records": size_of(path), **{track: size_of(path / track) for track in TRACKS}}


def size_of(directory: Path) -> Size:
    """Size of the files in one directory; zero if it is missing, or was deleted meanwhile."""
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
    """A record; None: the file is missing, is a link, or is not such a record."""
    try:
        with open_regular(path, BEGIN_BYTES_MAX) as file:
            return msgspec.json.decode(file.read(BEGIN_BYTES_MAX), type=kind)
    except (OSError, *NOT_A_RECORD):
        return None
