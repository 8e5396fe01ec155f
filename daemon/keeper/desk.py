# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper's operator socket: who may ask for what, the answers, and the lines in the audit log.

Invariant: a verb is looked up in `model/rights.py` before anything is done. A person's act is a log line with the user
number and the role that allowed it; so is a refusal, and a flood of refusals is a count. Answers come from the keeper's
own loop: longer content is handed out as an open file.
"""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import msgspec

from daemon import link, log, people, records, sign, wire
from daemon.auditfiles import close_all
from daemon.errors import NotFoundError, RequestError, RightsError, StoreError, UnitError
from daemon.keeper import listing, speed
from daemon.keeper.archive import Archive
from daemon.keeper.audit import Key
from daemon.keeper.custody import Asked, Custody
from daemon.keeper.export import Exports
from daemon.keeper.holders import Holders
from daemon.keeper.policies import Policies
from daemon.keeper.register import Register, handing
from daemon.keeper.trials import Trials
from daemon.keeper.verifier import Verifier
from daemon.model import acts
from daemon.model.acts import Refused
from daemon.model.holds import By
from daemon.model.refusals import Refusals
from daemon.model.rights import KEEPER_ACTS, refusal

FRESH_S = 3600.0
"""A check takes minutes, and its report is signed at its end; both clocks are this machine's."""
RECORDINGS_MAX = 20
"""Recordings per answer: each takes under a kilobyte, and a message at most 64."""


class Handed(NamedTuple):
    """An answer with open files; they are closed when it has been sent."""

    body: Any
    files: tuple[int, ...]


class CheckReport(msgspec.Struct, tag_field="format", tag="spreekkamer-check/1"):
    """The part of a commissioning report that identifies it."""

    unit: str
    at: str


YEAR_MAX = 9999


class Later(NamedTuple):
    """The answer comes later, from a separate thread."""


Answer = Callable[[Asked], Any]


class Desk:
    """One thread: the keeper's."""

    def __init__(
        self, archive: Archive, door: people.Door, verifier: Verifier, trials: Trials, holders: Holders,
        register: Register, policies: Policies, state: Callable[[], wire.KeeperState],
        sweep: Callable[[], list[dict[str, str]]],
    ) -> None:  # fmt: skip
        """`sweep` deletes what is due now and returns what was deleted."""
        self._archive, self._door, self._verifier, self._trials = archive, door, verifier, trials
        self._unit, self._when = archive.settings.unit.name(), archive.time.date
        self._refusals = Refusals()
        self._exports = Exports(archive.store, archive.clock.boot_ns)
        self._acted = False
        custody, audit = Custody(archive, sweep), archive.audit
        self._verbs: dict[str, Answer] = {
            "state": lambda _: state(), "recordings": self._recordings, "recording": self._recording,
            "holds": custody.page, "hold_place": custody.place, "hold_extend": custody.extend,
            "hold_release": custody.release,
            "used": lambda asked: register.used(asked, audit),
            "slip": lambda asked: register.slip(asked, audit),
            "incidents": register.page, "incident_close": lambda asked: register.close(asked, audit),
            "audit": self._log, "audit_report": self._year_report,
            "export": self._export, "export_files": self._export_files,
            "exports": lambda _: self._exports.running(),
            "verify": self._verify, "recording_tested": self._recording_tested,
            "disk_speed": self._disk_speed, "sign_check": self._sign_check,
            "holders": holders.page, "holders_ask": lambda asked: holders.ask(asked, audit) or Later(),
            "holders_prove": lambda asked: holders.prove(asked, audit),
            "holders_lost": lambda asked: holders.report_lost(asked, audit),
            "signers": policies.page, "signers_confirm": lambda asked: policies.confirm(asked, audit),
        }  # fmt: skip

    def answer(self, peer: link.Peer, request: wire.Request) -> None:
        """Carry out a request if the person may make it, and send the answer or the error."""
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
        """A peer has disconnected."""
        self._exports.forget(peer)

    def acted(self) -> bool:
        """Whether a custodian has acted since the last call: the log is signed then."""
        acted, self._acted = self._acted, False
        return acted

    def tick(self, now_ns: int) -> None:
        """Close the day's count of refused requests, once a day."""
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
        now_ns = self._archive.clock.boot_ns()
        self.tick(now_ns)
        first = self._refusals.note(uid, verb, now_ns)
        log.event("operator_refused", "warning" if first else "debug", uid=uid, verb=verb)
        if first:
            self._tell_refusal(first)
        raise RightsError(refusal(verb))

    def _tell_refusal(self, told: Refused) -> None:
        try:
            self._archive.audit.add(told)
        except StoreError as error:
            log.event("refusal_untold", "warning", uid=told.uid, verb=told.verb, count=told.count, why=str(error))

    # --- status ----------------------------------------------------------------------------------------------------

    def _recordings(self, asked: Asked) -> Any:
        held = self._archive.holds.held()
        found = listing.page(self._archive.store, self._when, str(asked.args.get("after", "")), RECORDINGS_MAX)
        return [_with_holds(one, held) for one in found]

    def _recording(self, asked: Asked) -> Any:
        store = self._archive.store
        recording_id = store.find(str(asked.args.get("recording_id", "")))
        found = _with_holds(listing.summary(store, self._when, recording_id), self._archive.holds.held())
        found["parts"], found["groups"] = store.parts(recording_id), listing.groups(store, recording_id)
        found["device"] = self._archive.paths.store.stat().st_dev
        return found

    def _verify(self, asked: Asked) -> Any:
        """Begin an inspection of the store if `start` is true; return its progress and the last result."""
        after = asked.args.get("after", 0)
        if not isinstance(after, int) or after < 0:
            raise RequestError("after: expected how many findings have been told")
        if asked.args.get("start") is True:
            self._verifier.begin()
        return self._verifier.state(after)

    def _log(self, _: Asked) -> Handed:
        """Hand out the audit log itself for reading, the oldest file first; later lines are beyond `bytes` of all."""
        audit = self._archive.audit
        try:
            files = audit.files.descriptors()
        except OSError as error:
            raise StoreError(f"{audit.path}: {error.strerror or error}") from error
        body = {"bytes": sum(os.fstat(fd).st_size for fd in files), "lines": audit.lines, "head": audit.head}
        return Handed(body, tuple(files))

    def _year_report(self, asked: Asked) -> Handed:
        """Hand out the report of a year whose file is gone, and its signature."""
        year = asked.args.get("year")
        if not isinstance(year, int) or not 0 <= year <= YEAR_MAX:
            raise RequestError("year: expected the number of a year")
        path, files = self._archive.audit.files.report_of(year), list[int]()
        try:
            files.extend(
                os.open(one, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                for one in (path, path.with_name(f"{path.name}.sig"))
            )
        except OSError as error:
            close_all(files)
            raise NotFoundError(f"there is no report of {year}: {error.strerror or error}") from error
        return Handed({}, tuple(files))

    # --- an engineer's check ---------------------------------------------------------------------------------------

    def _disk_speed(self, asked: Asked) -> Later:
        """Measure the disk on a separate thread: it takes seconds, and a deletion must not wait."""

        def measure() -> None:
            try:
                asked.peer.send(wire.Reply(msgspec.to_builtins(speed.measure(self._archive.paths.store))))
            except StoreError as error:
                asked.peer.send(wire.Reply(error=str(error), exit_code=error.exit_code))

        threading.Thread(target=measure, name="disk speed", daemon=True).start()
        return Later()

    def _recording_tested(self, asked: Asked) -> Any:
        """The result of a test recording; null: it is not closed yet."""
        return msgspec.to_builtins(self._trials.outcome(str(asked.args.get("recording_id", ""))))

    def _sign_check(self, asked: Asked) -> Any:
        """Sign a commissioning report, and log that. Nothing else is ever signed here."""
        text = str(asked.args.get("report", ""))
        try:
            report = msgspec.json.decode(text, type=CheckReport)
        except (msgspec.DecodeError, RecursionError) as error:
            raise RequestError(f"report: {error}; expected what `spreekkamer check` writes") from error
        if report.unit != self._unit:
            raise RequestError(f"report: it is of unit `{report.unit[:128]}`; expected this one, {self._unit}")
        if not _is_fresh(report.at, self._archive.clock.read().wall_ns):
            raise RequestError(f"report: it was made at {report.at[:32]}; expected one that has just been made")
        signature = sign.sign(text.encode(), self._archive.paths.audit_key, sign.CHECKS)
        sha256 = records.sha256(text.encode())
        self._archive.audit.add(acts.CheckSigned(sha256, report.unit[:128], asked.by.uid, asked.by.role))
        return signature.decode()

    # --- handing out -----------------------------------------------------------------------------------------------

    def _export(self, asked: Asked) -> Any:
        """Begin handing out a recording: the log says so before the first file."""
        archive = self._archive
        recording_id = archive.store.find(str(asked.args.get("recording_id", "")))
        why = handing(asked.args, archive.settings.policy.roles())
        found = self._exports.open(asked.peer, recording_id)
        whole = archive.store.whole(recording_id)
        holds = sorted(h.hold_id for h in archive.holds.active().values() if h.recording_id in whole)
        archive.audit.add(acts.HandedOut(
            recording_id=recording_id, tracks=found.tracks, files=len(found.files), bytes=found.bytes,
            sums_sha256=found.sums_sha256, holds=tuple(holds), uid=asked.by.uid, role=asked.by.role,
            slip_keys=listing.slip_keys(archive.store, recording_id) or msgspec.UNSET, **msgspec.structs.asdict(why),
        ))  # fmt: skip
        log.event("handed_out", recording_id=recording_id, uid=asked.by.uid)
        return msgspec.to_builtins(found.summary())

    def _export_files(self, asked: Asked) -> Handed:
        names, files = self._exports.next_files(asked.peer)
        return Handed({"names": names}, files)


def _with_holds(summary: dict[str, Any], held: Collection[Key]) -> dict[str, Any]:
    """A recording's figures, with the tracks that a hold keeps."""
    for name, track in summary["tracks"].items():
        track["held"] = (summary["recording_id"], name) in held
    return summary


def _is_fresh(at: str, wall_ns: int) -> bool:
    try:
        moment = datetime.datetime.fromisoformat(at)
    except ValueError:
        return False
    return moment.tzinfo is not None and abs(moment.timestamp() - wall_ns / 1e9) < FRESH_S
