# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Proof that holders have their keys: words are sealed to them, their answers are checked, losses are noted.

Invariant: the log has a word's hash before the word is sent, and the log is the only memory; a line that no keeper
signed proves nothing. No line contains a name: only role and label of a key, and its public half.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from daemon import log, wire
from daemon.errors import NotFoundError, RequestError, SealError
from daemon.keeper.audit import AuditLog
from daemon.keeper.custody import Asked
from daemon.model import acts
from daemon.model import holders as model
from daemon.model.holders import Book, Moment
from daemon.model.ledger import Line
from daemon.model.policy import Holder, Policy, fingerprint
from daemon.model.timeline import DAY_NS
from daemon.times import utc
from hardware.ports import Clock

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Thirty-two characters, without those that are mistaken for each other on paper."""
WORD_LETTERS, PIECE = 20, 4
"""A hundred bits, to be read out in five groups of four."""
AGAIN_NS = DAY_NS
"""Within a day the same words are sent again: asking twice adds no line to the log."""
FORMAT = "spreekkamer-words/1"
ANSWER_CHARS_MAX = 64
CHILD_WAIT_S = 20.0
"""As for the child that makes recording keys: a Pi that is starting everything at once."""
Pair = tuple[str, str]
"""A recipient, and the text to seal to it."""


def seal_in_child(pairs: Sequence[Pair]) -> list[str]:
    """Each word sealed, in base64. Raises SealError. Waits for the child: not for the keeper's own thread."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "daemon.keeper.wordmaker"],
            input=msgspec.json.encode(pairs), capture_output=True, timeout=CHILD_WAIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"no word could be sealed: {error}") from error
    if child.returncode != 0:
        raise SealError(f"no word could be sealed: {child.stderr.decode(errors='replace').strip()[-300:]}")
    return msgspec.json.decode(child.stdout, type=list[str])


class Holders:
    """One thread: the keeper's; sealing has its own. A follower of the audit log."""

    def __init__(self, policy: Policy, unit: str, clock: Clock, now: Callable[[], Moment]) -> None:
        """`now`: the current moment by the keeper's count of time."""
        self._policy, self._unit, self._clock, self._now = policy, unit, clock, now
        self._book = Book()
        self._tries = model.Tries()
        self._sealed: Mapping[str, dict[str, str]] = {}
        """The words last sent, by recipient, as sent."""
        self._sealed_ns = 0
        self._is_sealing = False

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        match line.act if line.is_signed else None:
            case acts.HolderAsked(recipient=recipient) as act:
                when = Moment(act.powered_ns, act.utc_ns)
                self._book = model.sealed(self._book, recipient, act.word_sha256, when)
            case acts.HolderProven(recipient=recipient, word_sha256=sha256):
                self._book = model.proven(self._book, recipient, sha256)
            case acts.HolderLost(recipient=recipient):
                self._book = model.lost(self._book, recipient)

    def fault(self) -> str:
        """Groups in which perhaps nobody can still open, for a person; empty: none."""
        return model.fault(self._policy, self._book, self._now())

    def page(self, _: Asked) -> Any:
        """The groups of the policy, with what is known of each holder's key."""
        found = model.standings(self._policy, self._book, self._now())
        groups = [
            {"roles": list(roles), "proven": sum(one.is_proven for one in group), "holders": [_shown(o) for o in group]}
            for roles, group in zip(self._policy.opening.groups, found, strict=True)
        ]
        return {"prove_every_d": self._policy.opening.prove_every_d, "groups": groups, "fault": self.fault()}

    # --- acts allowed by the desk -----------------------------------------------------------------------------------

    def ask(self, asked: Asked, audit: AuditLog) -> Any:
        """Seal a word to every holder; None: a thread answers when they are sealed. Raises StoreError."""
        now_ns = self._clock.boot_ns()
        if self._is_sealing:
            raise RequestError("words are being sealed for somebody else; ask again in a moment")
        if self._sealed and now_ns - self._sealed_ns < AGAIN_NS:
            return self._letter()
        if not self._policy.holders:
            raise RequestError("the policy has no holders; expected [[holders]] in policy.toml")
        words = [(holder, _new_word()) for holder in self._policy.holders]
        now = self._now()
        when, by = (now.powered_ns, now.utc_ns), (asked.by.uid, asked.by.role)
        audit.add_all(
            acts.HolderAsked(*_about(holder), model.digest(holder.recipient, word), *when, *by)
            for holder, word in words
        )
        self._sealed_ns = now_ns
        self._is_sealing = True
        try:
            threading.Thread(target=self._seal, args=(asked, words), name="words", daemon=True).start()
        except RuntimeError as error:  # the kernel refuses another thread
            self._is_sealing = False
            raise SealError(f"no word could be sealed: {error}") from error
        return None

    def _seal(self, asked: Asked, words: list[tuple[Holder, str]]) -> None:
        pairs: list[Pair] = [(holder.recipient, model.SEALED + word) for holder, word in words]
        try:
            sealed = seal_in_child(pairs)
        except SealError as error:
            log.event("words_not_sealed", "error", why=str(error))
            self._is_sealing = False
            asked.peer.send(wire.Reply(error=str(error), exit_code=error.exit_code))
            return
        self._sealed = {
            holder.recipient: {
                "role": holder.role, "label": holder.label, "fingerprint": fingerprint(holder.recipient), "sealed": one,
            }
            for (holder, _), one in zip(words, sealed, strict=True)
        }  # fmt: skip
        self._is_sealing = False
        asked.peer.send(wire.Reply(self._letter()))

    def _letter(self) -> dict[str, Any]:
        at = utc(self._clock.read().wall_ns)
        return {"format": FORMAT, "unit": self._unit, "at": at, "words": list(self._sealed.values())}

    def prove(self, asked: Asked, audit: AuditLog) -> Any:
        """Take answers, each to any holder's word. Raises RequestError for none, and after too many wrong ones."""
        answers = asked.args.get("answers")
        if not isinstance(answers, list) or not 1 <= len(answers) <= model.ANSWERS_MAX:
            raise RequestError(f"answers: expected 1 to {model.ANSWERS_MAX} answers, each as the holder got it")
        proven, wrong = list[dict[str, Any]](), 0
        for answer in answers:
            if self._tries.left(self._clock.boot_ns()) <= 0:
                taken = f" ({len(proven)} before them were right)" if proven else ""
                raise RequestError(f"too many wrong answers{taken}; try again in an hour")
            found = self._answered(answer)
            if found is None:
                self._tries.wrong(self._clock.boot_ns())
                wrong += 1
                continue
            holder, sha256 = found
            audit.add(acts.HolderProven(*_about(holder), sha256, asked.by.uid, asked.by.role))
            self._sealed = {key: value for key, value in self._sealed.items() if key != holder.recipient}
            proven.append({"role": holder.role, "label": holder.label, "fingerprint": fingerprint(holder.recipient)})
        return {"proven": proven, "wrong": wrong, "fault": self.fault()}

    def _answered(self, answer: object) -> tuple[Holder, str] | None:
        if not isinstance(answer, str) or len(answer) > ANSWER_CHARS_MAX:
            return None
        found = model.find(self._book, [one.recipient for one in self._policy.holders], answer, self._now())
        if found is None:
            return None
        return next(one for one in self._policy.holders if one.recipient == found[0]), found[1]

    def report_lost(self, asked: Asked, audit: AuditLog) -> Any:
        """A key is lost: its proofs no longer count. Raises NotFoundError for an unknown label or fingerprint."""
        label = str(asked.args.get("label", ""))
        found = [one for one in self._policy.holders if label in {one.label, fingerprint(one.recipient)}]
        if len(found) != 1:
            known = ", ".join(one.label for one in self._policy.holders) or "none"
            which = ", ".join(fingerprint(one.recipient) for one in found)
            expected = f"a fingerprint: {which}" if found else f"one of {known}"
            raise NotFoundError(f"there is no one holder `{label[:64]}`; expected {expected}")
        holder = found[0]
        audit.add(acts.HolderLost(*_about(holder), asked.by.uid, asked.by.role))
        self._sealed = {}  # a holder who finds it again asks for a new word
        return {"role": holder.role, "label": holder.label, "fault": self.fault()}


def _new_word() -> str:
    letters = "".join(secrets.choice(LETTERS) for _ in range(WORD_LETTERS))
    return "-".join(letters[at : at + PIECE] for at in range(0, WORD_LETTERS, PIECE))


def _about(holder: Holder) -> tuple[str, str, str]:
    return holder.role, holder.label, holder.recipient


def _shown(one: model.Standing) -> dict[str, Any]:
    age_d = None if one.age_ns is None else round(one.age_ns / DAY_NS, 2)
    key = fingerprint(one.holder.recipient)
    about = {"role": one.holder.role, "label": one.holder.label, "fingerprint": key}
    return {**about, "proven_d_ago": age_d, "is_proven": one.is_proven}
