# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Proof that holders can open recordings: words sealed to their keys, and the answers.

Invariant: a proof is as old as its word, not as the answer: the holder had the key after that moment, perhaps not
later. A word is remembered by its hash, can be answered once, and is valid for a month. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.policy import Holder, Policy
from daemon.model.timeline import DAY_NS

PROVEN_MIN = 2
"""A group with one proven key is one holiday away from having none."""
T = TypeVar("T")
WORD_VALID_D = 31
"""Time for a holder to answer: holidays, and a letter there and back."""
WORDS_MAX = 4
"""Open words per holder: asking again does not invalidate the letter before."""
KEYS_MAX = 1024
"""Keys remembered: sixty-four holders, each replaced once a year for fifteen years."""
WRONG_MAX, WRONG_WITHIN_NS = 20, 3_600_000_000_000
"""Wrong answers per hour, by anyone: more than typing errors. At this rate a hundred random bits cannot be guessed."""
ANSWERS_MAX = 64
"""Answers per request: as many as a policy has holders."""
SEALED = "spreekkamer-proof/1 "
"""Start of a sealed word: a holder who opens one answers nothing else, and no recording key begins like this."""


class Moment(Struct, frozen=True):
    """A moment, by the unit's powered-on time, and by UTC if known."""

    powered_ns: int
    utc_ns: int | None = None


class Word(Struct, frozen=True):
    """A word that may be answered."""

    sha256: str
    sealed: Moment


class Book(Struct, frozen=True):
    """What the unit knows of holders' keys, by recipient. The mappings are never changed in place."""

    words: Mapping[str, tuple[Word, ...]] = {}
    proofs: Mapping[str, Moment] = {}
    """When the word that a holder answered last was sealed."""


class Standing(Struct, frozen=True):
    """One holder of a group."""

    holder: Holder
    age_ns: int | None
    """Age of the newest proof; None: there is none."""
    is_proven: bool


def digest(recipient: str, answer: str) -> str:
    """What the unit remembers of an answer. Case, spaces and hyphens do not matter."""
    plain = re.sub(r"[^a-z0-9]", "", answer.lower())
    return hashlib.sha256(f"{SEALED}\n{recipient}\n{plain}".encode()).hexdigest()


def age_ns(then: Moment, now: Moment) -> int:
    """Minimum time passed: by the powered-on time, or by UTC if both are known; the larger of the two."""
    powered_ns = max(0, now.powered_ns - then.powered_ns)
    if then.utc_ns is None or now.utc_ns is None:
        return powered_ns
    return max(powered_ns, now.utc_ns - then.utc_ns)


def sealed(book: Book, recipient: str, sha256: str, at: Moment) -> Book:
    """A word was sealed to a holder."""
    mine = (*book.words.get(recipient, ()), Word(sha256, at))[-WORDS_MAX:]
    return replace(book, words=_newest({**_without(book.words, recipient), recipient: mine}))


def proven(book: Book, recipient: str, sha256: str) -> Book:
    """A holder gave the answer: it and earlier words are used up. An unknown word proves nothing."""
    mine = book.words.get(recipient, ())
    at = next((n for n, word in enumerate(mine) if word.sha256 == sha256), None)
    if at is None:
        return book
    return Book(
        {**_without(book.words, recipient), recipient: mine[at + 1 :]},
        _newest({**_without(book.proofs, recipient), recipient: mine[at].sealed}),
    )


def lost(book: Book, recipient: str) -> Book:
    """A key is reported lost: its proofs no longer count, until there is a new one."""
    return Book(_without(book.words, recipient), _without(book.proofs, recipient))


def find(book: Book, recipients: Iterable[str], answer: str, now: Moment) -> tuple[str, str] | None:
    """The recipient and the word that this answers; None: none. Takes constant time."""
    found = None
    for recipient in recipients:
        given = digest(recipient, answer)
        for word in book.words.get(recipient, ()):
            fits = hmac.compare_digest(given, word.sha256)
            if fits and age_ns(word.sealed, now) <= WORD_VALID_D * DAY_NS:
                found = recipient, word.sha256
    return found


def standings(policy: Policy, book: Book, now: Moment) -> tuple[tuple[Standing, ...], ...]:
    """Each group's holders, in the order of the policy."""
    term_ns = policy.opening.prove_every_d * DAY_NS
    return tuple(
        tuple(_standing(holder, book, now, term_ns) for holder in policy.holders if holder.role in group)
        for group in policy.opening.groups
    )


def fault(policy: Policy, book: Book, now: Moment) -> str:
    """Groups with too few proven keys, for a person; empty: none, or the policy does not ask for proofs, or record."""
    if not (policy.opening.prove_every_d and policy.tracks()):
        return ""
    few = []
    for number, group in enumerate(standings(policy, book, now), 1):
        count = sum(one.is_proven for one in group)
        if count < PROVEN_MIN:
            few.append(f"{count or 'none'} of {len(group)} in group {number}")
    if not few:
        return ""
    return (
        f"keys proven within {policy.opening.prove_every_d} days: {', '.join(few)}; each group needs {PROVEN_MIN}, "
        "or the next key that is lost may be the last (spreekkamer holders ask)"
    )


class Tries:
    """Wrong answers, counted over an hour of the boot clock. One loop."""

    def __init__(self) -> None:
        self._wrong_ns: list[int] = []

    def left(self, now_ns: int) -> int:
        """How many more wrong answers are accepted now."""
        self._wrong_ns = [at_ns for at_ns in self._wrong_ns if now_ns - at_ns < WRONG_WITHIN_NS]
        return WRONG_MAX - len(self._wrong_ns)

    def wrong(self, now_ns: int) -> None:
        """Count a wrong answer."""
        self._wrong_ns.append(now_ns)


def _standing(holder: Holder, book: Book, now: Moment, term_ns: int) -> Standing:
    at = book.proofs.get(holder.recipient)
    if at is None:
        return Standing(holder, None, is_proven=False)
    age = age_ns(at, now)
    return Standing(holder, age, is_proven=age < term_ns)


def _without(mapping: Mapping[str, T], key: str) -> dict[str, T]:
    return {name: value for name, value in mapping.items() if name != key}


def _newest(mapping: dict[str, T]) -> dict[str, T]:
    """Drop keys beyond the maximum, the least recently used first."""
    return dict(list(mapping.items())[-KEYS_MAX:])
