# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The annex to a DPIA: what this room's policy and machine do with data, as facts for the officer who assesses them.

In Dutch, from the policy; it contains no assessment. Pure: a policy in, a text out.
"""

from __future__ import annotations

from daemon.model import wording
from daemon.model.policy import Policy, fingerprint
from daemon.model.wording import NOTHING, Notice, sender

NO_MORE = (
    "Geen namen. Geen herkenning van gezichten of stemmen. Niemand kijkt of luistert mee. Niets gaat naar een cloud: "
    "over het netwerk gaan alleen alarmen en cijfers."
)
MANAGEMENT = (
    "Beheer: beheer ziet in cijfers of alles werkt. Beheer kan een opname kopiëren en controleren, maar niet openen. "
    "Op het kastje staat geen sleutel waarmee dat kan."
)
REST = "In rust blijft niets in het geheugen."
COVERED = "Afgeplakte camera: bij verkiezingen, of op besluit, gaan camera en microfoon uit voor een vaste tijd."
CHECKS = (
    "Controle: elke opname, elke verwijdering, elke kopie, elk alarm en elk bezwaar staat in een logboek. Wie daar "
    "iets in verandert, valt op. De cijfers voor de raad komen daaruit, ook hoeveel uur de buffer liep en hoe lang "
    "alles uit stond."
)


def annex(policy: Policy, sha256: str) -> Notice:
    """The whole annex."""
    protocol = f"Protocol: {policy.name}, van kracht vanaf {policy.in_force_from.isoformat()}; SHA-256 {sha256 or '-'}."
    data = f"Gegevens: {wording.what(policy)} van wie in de spreekkamer is. {NO_MORE}" if policy.tracks() else NOTHING
    said = (protocol, data, *_recording(policy), MANAGEMENT, _alarm(policy), _objection(policy), COVERED, CHECKS)
    return Notice("dpia", "Bijlage bij de DPIA: de spreekkamer", said, sender(policy))


def _recording(policy: Policy) -> tuple[str, ...]:
    if not policy.tracks():
        return ()
    timing = policy.timing
    seconds = f"de laatste {timing.pre_event_s} seconden versleuteld in het geheugen, en verdwijnen dan"
    rest = f"In rust blijven {seconds}. Zij komen niet op een schijf." if timing.pre_event_s else REST
    length = (
        f"Duur: een opname stopt vanzelf na {wording.length(timing.maximum_s)}, bij een alarm na "
        f"{wording.length(policy.alarm.maximum_s)}. Na het einde volgen nog {timing.post_event_s} seconden."
    )
    terms = (
        f"Termijnen: {wording.terms(policy)} De termijn telt vanaf het oudste beeld of geluid. Wissen gebeurt binnen "
        "een minuut na de termijn, met een bewijs. Beeld en geluid hebben elk een eigen bestand en een eigen sleutel."
    )
    keys = [f"{holder.label} ({holder.role}, {fingerprint(holder.recipient)})" for holder in policy.holders]
    access = f"Toegang: {wording.who(policy)} Sleutels: {wording.listed(keys) or 'nog geen'}."
    return (f"Wanneer: alleen {wording.when(policy)}. {rest}", length, terms, access)


def _alarm(policy: Policy) -> str:
    records = "wordt opgenomen" if policy.alarm.records and policy.tracks() else "wordt niet opgenomen"
    silent = " In de kamer is het alarm niet te zien." if policy.alarm.silent else ""
    return f"Alarm: de alarmknop werkt altijd, ook als er niets mag worden opgenomen. Bij een alarm {records}.{silent}"


def _objection(policy: Policy) -> str:
    if not policy.objection.by or not policy.tracks():
        return "Bezwaar: het protocol kent geen knop voor bezwaar."
    over = wording.length(policy.objection.maximum_s)
    records = "wordt dan wel opgenomen" if policy.objection.alarm_records else "wordt dan niet opgenomen"
    return (
        f"Bezwaar: een medewerker zet camera en microfoon uit voor dit gesprek. Dat stopt vanzelf na {over}. Een alarm "
        f"{records}. Het wordt geteld, zonder naam."
    )
