# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The register of use: custodians say what an alarm was, and what became of copies.

Invariant: the log is the register. What is closed again has another line, and the newest counts; what stands behind the
newest signed head closes nothing.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from daemon import sign
from daemon.errors import NotFoundError, RequestError
from daemon.keeper.audit import AuditLog
from daemon.keeper.custody import Asked, check_role, understood
from daemon.model import acts, register
from daemon.model.holds import NUMBER_IS
from daemon.model.ledger import Line

ALARMS_MAX = 5_000
"""Alarms and recordings that are remembered, the newest: three a day for five years, half a megabyte."""
SLIPS_MAX = 64
"""Slips of one recording: each is one opening. Later ones are noted with `evidence used`."""
VERIFY_S = 3.0
"""A signature takes 5 ms to check; no deletion waits longer than this, and whoever asked is still there."""
ID_MAX = 64
"""Characters of an alarm's id; a unit's own have half of it."""
SHOWN_MAX = 100
"""In one answer: the newest, 20 kB."""
EXPECTED = {
    "alarm": "the start of an alarm's id, as `incident list` has it",
    "recording_id": "a recording's id, as the page wrote it",
    "recording": "the start of a recording's id",
    "kind": "verbal, intimidation, physical, property, false or exercise",
    "measures": "aftercare, talk, warning, ban, damages or other, each once",
    "police_report": f"the report's number: {NUMBER_IS}; no name",
    "use": "opened, handed_over, accessed, returned or destroyed",
    "purpose": "report_to_police, demand, access_request, complaint or internal_measure",
    "number": f"the incident's, the report's or the request's number: {NUMBER_IS}; no name",
    "on_behalf_of": "a role in small letters, such as manager; no name",
    "same_disk": "one line of 1 to 200 characters; no name",
    "opened_at": "when it was opened, such as 2026-11-30T09:00:00Z",
    "slip": "a slip as the page that opens recordings made it, unchanged",
    "signature": "a slip as the page that opens recordings made it, unchanged",
}
"""For who asks, by the field that is wrong."""

LISTED = {
    "alarm": "incident list",
    "recording with a copy handed out": "recordings list`, after `evidence export",
}
"""Where a person finds the ids, by what is looked for."""


class Register:
    """Follows the log, and adds what custodians report. One thread."""

    def __init__(self, roles: frozenset[str]) -> None:
        """`roles`: of the policy, on whose behalf a copy is used. Empty: any."""
        self._roles = roles
        self._raised: dict[str, int] = {}
        """Alarm -> UTC of its press, by the clock of then."""
        self._closed: dict[str, acts.IncidentClosed] = {}
        self._handed_out: dict[str, tuple[str, ...]] = {}
        """Recordings of which a copy was handed out, with their keys for slips."""
        self._slips: dict[str, set[str]] = {}
        """Recording -> SHA-256 of each slip of it that was noted, also where its hand-out is past the log's term."""

    def follow(self, line: Line) -> None:
        """Takes a line of the log."""
        match line.act:
            case acts.AlarmRaised(alarm_id=alarm_id) if len(alarm_id) <= ID_MAX:
                self._raised.setdefault(alarm_id, line.acted.acted_wall_ns if line.acted else line.at_wall_ns)
                _bound(self._raised)
            case acts.IncidentClosed(alarm_id=alarm_id) as closed if line.is_signed:
                self._closed[alarm_id] = closed
                _bound(self._closed)
            case acts.HandedOut(recording_id=recording_id, slip_keys=keys):
                told = keys if line.is_signed and isinstance(keys, tuple) else ()
                # The first: a recording never gets another key, and a begin.json that was altered since brings none.
                self._handed_out[recording_id] = self._handed_out.get(recording_id) or told
                _bound(self._handed_out)
            case acts.CopyUsed(recording_id=recording_id, slip_sha256=str(sha256)) if line.is_signed:
                self._slips.setdefault(recording_id, set()).add(sha256)
                _bound(self._slips)

    def page(self, _: Asked) -> Any:
        """The newest alarms, the oldest of them first, and what each was; null: nobody has said it."""
        return [self._shown(alarm_id) for alarm_id in [*self._raised][-SHOWN_MAX:]]

    def close(self, asked: Asked, audit: AuditLog) -> Any:
        """What an alarm was. Raises RequestError, NotFoundError, StoreError."""
        wish = understood(asked.args, register.Closing, EXPECTED)
        if len(set(wish.measures)) != len(wish.measures):
            raise RequestError(f"measures: expected {EXPECTED['measures']}")
        alarm_id = _the_one(wish.alarm, self._raised, "alarm")
        audit.add(acts.IncidentClosed(
            alarm_id, wish.kind, tuple(sorted(wish.measures)), wish.police_report, asked.by.uid, asked.by.role
        ))  # fmt: skip
        return self._shown(alarm_id)

    def used(self, asked: Asked, audit: AuditLog) -> Any:
        """What became of a copy. Raises RequestError, NotFoundError, StoreError."""
        wish = understood(asked.args, register.Used, EXPECTED)
        check_role(wish.on_behalf_of, self._roles)
        name = _the_one(wish.recording, self._handed_out, "recording with a copy handed out")
        about = wish.use, wish.purpose, wish.number, wish.on_behalf_of
        audit.add(acts.CopyUsed(name, *about, asked.by.uid, asked.by.role))
        return {"recording_id": name, "use": wish.use, "purpose": wish.purpose, "number": wish.number}

    def slip(self, asked: Asked, audit: AuditLog) -> Any:
        """An opening, by the slip of whoever opened. Raises RequestError, NotFoundError, StoreError, SealError."""
        wish = understood(asked.args, register.SignedSlip, EXPECTED)
        data = wish.slip.encode()
        try:
            told = understood(msgspec.json.decode(data), register.Slip, EXPECTED)
        except (msgspec.DecodeError, RecursionError, RequestError) as error:
            raise RequestError(f"slip: {error}") from error
        check_role(told.on_behalf_of, self._roles)
        audit.be_certain()  # a line that the disk took without saying so is one that was noted
        if (keys := self._handed_out.get(told.recording_id)) is None:
            raise NotFoundError(f"slip: the log has no copy of recording {told.recording_id[:8]} that was handed out")
        sha256, noted = hashlib.sha256(data).hexdigest(), self._slips.get(told.recording_id, set())
        if sha256 in noted:
            raise RequestError("slip: it was noted before; expected one that was not")
        if len(noted) >= SLIPS_MAX:
            raise RequestError(f"slip: {SLIPS_MAX} of this recording are noted; note this one with `evidence used`")
        _check_signed(data, wish.signature.encode(), keys)
        about = told.use, told.purpose, told.number, told.on_behalf_of
        by = asked.by.uid, asked.by.role
        audit.add(acts.CopyUsed(told.recording_id, *about, *by, slip_sha256=sha256, opened_at=told.opened_at))
        return msgspec.to_builtins(told)

    def _shown(self, alarm_id: str) -> dict[str, Any]:
        told: dict[str, Any] = {"alarm_id": alarm_id, "at_wall_ns": self._raised[alarm_id], "kind": None}
        closed = self._closed.get(alarm_id)
        if closed:
            told |= {"kind": closed.kind, "measures": closed.measures, "police_report": closed.police_report}
        return told


def _check_signed(data: bytes, signature: bytes, keys: tuple[str, ...]) -> None:
    """Raise RequestError unless one of these keys signed it, SealError if that cannot be found out."""
    if not keys:
        raise RequestError("slip: this recording has no key for slips; note its opening with `evidence used`")
    made = sign.made(signature)
    mine = [key for key in keys if made and key.split()[1:] == [base64.b64encode(made.key).decode()]]
    if not mine or not made or made.namespace != sign.SLIPS:
        raise RequestError("slip: not signed with this recording's key; expected a slip of whoever opened it")
    if not sign.is_signed_by(mine[0], data, signature, sign.SLIPS, VERIFY_S):
        raise RequestError("slip: it was changed after it was signed; expected it as the page made it")


def handing(args: dict[str, Any], roles: frozenset[str]) -> register.Handing:
    """Why a copy is asked for, on behalf of a role of the policy. Raises RequestError."""
    known = {key: args[key] for key in register.Handing.__struct_fields__ if key in args}
    wish = understood(known, register.Handing, EXPECTED)
    check_role(wish.on_behalf_of, roles)
    return wish


def _the_one(start: str, known: dict[str, Any], what: str) -> str:
    """The id that begins so. Raises NotFoundError for none, RequestError for several."""
    found = [name for name in known if name.startswith(start)]
    if start in known:
        return start
    if not found:
        raise NotFoundError(f"the log has no {what} that begins with `{start[:64]}`; expected one of `{LISTED[what]}`")
    if len(found) > 1:
        raise RequestError(f"`{start[:64]}` begins {len(found)} ids; expected more of it")
    return found[0]


def _bound(known: dict[str, Any]) -> None:
    if len(known) > ALARMS_MAX:
        del known[next(iter(known))]
