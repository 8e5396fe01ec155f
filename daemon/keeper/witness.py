"""What the keeper sees by itself for the log: recordings that begin and end, and the policy that is in force.

The law here: what the log says already is known from the log, so that a recording is told once, whoever was down when
it began or ended; the files are the truth. One thread.
"""

from __future__ import annotations

from typing import Any

from daemon import records
from daemon.config import Settings
from daemon.keeper.audit import Act, AuditLog
from daemon.keeper.listing import chain
from daemon.keeper.store import Store, read_record

LOOK_MAX = 64
"""Recordings that are told of at one look: a tenth of a second on a card. A store whose log was lost takes several."""


class Witness:
    """Follows the log, and adds what is missing in it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: dict[str, bool] = {}
        """Recordings whose beginning stands in the log, and whether their end does; only those that are there."""
        self._policy: dict[str, Any] = {}

    def follow(self, line: dict[str, Any]) -> None:
        """Takes a line of the log."""
        match line:
            case {"event": "recording_began", "recording_id": str(name)}:
                self._told[name] = False
            case {"event": "recording_ended", "recording_id": str(name)}:
                self._told[name] = True
            case {"event": "deleted", "recording_id": str(name)} if not self._store.is_known(name):
                self._told.pop(name, None)
            case {"event": "policy", "sha256": str(), "tracks": list()}:
                self._policy = line

    def look(self, audit: AuditLog) -> bool:
        """Tells what began and ended since; True when there is more. Raises StoreError when the log takes no line."""
        for name in self._told.keys() - self._store.entries.keys():
            del self._told[name]
        entries = self._store.entries
        news = [name for name in entries if not self._told.get(name, False) and not self._is_told(name)]
        acts = [act for name in news[:LOOK_MAX] for act in self._news(name)]
        if acts:
            audit.add_all(acts)
        return len(news) > LOOK_MAX

    def _is_told(self, name: str) -> bool:
        """Of one that is open: whether its beginning is."""
        return name in self._told and not self._store.entries[name].closed

    def _news(self, name: str) -> list[Act]:
        began = [] if name in self._told else self._began(name)
        return began + (self._ended(name) if self._store.entries[name].closed else [])

    def under(self, settings: Settings, audit: AuditLog) -> None:
        """Tells which policy is in force, when it is another than before. Raises StoreError."""
        policy = settings.policy
        told = {
            "name": policy.name, "sha256": settings.policy_sha256, "in_force_from": policy.in_force_from.isoformat(),
            "tracks": list(policy.tracks()),
        }  # fmt: skip
        if any(self._policy.get(key) != value for key, value in told.items()):
            audit.add("policy", **told)

    def _began(self, name: str) -> list[Act]:
        begin = read_record(self._store.path(name) / "begin.json", records.Begin)
        if begin is None:
            return []
        told = {
            "recording_id": name, "trigger": _trigger(alarm=begin.alarm, test=begin.test), "tracks": list(begin.tracks),
            "policy_sha256": begin.policy_sha256, "continues": begin.continues, "began_wall_ns": begin.at_wall_ns,
        }  # fmt: skip
        return [("recording_began", told)]

    def _ended(self, name: str) -> list[Act]:
        path = self._store.path(name)
        end = read_record(path / "end.json", records.End)
        if end is None:
            self._told[name] = True  # it can be told no more than that it was begun; `store verify` names what is wrong
            return []
        seconds: dict[str, float] = {}
        for line in chain(path):
            if isinstance(line, records.SegmentLine):
                seconds[line.track] = seconds.get(line.track, 0.0) + (line.t1_boot_ns - line.t0_boot_ns) / 1e9
        told = {
            "recording_id": name, "trigger": _trigger(alarm=end.alarm, test=end.test), "why": end.why,
            "seconds": {track: round(length_s, 1) for track, length_s in seconds.items()},
            "ended_wall_ns": end.at_wall_ns,
        }  # fmt: skip
        return [("recording_ended", told)]


def _trigger(*, alarm: bool, test: bool) -> str:
    """What began a recording, or what it was when it ended."""
    return "test" if test else "alarm" if alarm else "conversation"
