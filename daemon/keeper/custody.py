# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Holds on custodians' requests: checked against the store, and answered.

Invariant: an invalid request changes nothing, and its answer says what was expected. Any other answer means that the
hold is on the disk, or gone from it.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from daemon import link
from daemon.errors import RequestError
from daemon.keeper.archive import Archive
from daemon.model import acts
from daemon.model import holds as rules
from daemon.model.holds import By
from daemon.names import TRACKS
from daemon.times import zone
from hardware.ports import Clock, Track

HOLDS_MAX = 30
"""Holds per answer: the longest takes 1.5 kB."""
START_MIN = 8
"""Characters of an id for ending a hold: as many as the list shows; deleted tracks do not come back."""
PARTS_MAX = 10
"""Recordings listed as kept with it: a recorder that dies more often in one alarm needs an engineer."""
EXPECTED = {
    "incident": f"the incident's or the request's number: {rules.NUMBER_IS}; no name",
    "on_behalf_of": "a role such as manager, in small letters; no name",
    "reason": "one line of 1 to 200 characters; no name",
    "review": "a date such as 2026-11-30",
    "tracks": "audio, video or both",
    "kind": "incident or access",
}
"""For the person, by the field that is wrong."""
T = TypeVar("T")


class Asked(NamedTuple):
    """One request that has been allowed."""

    peer: link.Peer
    by: By
    args: dict[str, Any]


class Custody:
    """One thread: the keeper's."""

    def __init__(self, archive: Archive, sweep: Callable[[], list[dict[str, str]]]) -> None:
        """`sweep` deletes what is due now and returns what was deleted."""
        self._archive, self._sweep = archive, sweep
        self._policy = archive.settings.policy.holds
        self._zone = zone(archive.settings.policy.zone) or datetime.UTC
        self._roles = archive.settings.policy.roles()
        """A hold is placed, extended and released on behalf of one of them. Empty: any."""

    def page(self, asked: Asked) -> Any:
        """A page of the active holds, the oldest first, and what is wrong with their files."""
        after = str(asked.args.get("after", ""))
        found = sorted(self._archive.holds.active().values(), key=lambda hold: (hold.placed_wall_ns, hold.hold_id))
        ids = [hold.hold_id for hold in found]
        start = ids.index(after) + 1 if after in ids else 0
        shown = [self._shown(hold) for hold in found[start : start + HOLDS_MAX]]
        return {"holds": shown, "unknown": self._archive.holds.unknown(), "fault": self._archive.holds.fault()}

    def _shown(self, hold: rules.Hold) -> dict[str, Any]:
        stands = rules.standing(hold, self._archive.clock.read(), self._policy, self._zone)
        store = self._archive.store
        others = sorted(name for name in store.whole(hold.recording_id) - {hold.recording_id} if store.is_known(name))
        return {
            **msgspec.to_builtins(hold), "recording_there": store.is_known(hold.recording_id),
            "kept_with_it": others[:PARTS_MAX], "review_due": stands.is_due, "overdue_d": stands.overdue_d,
        }  # fmt: skip

    def place(self, asked: Asked) -> Any:
        """Place a hold on existing tracks that are not being deleted."""
        archive, wish = self._archive, understood(asked.args, rules.Wish)
        check_role(wish.on_behalf_of, self._roles)
        recording_id, now = archive.store.find(wish.recording), archive.clock.read()
        _check_review(wish.review, archive.clock, self._zone)
        parts_of = sorted(name for name in archive.store.whole(recording_id) if archive.store.is_known(name))
        there = tuple(track for track in TRACKS if any(self._can_be_held(name, track) for name in parts_of))
        for held in archive.holds.active().values():
            if (held.recording_id, held.incident, held.kind) == (recording_id, wish.incident, wish.kind):
                raise RequestError(f"hold {held.hold_id} keeps it for {wish.incident} already; extend that one")
        tracks = tuple(track for track in there if track in (wish.tracks or there))
        missing = set(wish.tracks) - set(tracks)
        if missing or not tracks:
            gone, left = " and ".join(sorted(missing)) or "audio and video", ", ".join(there) or "nothing"
            raise RequestError(f"recording {recording_id} has no {gone} any more; there is {left}")
        hold = rules.place(wish, (secrets.token_hex(16), recording_id), tracks, now, asked.by)
        archive.holds.place(hold, archive.audit)
        return self._shown(hold)

    def _can_be_held(self, recording_id: str, track: Track) -> bool:
        """Whether a track exists and its deletion has not begun: that cannot be called off, because its key is gone."""
        store, begun = self._archive.store, self._archive.audit.unfinished
        return store.has(recording_id, track) and (recording_id, track) not in begun

    def extend(self, asked: Asked) -> Any:
        """Set a later review."""
        archive, wish = self._archive, understood(asked.args, rules.Extension)
        check_role(wish.on_behalf_of, self._roles)
        hold_id = archive.holds.find(wish.hold)
        _check_review(wish.review, archive.clock, self._zone)
        return self._shown(archive.holds.extend(hold_id, wish, asked.by, archive.audit))

    def release(self, asked: Asked) -> Any:
        """Release a hold. Tracks past their term are deleted before the answer."""
        archive, wish = self._archive, understood(asked.args, rules.Release)
        check_role(wish.on_behalf_of, self._roles)
        if len(wish.hold) < START_MIN:
            raise RequestError(f"hold `{wish.hold}`: expected {START_MIN} characters of its id at the least")
        hold_id = archive.holds.find(wish.hold)
        act = acts.HoldReleasing(hold_id, on_behalf_of=wish.on_behalf_of, reason=wish.reason, uid=asked.by.uid,
                                 role=asked.by.role)  # fmt: skip
        hold = archive.holds.release(act, archive.audit)
        gone = self._sweep()
        whole = archive.store.whole(hold.recording_id) if hold else set()
        still = sorted(one.hold_id for one in archive.holds.active().values() if one.recording_id in whole)
        recording_id = hold.recording_id if hold else None
        return {"hold_id": hold_id, "recording_id": recording_id, "deleted": gone, "still_held_by": still}


def check_role(role: str, roles: frozenset[str]) -> None:
    """Raises RequestError for a role that is none of the policy's; a policy without roles allows any."""
    if roles and role not in roles:
        raise RequestError(f"on_behalf_of: expected a role of the policy: {', '.join(sorted(roles))}")


def _check_review(review: Any, clock: Clock, days: datetime.tzinfo) -> None:
    if wrong := rules.review_fault(review, clock.read(), days):
        raise RequestError(wrong)


def understood(args: dict[str, Any], kind: type[T], expected: Mapping[str, str] = EXPECTED) -> T:
    """A request as a value. Raises RequestError, which says what was expected."""
    try:
        return msgspec.convert(args, kind)
    except msgspec.ValidationError as error:
        name = next((name for name in expected if f"$.{name}" in str(error) or f"`{name}`" in str(error)), "")
        raise RequestError(f"{name}: expected {expected[name]}" if name else str(error)) from error
