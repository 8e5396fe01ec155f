# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page for the municipality's site: eight questions that councils asked, answered from the policy.

In Dutch (B1). Pure: a policy in, questions and answers out; `daemon/commands/site.py` makes HTML of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from daemon.model import wording
from daemon.model.holds import REVIEW_DAYS_MAX
from daemon.model.policy import Policy
from daemon.model.wording import (
    ACCESS,
    COMPLAINT,
    LONGER,
    NOBODY_WATCHES,
    RECEIVERS,
    RIGHTS,
    WHY,
    Notice,
    length,
    sender,
)

TITLE = "Opnemen in de spreekkamer"
TITLE_OFF = "Wij nemen niets op in de spreekkamer"
TITLE_CALLED, TITLE_CALLED_OFF = "Opnemen aan de telefoon", "Wij nemen niets op aan de telefoon"
ALARM_ONLY = (
    "De alarmknop waarschuwt een collega. Het kastje schrijft op wanneer iemand drukt, en op welke knop. Een naam van "
    "een bezoeker schrijft het niet op."
)
"""Where nothing is recorded."""
CLOSED = (
    "Het kastje heeft geen sleutel waarmee een opname open kan. Ook wie het kastje beheert, kan een opname niet openen."
)
PLACE = (
    "Een opname staat op het kastje {where}. Niets gaat naar een cloud. Het kastje stuurt zelf nooit beeld "
    "of geluid weg. Een kopie van het kastje is ook versleuteld."
)
LOGGED = "Elke opname, elke kopie en elke verwijdering staat in een logboek."


class Answer(Struct, frozen=True):
    """One question, and paragraphs that answer it."""

    question: str
    paragraphs: tuple[str, ...]


def page(policy: Policy) -> Notice:
    """The whole page as a text: its code, and what a sentence on it may say, are those of any notice."""
    said = [lead(policy)]
    for answer in answers(policy):
        said += [answer.question, *answer.paragraphs]
    on, off = (TITLE_CALLED, TITLE_CALLED_OFF) if wording.is_desk(policy) else (TITLE, TITLE_OFF)
    return Notice("page", on if policy.tracks() else off, tuple(said), sender(policy))


def lead(policy: Policy) -> str:
    """What stands above the questions."""
    if not policy.tracks():
        return f"{wording.nothing_there(policy)} {ALARM_ONLY}"
    where = f"In de spreekkamer {wording.stand(policy)} {wording.devices(policy)}."
    where = "Aan onze telefoon zit een kastje dat kan opnemen." if wording.is_desk(policy) else where
    said = f"{where} Wij nemen een gesprek niet zomaar op. {WHY} {wording.ground(policy)}"
    return said.rstrip()


def answers(policy: Policy) -> tuple[Answer, ...]:
    """The eight questions, in the order in which people ask them; none where nothing is recorded."""
    if not policy.tracks():
        return ()
    return (
        Answer("Hoe begint een opname?", tuple(_begins(policy))),
        Answer("Wat als niemand de opname stopt?", (_forgotten(policy),)),
        Answer("Hoe lang bewaren wij een opname?", tuple(_kept(policy))),
        Answer("Is een opname versleuteld?", (_sealed(policy),)),
        Answer("Waar staat een opname?", (_place(policy),)),
        Answer("Wie kan een opname zien of horen?", (f"{wording.who(policy)} {NOBODY_WATCHES}", LOGGED)),
        Answer("Wie mag om een opname vragen?", (f"{ACCESS} {RECEIVERS}",)),
        Answer("Wat zijn uw rechten?", tuple(_rights(policy))),
    )


def _place(policy: Policy) -> str:
    return PLACE.format(where="bij de telefoon" if wording.is_desk(policy) else "van de spreekkamer")


def _begins(policy: Policy) -> Iterator[str]:
    begins = f"Wij nemen alleen op {wording.when(policy)}. Eén druk op de opnameknop is genoeg."
    yield f"{begins}{_raised(policy)} {wording.lamp(policy)}"
    yield " ".join((wording.on(policy), wording.held(policy), *wording.before(policy)))


def _raised(policy: Policy) -> str:
    if not policy.alarm.records:
        return ""
    return {
        "press": " Eén druk op de alarmknop ook.",
        "hold": " Op de alarmknop drukt een medewerker iets langer.",
        "two_presses": " Op de alarmknop drukt een medewerker twee keer.",
    }[policy.alarm.raised_by]


def _forgotten(policy: Policy) -> str:
    stops = f"Een opname stopt vanzelf na {length(policy.timing.maximum_s)}."
    alarm = f"Bij een alarm stopt een opname vanzelf na {length(policy.alarm.maximum_s)}."
    return " ".join((stops, alarm, *wording.afterwards(policy)))


def _kept(policy: Policy) -> Iterator[str]:
    yield f"{wording.wiped(policy)} Wij tellen vanaf het begin van de opname."
    holds = f"{LONGER} Dan spreken wij een dag af waarop wij opnieuw kijken, hoogstens {REVIEW_DAYS_MAX} dagen later."
    if policy.holds.after_review == "lapse":
        days = policy.holds.lapse_after_d
        late = "1 dag" if days == 1 else f"{days} dagen"
        yield f"{holds} Kijkt niemand binnen {late} na die dag, dan stopt het langer bewaren vanzelf."
    else:
        yield f"{holds} Kijkt niemand, dan meldt het kastje dat elke dag."


def _sealed(policy: Policy) -> str:
    apart = " Beeld en geluid hebben elk een eigen sleutel." if len(policy.tracks()) > 1 else ""
    return f"Ja. Het kastje versleutelt elke seconde meteen, nog in het geheugen.{apart} {CLOSED}"


def _rights(policy: Policy) -> Iterator[str]:
    if policy.objection.by:
        yield " ".join(wording.objects(policy))
    yield RIGHTS
    yield COMPLAINT
