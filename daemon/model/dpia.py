# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The annex to a DPIA: what this room's policy and machine do with data, as facts for the officer who assesses them.

In Dutch, from the policy; it contains no assessment. Pure: a policy in, a text out.
"""

from __future__ import annotations

from daemon.model import wording
from daemon.model.holds import REVIEW_DAYS_MAX
from daemon.model.policy import TERM_H_MAX, Policy, fingerprint
from daemon.model.wording import Notice, sender

NO_MORE = (
    "Geen namen. Geen herkenning van gezichten of stemmen. Niemand kijkt of luistert mee. Niets gaat naar een cloud: "
    "over het netwerk stuurt het kastje zelf alarmen, meldingen en cijfers, en nooit beeld of geluid."
)
MANAGEMENT = (
    "Beheer: beheer ziet in cijfers of alles werkt, en of elk bestand klopt. Een opname openen, kopiëren of langer "
    "bewaren kan beheer niet. Een verzegelde kopie geven en langer bewaren doet alleen wie daarvoor is aangewezen. Op "
    "het kastje staat geen sleutel waarmee een opname open kan."
)
APART = " Beeld en geluid hebben elk een eigen bestand en een eigen sleutel."
TRIAL = (
    "Beheer kan een proef van een paar seconden opnemen, met de lamp aan. "
    "Klopt elk bestand, dan gaat de proef meteen weg."
)
AIM = (
    "Beheer richt de camera met grove vlakken, 16 bij 9, met de lamp aan en hoogstens vijf minuten. "
    "Ook dat staat in het logboek."
)
REST = "In rust blijft niets in het geheugen."
CHECKS = (
    "Controle: elke opname, elke verwijdering, elke kopie, elk alarm en elk bezwaar staat in een logboek. Elke regel "
    "draagt een afdruk van de regel ervoor, en het kastje ondertekent. Wie een regel verandert of weghaalt, valt op. "
    "Wie het hele kastje in handen heeft, heeft ook de sleutel, en kan het logboek opnieuw maken. Zonder getuige valt "
    "dat niet op. Een getuige is een andere computer die afdrukken van het logboek en van opnames bewaart. Een afdruk "
    "komt daar hoogstens een uur na een nieuwe regel, zolang het netwerk werkt. Met een getuige valt elke verandering "
    "van voor een afdruk op. Wat na de laatste afdruk kwam, en wat het kastje nooit opschreef, bewijst ook een getuige "
    "niet. De cijfers voor de raad komen uit het logboek, ook hoeveel uur de buffer liep en hoe lang alles "
    "uit stond."
)


def annex(policy: Policy, sha256: str) -> Notice:
    """The whole annex."""
    protocol = f"Protocol: {policy.name}, van kracht vanaf {policy.in_force_from.isoformat()}; SHA-256 {sha256 or '-'}."
    called = wording.is_desk(policy)
    whose = "wie belt, en van de medewerker" if called else "wie in de spreekkamer is"
    data = f"Gegevens: {wording.what(policy)} van {whose}. {NO_MORE}" if policy.tracks() else wording.nothing(policy)
    manages = " ".join((MANAGEMENT, *([TRIAL] if policy.tracks() else []), *([AIM] if policy.video.record else [])))
    said = (protocol, data, *_recording(policy), *_sound(policy), manages, _alarm(policy), _objection(policy),
            *_covered(policy), *_held(policy), f"{CHECKS} {wording.log_term(policy, 'het logboek')}")  # fmt: skip
    return Notice("dpia", f"Bijlage bij de DPIA: de {'telefoon' if called else 'spreekkamer'}", said, sender(policy))


def _recording(policy: Policy) -> tuple[str, ...]:
    if not policy.tracks():
        return ()
    timing = policy.timing
    seconds = f"de laatste {timing.pre_event_s} seconden versleuteld in het geheugen, en verdwijnen dan"
    one = "de laatste seconde versleuteld in het geheugen, en verdwijnt dan"
    stays = f"blijft {one}. Zij komt" if timing.pre_event_s == 1 else f"blijven {seconds}. Zij komen"
    rest = f"In rust {stays} niet op een schijf." if timing.pre_event_s else REST
    rest = f"{wording.on(policy)} {rest}"
    length = (
        f"Duur: een opname stopt vanzelf na {wording.length(timing.maximum_s)}, bij een alarm na "
        f"{wording.length(policy.alarm.maximum_s)}.{_after(timing.post_event_s)}"
    )
    terms = (
        f"Termijnen: {wording.terms(policy)} De termijn telt vanaf het oudste beeld of geluid. Wissen gebeurt binnen "
        "een minuut na de termijn zolang het kastje aan staat en zijn klok klopt, en anders zodra het weer aan gaat. "
        f"Van elke verwijdering blijft een bewijs.{APART if len(policy.tracks()) > 1 else ''}"
    )
    keys = [f"{holder.label} ({holder.role}, {fingerprint(holder.recipient)})" for holder in policy.holders]
    access = f"Toegang: {wording.who(policy)} Sleutels: {wording.listed(keys) or 'nog geen'}."
    return (f"Wanneer: alleen {wording.when(policy)}. {rest}", length, terms, access)


def _sound(policy: Policy) -> tuple[str, ...]:
    """The rule that camera surveillance at work records no sound, and what this policy does besides."""
    if not policy.audio.record:
        return ()
    named = wording.grounds(policy)
    ground = f"Voor geluid geldt deze grond: {named}." if named else "Een grond noemt het protocol niet."
    longer = (
        f' Dat is langer dan een week, door dit besluit: "{policy.audio.decision.strip()}".'
        if policy.audio.term_h > TERM_H_MAX["audio"]
        else ""
    )
    apart = "" if not policy.video.record else " Geluid kan uit terwijl beeld aan blijft."
    said = (
        "Geluid: de regel is dat cameratoezicht op het werk geen geluid opneemt. Dit protocol neemt wel geluid op. "
        f"{ground} Geluid blijft alleen bewaard {wording.when(policy)}. Geluid heeft een eigen termijn: "
        f"{wording.term(policy.audio.term_h)}.{longer}{apart} Staat geluid uit, dan gaat de microfoon niet open."
    )
    return (said,)


def _after(seconds: int) -> str:
    return f" Na het einde loopt zij nog {wording.length(seconds)} door." if seconds else ""


def _alarm(policy: Policy) -> str:
    is_recorded = policy.alarm.records and bool(policy.tracks())
    records = "wordt opgenomen" if is_recorded else "begint geen opname"
    running = "" if is_recorded or not policy.tracks() else " Een opname die al loopt, gaat door."
    lamp = " De opnamelamp gaat wel aan." if is_recorded else ""
    silent = f" De statuslamp laat het alarm niet zien.{lamp}" if policy.alarm.silent else ""
    works = "Alarm: de alarmknop werkt altijd, ook als er niets mag worden opgenomen."
    return f"{works} Bij een alarm {records}.{running}{silent}"


def _objection(policy: Policy) -> str:
    if not policy.objection.by or not policy.tracks():
        return "Bezwaar: het protocol kent geen knop voor bezwaar."
    over = wording.length(policy.objection.maximum_s)
    over = f"het gesprek, uiterlijk na {over}" if wording.ends_with_its_call(policy) else over
    records = "wordt dan toch opgenomen" if wording.objection_gives_way(policy) else "wordt dan niet opgenomen"
    return (
        f"Bezwaar: een medewerker zet {wording.the_devices(policy)} uit. Tijdens een alarm kan dat niet. Dat stopt "
        f"vanzelf na {over}, of eerder met dezelfde knop. Een alarm {records}. Het bezwaar wordt geteld, zonder naam."
    )


def _covered(policy: Policy) -> tuple[str, ...]:
    """A covered window closes the devices; where an alarm may be heard in it the microphone stays on."""
    if not policy.tracks():
        return ()
    begins = "Afgeplakte camera: bij verkiezingen, of op besluit,"
    if not (policy.cover.alarm_records and policy.audio.record):
        goes = "gaat" if len(policy.tracks()) == 1 else "gaan"
        return (
            f"{begins} {goes} {wording.the_devices(policy)} uit voor een vaste tijd. Ook bij een alarm blijft dat zo.",
        )
    camera = (
        "gaat de camera uit voor een vaste tijd. De microfoon"
        if policy.video.record
        else "blijft de microfoon aan. Die"
    )
    heard = "neemt dan alleen bij een alarm op" if policy.alarm.records else "neemt dan niets op"
    stays = "blijft aan en " if policy.video.record else ""
    return (f"{begins} {camera} {stays}{heard}.",)


def _held(policy: Policy) -> tuple[str, ...]:
    """What becomes of a hold that nobody looks at."""
    if not policy.tracks():
        return ()
    looked = f"Langer bewaren: met een nummer, een reden en een datum, hoogstens {REVIEW_DAYS_MAX} dagen later."
    if policy.holds.after_review == "nag":
        daily = "Kijkt dan niemand, dan meldt het kastje dat elke dag. De opname blijft tot iemand haar vrijgeeft."
        return (f"{looked} {daily}",)
    days = policy.holds.lapse_after_d
    late = "1 dag" if days == 1 else f"{days} dagen"
    return (f"{looked} Kijkt niemand binnen {late} na die datum, dan vervalt het vanzelf.",)
