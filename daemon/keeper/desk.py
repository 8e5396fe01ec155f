"""Where operators come to the keeper: who may ask for what, what they are told, what the audit log says of it.

The law here: a verb is looked up in `model/rights.py` before anything is done; an act of a person is a line in the log
with their user's number and the role that let them; a refusal is one too, and a flood of refusals is a number. It
answers from the keeper's own loop: what takes longer than a glance is handed out as an open file.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from daemon import link, log, people, records, sign, wire
from daemon.errors import RequestError, RightsError, StoreError, UnitError
from daemon.keeper import listing, speed
from daemon.keeper.audit import AuditLog
from daemon.keeper.export import Exports
from daemon.keeper.holds import Holds, Key
from daemon.keeper.store import Store
from daemon.keeper.trials import Trials
from daemon.keeper.verifier import Verifier
from daemon.model import holds as rules
from daemon.model.holds import By
from daemon.model.policy import HoldPolicy
from daemon.model.refusals import Refusal, Refusals
from daemon.model.rights import KEEPER_ACTS, refusal
from daemon.names import TRACKS
from daemon.paths import Paths
from hardware.ports import Clock, Track

RECORDINGS_MAX = 20
"""Recordings in one answer: each takes under a kilobyte, and a message is 64 at most."""
HOLDS_MAX = 30
"""Holds in one answer: the longest takes 1.5 kB."""
EXPECTED = {
    "incident": "a number of 1 to 64 letters, digits, spaces and . / _ -",
    "on_behalf_of": "a role such as manager, in small letters; no name",
    "reason": "one line of 1 to 200 characters; no name",
    "review": "a date such as 2026-11-30",
    "tracks": "audio, video or both",
    "kind": "incident or access",
}
"""For who asks, by the field that is wrong."""
T = TypeVar("T")


class Parts(NamedTuple):
    """What the desk works with; all of it is the keeper's."""

    store: Store
    holds: Holds
    audit: AuditLog
    clock: Clock
    policy: HoldPolicy
    paths: Paths


class Whole(NamedTuple):
    """What the keeper as a whole is asked for."""

    state: Callable[[], wire.KeeperState]
    sweep: Callable[[], list[dict[str, str]]]
    """Deletes what is due now and says what went."""
    verifier: Verifier
    trials: Trials


class Asked(NamedTuple):
    """One request, once it is known that it may be made."""

    peer: link.Peer
    by: By
    args: dict[str, Any]


class Handed(NamedTuple):
    """An answer with open files; they are closed when it has been sent."""

    body: Any
    files: tuple[int, ...]


class CheckReport(msgspec.Struct, tag_field="format", tag="spreekkamer-check/1"):
    """Of a commissioning report, what tells it from everything else."""

    unit: str
    at: str


class Later(NamedTuple):
    """An answer that a thread of its own gives when it has it."""


Answer = Callable[[Asked], Any]


class Desk:
    """One thread: the keeper's."""

    def __init__(self, parts: Parts, whole: Whole, door: people.Door) -> None:
        self._parts, self._door, self._verifier, self._trials = parts, door, whole.verifier, whole.trials
        self._sweep = whole.sweep
        self._refusals = Refusals()
        self._exports = Exports(parts.store)
        self._acted = False
        self._verbs: dict[str, Answer] = {
            "state": lambda _: whole.state(), "recordings": self._recordings, "recording": self._recording,
            "holds": self._holds, "hold_place": self._place, "hold_extend": self._extend, "hold_release": self._release,
            "audit": self._log, "export": self._export, "export_files": self._export_files,
            "verify": self._verify, "recording_tested": self._recording_tested,
            "disk_speed": self._disk_speed, "sign_check": self._sign_check,
        }  # fmt: skip

    def answer(self, peer: link.Peer, request: wire.Request) -> None:
        """Does what is asked, if whoever asks may, and says what came of it."""
        files: tuple[int, ...] = ()
        try:
            body = self._do(peer, request)
            if isinstance(body, Later):
                return
            if isinstance(body, Handed):
                body, files = body
            reply = wire.Reply(body)
        except UnitError as error:
            reply = wire.Reply(error=str(error), exit_code=error.exit_code)
        peer.send(reply, files)
        for fd in files:
            os.close(fd)

    def left(self, peer: link.Peer) -> None:
        """Somebody is gone."""
        self._exports.forget(peer)

    def acted(self) -> bool:
        """Whether a custodian has done something since this was last asked: the log is signed then."""
        acted, self._acted = self._acted, False
        return acted

    def tick(self, now_ns: int) -> None:
        """Closes the day of the refused, once a day."""
        for closing in self._refusals.due(now_ns):
            self._tell_refusal(closing)

    def _do(self, peer: link.Peer, request: wire.Request) -> Any:
        if request.verb not in self._verbs:
            raise UnitError(f"unknown request `{request.verb}`; known: {', '.join(self._verbs)}")
        uid = peer.person.uid
        role = self._door.role_for(request.verb, peer.person)
        if role is None:
            self._refuse(uid, request.verb)
        answer = self._verbs[request.verb](Asked(peer, By(uid, str(role)), request.args))
        self._acted = self._acted or request.verb in KEEPER_ACTS
        return answer

    def _refuse(self, uid: int, verb: str) -> None:
        now_ns = self._parts.clock.boot_ns()
        self.tick(now_ns)
        first = self._refusals.note(uid, verb, now_ns)
        log.event("operator_refused", "warning" if first else "debug", uid=uid, verb=verb)
        if first:
            self._tell_refusal(first)
        raise RightsError(refusal(verb))

    def _tell_refusal(self, told: Refusal) -> None:
        try:
            self._parts.audit.add("refused", uid=told.uid, verb=told.verb, count=told.count)
        except StoreError as error:
            log.event("refusal_untold", "warning", uid=told.uid, verb=told.verb, count=told.count, why=str(error))

    # --- looking ---------------------------------------------------------------------------------------------------

    def _recordings(self, asked: Asked) -> Any:
        held = self._parts.holds.held()
        found = listing.page(self._parts.store, str(asked.args.get("after", "")), RECORDINGS_MAX)
        return [_with_holds(one, held) for one in found]

    def _recording(self, asked: Asked) -> Any:
        store = self._parts.store
        found = listing.summary(store, store.find(str(asked.args.get("recording_id", ""))))
        return _with_holds(found, self._parts.holds.held())

    def _holds(self, asked: Asked) -> Any:
        """A page of what is in force, the oldest first, and with it what is wrong with the files."""
        after = str(asked.args.get("after", ""))
        found = sorted(self._parts.holds.in_force().values(), key=lambda hold: (hold.placed_wall_ns, hold.hold_id))
        ids = [hold.hold_id for hold in found]
        start = ids.index(after) + 1 if after in ids else 0
        shown = [self._shown(hold) for hold in found[start : start + HOLDS_MAX]]
        return {"holds": shown, "unknown": self._parts.holds.unknown(), "fault": self._parts.holds.fault()}

    def _shown(self, hold: rules.Hold) -> dict[str, Any]:
        stands = rules.standing(hold, self._parts.clock.read(), self._parts.policy)
        there = self._parts.store.is_known(hold.recording_id)
        return {
            **msgspec.to_builtins(hold), "recording_there": there, "review_due": stands.is_due,
            "overdue_d": stands.overdue_d,
        }  # fmt: skip

    def _verify(self, asked: Asked) -> Any:
        """Begins a walk over the store where `start` is true, and tells how far it is and what the last one found."""
        after = asked.args.get("after", 0)
        if not isinstance(after, int) or after < 0:
            raise RequestError("after: expected how many findings have been told")
        if asked.args.get("start") is True:
            self._verifier.begin()
        return self._verifier.state(after)

    def _log(self, _: Asked) -> Handed:
        """The audit log itself, to be read by whoever asks; what is written meanwhile lies beyond `bytes`."""
        audit = self._parts.audit
        fd = _open(audit.path)
        body = {"bytes": os.fstat(fd).st_size, "lines": audit.lines, "head": audit.head}
        return Handed(body, (fd,))

    # --- holds -----------------------------------------------------------------------------------------------------

    def _place(self, asked: Asked) -> Any:
        parts, wish = self._parts, _understood(asked.args, rules.Wish)
        recording_id, now = parts.store.find(wish.recording), parts.clock.read()
        _check_review(wish.review, parts.clock)
        there = tuple(track for track in TRACKS if self._can_be_held(recording_id, track))
        tracks = tuple(track for track in there if track in (wish.tracks or there))
        missing = set(wish.tracks) - set(tracks)
        if missing or not tracks:
            gone, left = " and ".join(sorted(missing)) or "audio and video", ", ".join(there) or "nothing"
            raise RequestError(f"recording {recording_id} has no {gone} any more; there is {left}")
        hold = rules.place(wish, (secrets.token_hex(16), recording_id), tracks, now, asked.by)
        parts.holds.place(hold, parts.audit)
        return self._shown(hold)

    def _can_be_held(self, recording_id: str, track: Track) -> bool:
        """It is there, and no deletion of it was begun: that cannot be called off, because its key is gone."""
        store, begun = self._parts.store, self._parts.audit.unfinished
        return store.has(recording_id, track) and (recording_id, track) not in begun

    def _extend(self, asked: Asked) -> Any:
        parts, wish = self._parts, _understood(asked.args, rules.Extension)
        hold_id = parts.holds.find(wish.hold)
        _check_review(wish.review, parts.clock)
        return self._shown(parts.holds.extend(hold_id, wish, asked.by, parts.audit))

    def _release(self, asked: Asked) -> Any:
        """What is past its term goes before the answer does."""
        parts, wish = self._parts, _understood(asked.args, rules.Release)
        hold_id = parts.holds.find(wish.hold)
        about = {"on_behalf_of": wish.on_behalf_of, "reason": wish.reason, "uid": asked.by.uid, "role": asked.by.role}
        hold = parts.holds.release(hold_id, parts.audit, **about)
        gone = self._sweep()
        return {"hold_id": hold_id, "recording_id": hold.recording_id if hold else None, "deleted": gone}

    # --- an engineer's check ---------------------------------------------------------------------------------------

    def _disk_speed(self, asked: Asked) -> Later:
        """Takes seconds, in which a deletion must not wait."""

        def measure() -> None:
            try:
                asked.peer.send(wire.Reply(msgspec.to_builtins(speed.measure(self._parts.paths.store))))
            except StoreError as error:
                asked.peer.send(wire.Reply(error=str(error), exit_code=error.exit_code))

        threading.Thread(target=measure, name="disk speed", daemon=True).start()
        return Later()

    def _recording_tested(self, asked: Asked) -> Any:
        """What came of a test recording; null: it is not closed yet."""
        return msgspec.to_builtins(self._trials.outcome(str(asked.args.get("recording_id", ""))))

    def _sign_check(self, asked: Asked) -> Any:
        """Signs a commissioning report, and writes down that it did. Nothing else can be had signed here."""
        text = str(asked.args.get("report", ""))
        try:
            report = msgspec.json.decode(text, type=CheckReport)
        except (msgspec.DecodeError, RecursionError) as error:
            raise RequestError(f"report: {error}; expected what `spreekkamer check` writes") from error
        signature = sign.sign(text.encode(), self._parts.paths.audit_key, sign.CHECKS)
        self._parts.audit.add(
            "check_signed", report_sha256=records.sha256(text.encode()), unit=report.unit[:128],
            uid=asked.by.uid, role=asked.by.role,
        )  # fmt: skip
        return signature.decode()

    # --- handing out -----------------------------------------------------------------------------------------------

    def _export(self, asked: Asked) -> Any:
        """A recording is about to be handed out: the log says so before the first file goes."""
        parts = self._parts
        recording_id = parts.store.find(str(asked.args.get("recording_id", "")))
        found = self._exports.open(asked.peer, recording_id)
        holds = sorted(h.hold_id for h in parts.holds.in_force().values() if h.recording_id == recording_id)
        parts.audit.add(
            "handed_out", recording_id=recording_id, tracks=found.tracks, files=len(found.files), bytes=found.bytes,
            sums_sha256=found.sums_sha256, holds=holds, uid=asked.by.uid, role=asked.by.role,
        )  # fmt: skip
        log.event("handed_out", recording_id=recording_id, uid=asked.by.uid)
        return msgspec.to_builtins(found.summary())

    def _export_files(self, asked: Asked) -> Handed:
        names, files = self._exports.next_files(asked.peer)
        return Handed({"names": names}, files)


def _with_holds(summary: dict[str, Any], held: Collection[Key]) -> dict[str, Any]:
    """A recording in figures, with which of its tracks a hold keeps."""
    for name, track in summary["tracks"].items():
        track["held"] = (summary["recording_id"], name) in held
    return summary


def _check_review(review: Any, clock: Clock) -> None:
    if wrong := rules.review_fault(review, clock.read()):
        raise RequestError(wrong)


def _understood(args: dict[str, Any], kind: type[T]) -> T:
    """A request as a value. Raises RequestError, which says what was expected."""
    try:
        return msgspec.convert(args, kind)
    except msgspec.ValidationError as error:
        name = next((name for name in EXPECTED if f"$.{name}" in str(error) or f"`{name}`" in str(error)), "")
        raise RequestError(f"{name}: expected {EXPECTED[name]}" if name else str(error)) from error


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
