# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The municipality's signed policies: copies of what was signed last, and what is wrong with what is there now.

    policy/<sha256>.toml.sig    the signature, first
    policy/<sha256>.toml        the policy, when its signature is on the disk

Invariant: the keeper alone writes copies, and every process verifies each before it works by it: one without its
signature, which a power cut may leave, counts for nothing. A copy goes only when its day is over, or when another one
that was signed for the same day has come.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from typing import Any

from daemon import durable, log
from daemon.config import Dated, Settings, safe, signed
from daemon.errors import RequestError, StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.custody import Asked
from daemon.model import acts, signers
from daemon.model.ledger import Line
from daemon.paths import Paths
from hardware.ports import ClockReading

MODE = 0o644
"""The policy is public, and the others read it."""
LOOK_S = 2.0
"""The keeper's loop waits so long for ssh-keygen at each look until there is an answer. A hold waits for the loop, and
after five seconds (`link.REPLY_WAIT_S`) its operator is told that nobody answers."""
WRONG = "the policy is not as it was signed: "


class Policies:
    """One thread: the keeper's. A follower of the audit log."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        """`settings`: at the keeper's start, with the policy in force."""
        self._settings, self._etc, self._home = settings, paths.etc, paths.policy
        self._signers = settings.unit.policy.signers
        self._now = settings.unit.policy.codes()
        self._before: tuple[str, ...] = ()
        """Codes of those who may sign, as the unit was commissioned or a custodian confirmed last."""
        self._seen: signed.Chosen | None = None
        """The files as judged last."""
        self._told: dict[str, tuple[str, str]] = {}
        """File -> hash, and why: what the log has of it."""
        self._not_kept = ""

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        match line.act:
            case acts.Policy(signers=tuple() as codes) if not self._before and line.is_signed:
                self._before = codes
            case acts.YearBegan(signers=tuple() as codes) if line.is_signed:
                self._before = codes  # the line that said it first goes with its year
            case acts.SignersConfirmed(signers=codes) if line.is_signed:
                self._before = codes
            case acts.PolicyRefused(file=file, sha256=sha256, why=why):
                self._told[file] = sha256, why

    def keep(self, now: ClockReading) -> None:
        """Make a copy of each signed policy, and delete those that are over. What the disk refuses is tried again.

        Of one that does not hold none is made: it would outlive the file, and nothing would be recorded for it.
        """
        try:
            for dated in () if self._settings.fault else self._settings.policies:
                self._keep(dated)
            gone = [*self._settings.over]
            if now.state == "synchronised" and not self._settings.fault:
                gone += [dated.sha256 for dated in self._settings.policies[: self._settings.nth]]
            for sha256 in gone:
                for name in (f"{sha256}.toml", f"{sha256}.toml{signed.SUFFIX}"):
                    (self._home / name).unlink(missing_ok=True)
        except (OSError, StoreError) as error:
            if not self._not_kept:
                log.event("policy_not_kept", "error", why=str(error))
            self._not_kept = f"a copy of the signed policy cannot be kept ({error})"
            return
        self._not_kept = ""

    def _keep(self, dated: Dated) -> None:
        """The signature first: a policy whose signature is not there yet is none."""
        proof = dated.source.proof
        if proof is None or proof.is_copy:
            return
        self._home.mkdir(parents=True, exist_ok=True)
        path = self._home / f"{dated.sha256}.toml"
        beside = path.with_name(path.name + signed.SUFFIX)
        for one, data in ((beside, proof.signature), (path, dated.source.data)):
            if not _has(one, data):
                durable.replace(one, data, MODE)
            if stat.S_IMODE(one.stat().st_mode) != MODE:
                one.chmod(MODE)  # the keeper's umask leaves it to the keeper alone, and the others have to read it

    def look(self, audit: AuditLog, now: ClockReading) -> list[Line]:
        """Judge files that have changed; log each that does not count, once. Raises StoreError."""
        if self._not_kept:
            self.keep(now)
        if not self._signers:
            return []
        if self._seen is None or self._unanswered() or signed.hashes(self._etc) != self._seen.read:
            self._seen = signed.judged(self._etc, self._signers, LOOK_S)
        refused = (acts.PolicyRefused(safe(one.file), one.sha256, one.why) for one in self._seen.refused)
        news = [act for act in refused if self._told.get(act.file) != (act.sha256, act.why)]
        return audit.add_all(news) if news else []

    def is_answered(self) -> bool:
        """Whether ssh-keygen gives an answer that it did not give at the start: a new start works by it."""
        return self._settings.unanswered and self._seen is not None and not self._unanswered()

    def _unanswered(self) -> bool:
        return self._seen is not None and any(one.why == "unanswered" for one in self._seen.refused)

    def fault(self) -> str:
        """What is not the municipality's, for a person; empty: nothing."""
        files = [WRONG + "; ".join(self._wrong())] if any(True for _ in self._wrong()) else []
        others = signers.changed(self._before, self._now)
        return "; ".join(filter(None, (*files, others, self._not_kept)))

    def _wrong(self) -> Iterator[str]:
        if self._seen is None:
            return
        yield from (str(one.fault()) for one in self._seen.refused)
        there = {hashlib.sha256(one.data).hexdigest() for one in self._seen.sources}
        for dated in self._settings.policies[self._settings.nth :]:
            proof = dated.source.proof
            if proof is not None and proof.is_copy and dated.sha256 not in there:
                yield f"{dated.file} is not among the files, and in force all the same from its day on"

    def confirm(self, asked: Asked, audit: AuditLog) -> Any:
        """A custodian confirms who may sign. Raises RequestError if that is somebody else by now."""
        codes = asked.args.get("signers")
        if not isinstance(codes, list) or tuple(codes) != self._now:
            raise RequestError(f"signers: expected those of unit.toml, {', '.join(self._now) or 'none'}")
        audit.add(acts.SignersConfirmed(self._now, asked.by.uid, asked.by.role))
        return {"signers": self._now, "fault": self.fault()}

    def confirmed(self) -> tuple[str, ...]:
        """Codes of those who may sign, as a custodian confirmed last."""
        return self._before

    def page(self, _: Asked) -> Any:
        """Who may sign now, and who might as far as a custodian knows."""
        return {"signers": self._now, "confirmed": self._before, "fault": self.fault()}


def _has(path: Any, data: bytes) -> bool:
    try:
        return durable.read(path, max(len(data), 1)) == data
    except StoreError:
        return False
