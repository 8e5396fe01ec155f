"""What is in the store: read from the files themselves, which are the truth.

The law here: what is not understood is counted, named and left alone. A directory becomes a recording by its
`begin.json`; a track is there as long as its envelope or a segment is.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from daemon import log, records
from daemon.errors import NotFoundError
from daemon.model.retention import Kept
from hardware.ports import Track

TRACKS: tuple[Track, ...] = ("audio", "video")
BEGIN_BYTES_MAX = 65_536
"""begin.json is a few kilobytes, with sixty-four holders about six."""
NOT_A_RECORD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for a file that is something else; the last for one of thousands of brackets."""
H_NS = 3_600_000_000_000


class Store:
    """The recordings of a unit. One thread."""

    def __init__(self, recordings: Path) -> None:
        self._path = recordings
        self._begins: dict[str, records.Begin] = {}
        self._sizes: dict[str, int] = {}
        self.unaccounted: dict[str, str] = {}
        """Names that are no recording, and why."""
        self._seen_ns = -1

    def refresh(self) -> bool:
        """Looks for recordings that came or went; True when something did. Costs one stat when nothing did."""
        known = len(self._begins)
        for name in list(self.unaccounted):
            self._look_at(name)  # a recording that was being begun is one by now
        changed_ns = self._path.stat().st_mtime_ns
        if changed_ns == self._seen_ns:
            return known != len(self._begins)
        self._seen_ns = changed_ns
        names = {entry.name for entry in self._path.iterdir()}
        for name in names - self._begins.keys():
            self._look_at(name)
        for name in self._begins.keys() - names:
            self.forget(name)
        for name in self.unaccounted.keys() - names:
            del self.unaccounted[name]
        return True

    def kept(self, held: Collection[tuple[str, Track]] = ()) -> tuple[Kept, ...]:
        """Every track that is there, with what its age is counted from; `held`: those that an incident holds."""
        return tuple(
            Kept(
                recording_id, track, begin.tracks[track].oldest_wall_ns, begin.tracks[track].oldest_boot_ns,
                begin.boot_id, begin.clock == "synchronised", begin.tracks[track].term_h * H_NS,
                held=(recording_id, track) in held,
            )
            for recording_id, begin in self._begins.items()
            for track in self._there(recording_id, begin)
        )  # fmt: skip

    def _there(self, recording_id: str, begin: records.Begin) -> list[Track]:
        """The tracks that are there; a recording that came to nothing goes with the term of its first."""
        return [track for track in begin.tracks if self.has(recording_id, track)] or list(begin.tracks)[:1]

    def has(self, recording_id: str, track: Track) -> bool:
        """Whether anything of a track is there."""
        path = self._path / recording_id
        return (path / track).is_dir() or any(path.glob(f"{track}.*.key.age"))

    def is_known(self, recording_id: str) -> bool:
        """Whether this is a recording of the store."""
        return recording_id in self._begins

    def path(self, recording_id: str) -> Path:
        """A recording's directory."""
        return self._path / recording_id

    def forget(self, recording_id: str) -> None:
        """The recording is gone."""
        self._begins.pop(recording_id, None)
        self._sizes.pop(recording_id, None)

    def changed(self, recording_id: str) -> None:
        """Something of it has been deleted: its size is another."""
        self._sizes.pop(recording_id, None)

    def __len__(self) -> int:
        """How many recordings there are."""
        return len(self._begins)

    def bytes(self) -> int:
        """What all recordings take; a closed one is measured once."""
        return sum(self._size(recording_id) for recording_id in self._begins)

    def page(self, after: str, count: int) -> list[dict[str, Any]]:
        """Recordings by start time, then id: the ones that follow `after`."""
        order = sorted(self._begins.values(), key=lambda begin: (begin.at_wall_ns, begin.recording_id))
        ids = [begin.recording_id for begin in order]
        start = ids.index(after) + 1 if after in ids else 0
        return [self.summary(recording_id) for recording_id in ids[start : start + count]]

    def find(self, start: str) -> str:
        """The id that begins so. Raises NotFoundError when none does, or several do."""
        found = [name for name in self._begins if name.startswith(start)] if start else []
        if len(found) != 1:
            raise NotFoundError(f"{len(found) or 'no'} recordings have an id that begins with `{start}`; expected one")
        return found[0]

    def summary(self, recording_id: str) -> dict[str, Any]:
        """A recording in figures, never content."""
        begin = self._begins[recording_id]
        path = self._path / recording_id
        end = _read(path / "end.json", records.End)
        lines = chain(path)
        tracks = {}
        for track in begin.tracks:
            segments = [line for line in lines if isinstance(line, records.SegmentLine) and line.track == track]
            tracks[track] = {
                "there": self.has(recording_id, track),
                "segments": len(segments),
                "seconds": round((segments[-1].t1_boot_ns - segments[0].t0_boot_ns) / 1e9, 1) if segments else 0.0,
                "bytes": sum(line.bytes for line in segments),
                "gaps": sum(isinstance(line, records.GapLine) and line.track == track for line in lines),
                "expires_wall_ns": begin.tracks[track].oldest_wall_ns + begin.tracks[track].term_h * H_NS,
            }
        return {
            "recording_id": recording_id, "at_wall_ns": begin.at_wall_ns, "policy": begin.policy,
            "alarm": begin.alarm or bool(end and end.alarm), "continues": begin.continues,
            "state": end.why if end else "open", "detail": end.detail if end else "", "clock": begin.clock,
            "tracks": tracks,
        }  # fmt: skip

    def _look_at(self, name: str) -> None:
        begin = _read(self._path / name / "begin.json", records.Begin)
        if begin is not None and begin.recording_id == name and set(begin.tracks) <= set(TRACKS):
            self._begins[name] = begin
            self.unaccounted.pop(name, None)
        elif name not in self.unaccounted:
            self.unaccounted[name] = "no begin.json of a recording with this name"
            log.event("unaccounted", "warning", name=name, why=self.unaccounted[name])

    def _size(self, recording_id: str) -> int:
        if recording_id in self._sizes:
            return self._sizes[recording_id]
        path = self._path / recording_id
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        if (path / "SHA256SUMS.sig").exists():
            self._sizes[recording_id] = size
        return size


def chain(path: Path) -> list[records.ChainLine]:
    """The lines of a recording's chain that can be read."""
    try:
        raw = (path / "chain.jsonl").read_bytes()
    except OSError:
        return []
    lines = []
    for text in raw.splitlines():
        try:
            lines.append(msgspec.json.decode(text, type=records.ChainLine))
        except NOT_A_RECORD:
            continue  # torn by a power cut; `store verify` names it
    return lines


def _read(path: Path, kind: type[Any]) -> Any:
    """A record, or None for a file that is not there, is a link, or is no such record."""
    try:
        if path.is_symlink() or path.parent.is_symlink() or path.stat().st_size > BEGIN_BYTES_MAX:
            return None
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, *NOT_A_RECORD):
        return None
