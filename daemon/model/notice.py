# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What people are told about a room, in Dutch, from the policy: a sticker, paragraphs for a letter, words to say.

Invariant: a text states the policy. Its code is made from the text, so that a notice on a wall can be compared with the
current policy. Pure: a policy in, texts out.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from msgspec.structs import replace

from daemon.model import wording
from daemon.model.dpia import annex
from daemon.model.policy import Policy
from daemon.model.site import page
from daemon.model.wording import (
    ACCESS,
    COMPLAINT,
    KINDS,
    NOBODY_WATCHES,
    RECEIVERS,
    RIGHTS,
    WHY,
    Kind,
    Notice,
    sender,
)

MONTHS = (
    "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november",
    "december",
)  # fmt: skip


def make(kind: Kind, policy: Policy, policy_sha256: str = "", signers: tuple[str, ...] = ()) -> Notice:
    """A notice for a policy. `signers`: short codes of the keys that may sign it, where it has to be signed."""
    makers: dict[Kind, Callable[[], Notice]] = {
        "sticker": lambda: _sticker(policy), "letter": lambda: _letter(policy), "spoken": lambda: _spoken(policy),
        "page": lambda: page(policy), "dpia": lambda: annex(policy, policy_sha256), "staff": lambda: _staff(policy),
        "call": lambda: _call(policy),
    }  # fmt: skip
    return replace(makers[kind](), signed=wording.signed(signers))


def in_use(policy: Policy) -> dict[Kind, str]:
    """The codes of the sticker, letter and spoken text in use, from the policy; empty: none is."""
    used = policy.notice.in_use
    return {
        "sticker": used.sticker,
        "letter": used.letter,
        "spoken": used.spoken,
        "page": used.page,
        "dpia": used.dpia,
        "staff": used.staff,
        "call": used.call,
    }


def lacking(policy: Policy) -> tuple[str, ...]:
    """Keys of the policy without which a notice leaves out what people have to be told (AVG, art. 13)."""
    if not policy.tracks():
        return ()
    said = policy.notice
    needed = {
        "organisation": said.organisation,
        "contact": said.contact,
        "officer": said.officer,
        "ground": said.ground,
    }
    return tuple(f"notice.{key}" for key, value in needed.items() if not value.strip())


def outdated(
    policy: Policy, used: dict[Kind, str], policy_sha256: str = "", signers: tuple[str, ...] = ()
) -> dict[Kind, str]:
    """The notices in use that this policy does not match, with the code that they would need."""
    now = {kind: make(kind, policy, policy_sha256, signers).code for kind in KINDS}
    return {kind: now[kind] for kind, code in used.items() if code and code != now[kind]}


def _sticker(policy: Policy) -> Notice:
    """Short, to be read in passing from a metre away."""
    if not policy.tracks():
        return Notice("sticker", "Hier nemen wij niets op", (wording.nothing(policy),), sender(policy))
    first = f"Wij nemen {wording.what(policy)} op. Dat doen wij alleen {wording.when(policy)}."
    now = f"{wording.on(policy)} {wording.held(policy)}"
    said = (
        first,
        now,
        *wording.before(policy),
        wording.lamp(policy),
        wording.terms(policy),
        " ".join(wording.objects(policy)),
    )
    return Notice("sticker", "Hier kan worden opgenomen", tuple(part for part in said if part), sender(policy))


def _letter(policy: Policy) -> Notice:
    """Paragraphs for the invitation: what article 13 of the AVG asks for, as far as the policy says it."""
    called = wording.is_desk(policy)
    title = "Opnemen aan de telefoon" if called else "Opnemen in de spreekkamer"
    if not policy.tracks():
        return Notice("letter", title, (wording.nothing_there(policy),), sender(policy))
    where = f"Uw gesprek is in een spreekkamer met {wording.devices(policy)}."
    where = "Belt u ons? Aan onze telefoon zit een kastje dat kan opnemen." if called else where
    first = f"{where} Wij nemen een gesprek niet zomaar op. Dat doen wij alleen {wording.when(policy)}. {WHY}"
    first = f"{first} {wording.ground(policy)}".rstrip()
    second = f"{wording.on(policy)} {wording.held(policy)}"
    third = " ".join((*wording.before(policy), wording.lamp(policy), *wording.afterwards(policy), NOBODY_WATCHES))
    fourth = f"{wording.terms(policy)} {wording.who(policy)} {RECEIVERS}"
    fifth = " ".join((*wording.objects(policy), ACCESS, RIGHTS, COMPLAINT))
    return Notice("letter", title, (first, second, third, fourth, fifth), sender(policy))


def _spoken(policy: Policy) -> Notice:
    """What staff say before the conversation begins; half a minute."""
    title = "Dit zegt u aan het begin van het gesprek"
    if not policy.tracks():
        return Notice("spoken", title, (wording.nothing(policy),), sender(policy))
    called = wording.is_desk(policy)
    where = f"In deze kamer {wording.stand(policy)} {wording.devices(policy)}."
    where = "Aan mijn telefoon zit een kastje dat kan opnemen." if called else where
    lamp = "Ik zie dat aan een lamp." if called else "De lamp gaat aan."
    seconds = policy.timing.pre_event_s
    button = "een knop" if policy.alarm.records else "de opnameknop"
    said = [
        f"{where} {wording.held(policy)}",
        f"Voel ik mij onveilig, dan druk ik op {button}. Dan nemen wij {wording.what(policy)} op. {lamp}",
    ]
    if seconds:
        said.append(f"Ook {'de seconde' if seconds == 1 else f'de {seconds} seconden'} daarvoor bewaren wij dan.")
    said += wording.afterwards(policy)
    if policy.objection.by:
        over = wording.on_again(policy)
        alarm = " Bij een alarm nemen wij dan toch op." if wording.objection_gives_way(policy) else ""
        said.append(f"Wilt u dat niet? Zeg het nu. Dan zet ik het uit. {over}{alarm}")
    return Notice("spoken", title, tuple(said), sender(policy))


def _staff(policy: Policy) -> Notice:
    """What the unit writes down about those who work with it (Protocol Heusden 2020, art. 7.1), and for how long."""
    called = wording.is_desk(policy)
    used = "de hoorn is opgenomen" if called else "de kamer in gebruik is"
    also = "Een bezwaar, een test" if policy.objection.by and policy.tracks() else "Een test"
    pressed = (
        "Het kastje schrijft op wanneer een knop is ingedrukt en welke knop dat was. Wie drukte, weet het niet. "
        "Heeft iemand een eigen draadloze knop? Dan is aan de knop te zien wie drukte. "
        f"{also} en een storing schrijft het ook op. Een alarm gaat ook naar de ontvanger. "
        f"Hoe lang die het bewaart, staat niet in dit protocol. Meldt een contact dat {used}? Dan "
        "telt het kastje de gesprekken, per uur en zonder naam."
    )
    slip = (
        "Opent iemand een opname, en krijgt het kastje die melding? "
        "Dan schrijft het op wanneer dat was, waarvoor en voor welke rol. "
    )
    asked = (
        "Vraagt iemand iets aan het kastje, zoals een kopie? Dan schrijft het de rol en het gebruikersnummer op. "
        f"{slip if policy.tracks() else ''}Het vraagt nooit om een naam."
    )
    kept = wording.log_term(policy, "dit logboek")
    use = "De cijfers voor de raad komen uit dit logboek."
    consent = policy.notice.works_council
    council = (
        f"De ondernemingsraad heeft ingestemd op {_day(consent)}."
        if consent
        else "Dit protocol noemt geen instemming van de ondernemingsraad."
    )
    recorded = _recorded_too(policy) if policy.tracks() else (wording.nothing(policy),)
    title = f"Dit legt {'het kastje bij de telefoon' if called else 'de spreekkamer'} vast over u"
    return Notice("staff", title, (pressed, asked, *recorded, kept, use, council), sender(policy))


def _call(policy: Policy) -> Notice:
    """What a caller hears before the call, in the menu, and what a letter says (Protocol Heusden 2020, art. 7.3)."""
    title = "Dit hoort en leest wie ons belt"
    if not wording.is_desk(policy):
        said: tuple[str, ...] = ("Dit kastje staat in een spreekkamer. Voor wie belt is er geen tekst.",)
    elif not policy.tracks():
        said = ("Wij nemen gesprekken aan de telefoon niet op.",)
    else:
        only, objects = f"Dat gebeurt alleen {wording.when(policy)}.", _caller_objects(policy)
        seconds = policy.timing.pre_event_s
        also = "De seconde voor de druk hoort" if seconds == 1 else f"De {seconds} seconden voor de druk horen"
        before = (f"{also} daarbij.",) if seconds else ()
        term = wording.term(policy.audio.term_h)
        kept = f"Wij bewaren de opname {term}, na een incident of een verzoek om inzage soms langer."
        said = (
            " ".join(("In het keuzemenu: Wij kunnen dit gesprek opnemen.", only, *before, *objects)),
            " ".join(("In een brief: Belt u ons? Dan kunnen wij u en onze medewerker opnemen.", only, kept, *objects)),
        )
    return Notice("call", title, said, sender(policy))


def _caller_objects(policy: Policy) -> tuple[str, ...]:
    """How a caller objects; empty if the policy has no objection."""
    if not policy.objection.by:
        return ()
    said = "Wilt u geen opname? Zeg dat aan de medewerker. Dan zet die het uit, behalve tijdens een alarm."
    return (said, *(["Bij een alarm gaat het weer aan."] if wording.objection_gives_way(policy) else []))


def _recorded_too(policy: Policy) -> tuple[str, ...]:
    """Staff are heard and seen as residents are."""
    now = f"{wording.on(policy)} {wording.held(policy)}"
    taken = (f"Een opname bevat ook {_yours(policy)}.", *wording.before(policy), *wording.afterwards(policy))
    return (now, f"{' '.join(taken)} {wording.terms(policy)} {wording.who(policy)} {NOBODY_WATCHES}")


def _yours(policy: Policy) -> str:
    return wording.listed([{"video": "uw beeld", "audio": "uw stem"}[track] for track in reversed(policy.tracks())])


def _day(day: datetime.date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
