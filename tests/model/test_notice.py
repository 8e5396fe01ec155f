# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Texts for people, held against what the unit does under their policy: each sentence is there when, and only when, it
is true, and none is printed that the table does not know.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.alarm.aiming import AIM_S_MAX
from daemon.alarm.desk import TEST_RECORDING_NS
from daemon.keeper.heads import HOUR_NS
from daemon.model import holds
from daemon.model.acts import AlarmAct, CopyUsed
from daemon.model.events import AlarmPressed, ObjectionPressed, UseChanged
from daemon.model.logyears import needs
from daemon.model.notice import in_use, lacking, make, outdated
from daemon.model.policy import (
    NS,
    AlarmPolicy,
    CoverPolicy,
    Holder,
    HoldPolicy,
    InUse,
    NoticePolicy,
    ObjectionPolicy,
    Opening,
    PlacePolicy,
    Policy,
    TimingPolicy,
    TrackPolicy,
    UsePolicy,
)
from daemon.model.rights import KEEPER_VERBS
from daemon.model.room import step
from daemon.model.rules.common import alarm_may_record, closed_tracks
from daemon.model.site import answers
from daemon.model.state import Alarm, Phase, Recording, Room, Rules
from daemon.model.wording import KINDS, Kind, length, listed, term
from tests.auditlog import line

KEY = "age1" + "q" * 58
HEUSDEN = Policy(
    "heusden-2020", datetime.date(2020, 5, 4), TrackPolicy(record=True, term_h=168),
    TrackPolicy(record=True, term_h=672),
    opening=Opening((("manager", "secretary", "hr-manager"),)), holders=(Holder("manager", "manager-1", KEY),),
    notice=NoticePolicy("Gemeente Heusden", "bel 14 0416", "fg@heusden.nl", page="heusden.nl/privacy"),
)  # fmt: skip
BEGAN = line("recording_began", recording_id="a" * 32)
SECONDS = st.sampled_from([0, 1, 10, 60, 120])
policies = st.builds(
    lambda audio, video, timing, alarm, objection, cover, holds, groups, notice, use, kind, log_term_y: replace(
        HEUSDEN, audio=audio, video=TrackPolicy(record=video and kind == "room", term_h=336), place=PlacePolicy(kind),
        timing=timing, alarm=alarm, objection=objection, cover=cover, holds=holds, opening=Opening(groups),
        notice=notice, use=use, log_term_y=log_term_y,
    ),
    st.sampled_from([TrackPolicy(), *(
        TrackPolicy(record=True, term_h=hours, decision=decision)
        for hours, decision in ((168, ""), (24, ""), (168, "besluit 7"), (336, "besluit 7 "))
    )]), st.booleans(),
    st.builds(TimingPolicy, SECONDS, SECONDS, st.sampled_from([60, 90, 5400])),
    st.builds(
        AlarmPolicy, records=st.booleans(), silent=st.booleans(), maximum_s=st.sampled_from([60, 3600]),
        raised_by=st.sampled_from(["press", "hold", "two_presses"]),
    ),
    st.builds(
        ObjectionPolicy, st.sampled_from([(), ("hold",), ("button",)]), maximum_s=st.sampled_from([300, 3600]),
        alarm_records=st.booleans(),
    ),
    st.builds(CoverPolicy, st.booleans()),
    st.builds(HoldPolicy, st.sampled_from(["nag", "lapse"]), st.sampled_from([1, 28])),
    st.sampled_from([(("manager",),), (("custodian",), ("secretary",))]),
    st.builds(
        NoticePolicy,
        ground=st.sampled_from(["", " ", "een taak van algemeen belang (AVG, artikel 6, lid 1, onder e)."]),
        works_council=st.sampled_from([None, datetime.date(2026, 3, 1)]),
    ),
    st.builds(UsePolicy, st.sampled_from(["always", "in_use"])), st.sampled_from(["room", "desk"]),
    st.sampled_from([1, 5]),
)  # fmt: skip


Fact = Callable[[Policy], bool]


def words(kind: Kind, policy: Policy) -> str:
    return make(kind, policy).text()


# --- every sentence and when it is true -------------------------------------------------------------------------------


def records(policy: Policy) -> bool:
    return policy.audio.record or policy.video.record


def room(policy: Policy) -> bool:
    return records(policy) and policy.place.kind == "room"


def desk(policy: Policy) -> bool:
    return records(policy) and policy.place.kind == "desk"


def nothing_at(kind: str) -> Fact:
    return lambda policy: not records(policy) and policy.place.kind == kind


def over_with_its_call(policy: Policy) -> bool:
    """Whether the room itself ends an objection when the caller hangs up, and the settings need a contact for it."""
    called = Room(Rules.of(policy), Phase.PRIVACY, objection_until_ns=10**15, in_use=True)
    after, _ = step(called, UseChanged(in_use=False), 1)
    return objects(policy) and not after.objection_until_ns and policy.use.ring_while == "in_use"


def both(policy: Policy) -> bool:
    return policy.audio.record and policy.video.record


def objects(policy: Policy) -> bool:
    return records(policy) and bool(policy.objection.by)


def in_objection(policy: Policy) -> bool:
    """Whether the room itself would record an alarm that is raised in an objection."""
    return objects(policy) and alarm_may_record(Room(Rules.of(policy), objection_until_ns=1))


def covered(policy: Policy) -> tuple[str, ...]:
    """The devices that the room closes in a covered window."""
    return closed_tracks(Room(Rules.of(policy), cover="elections"))


def goes_on(policy: Policy) -> bool:
    """Whether the room goes on with a recording that runs when an alarm is raised."""
    running = Recording("one", until_ns=1, alarm=False, running=True)
    rules = Rules.of(replace(policy, alarm=replace(policy.alarm, raised_by="press")))
    room = Room(rules, Phase.RECORDING, recorder=policy.tracks(), recording=running)
    room, _ = step(room, AlarmPressed(0, "alarm", "two"), 0)
    return records(policy) and room.recording is not None and room.recording.until_ns > 1


def grounded(policy: Policy) -> bool:
    return records(policy) and bool(policy.notice.ground.strip())


def may_hold(policy: Policy) -> bool:
    """What a track may be kept longer for, and opened for, is this and nothing else."""
    return records(policy) and set(get_args(holds.Kind)) == {"incident", "access"}


def alarm_in_cover(policy: Policy) -> bool:
    return alarm_may_record(Room(Rules.of(policy), cover="elections"))


def refused_in_alarm(policy: Policy) -> bool:
    """Whether an objection that is made in an alarm changes nothing, where there can be one at all."""
    room = Room(Rules.of(policy), Phase.ALARM, alarms=(Alarm("alarm", 0),))
    return objects(policy) and step(room, ObjectionPressed(0), 0)[0] == room


def between_uses(policy: Policy) -> bool:
    """Whether the room closes its devices while nobody is there, and opens them when somebody comes or nobody knows."""
    closed = [closed_tracks(Room(Rules.of(policy), in_use=in_use)) for in_use in (False, True, None)]
    return records(policy) and closed == [policy.tracks(), (), ()]


ON: tuple[Kind, ...] = ("sticker", "letter", "page", "dpia", "staff")
"""The notices that say when the devices are on."""
HELD: tuple[Kind, ...] = ("sticker", "letter", "spoken", "page", "staff")
"""The notices that say what is in memory."""
BUT_CALLS: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "call")
TABLE: dict[str, tuple[tuple[Kind, ...], Fact]] = {
    # what is recorded, when, and what is in memory before it
    r"In deze kamer nemen wij geen beeld en geen geluid op": (
        ("sticker", "spoken", "dpia", "staff"), nothing_at("room")),
    r"In de spreekkamer nemen wij geen beeld en geen geluid op": (("letter", "page"), nothing_at("room")),
    r"Wij nemen aan de telefoon niets op": (BUT_CALLS, nothing_at("desk")),
    r"Er is wel een alarmknop": (BUT_CALLS, lambda p: not records(p)),
    r"De alarmknop waarschuwt een collega": (("page",), lambda p: not records(p)),
    r"Het kastje schrijft op wanneer iemand drukt, en op welke knop": (("page",), lambda p: not records(p)),
    r"Een naam van een bezoeker schrijft het niet op": (("page",), lambda p: not records(p)),
    r"Wij nemen (beeld en geluid|beeld|geluid) op": (("sticker",), records),
    r"(Dat doen wij|Wij nemen) alleen (op )?als een medewerker op de knop drukt, of bij een alarm": (
        ("sticker", "letter", "page"), lambda p: records(p) and p.alarm.records),
    r"(Dat doen wij|Wij nemen) alleen (op )?als een medewerker op de knop drukt$": (
        ("sticker", "letter", "page"), lambda p: records(p) and not p.alarm.records),
    r"Eén druk op de opnameknop is genoeg": (("page",), records),
    r"Eén druk op de alarmknop ook": (
        ("page",), lambda p: records(p) and p.alarm.records and p.alarm.raised_by == "press"),
    r"Op de alarmknop drukt een medewerker iets langer": (
        ("page",), lambda p: records(p) and p.alarm.records and p.alarm.raised_by == "hold"),
    r"Op de alarmknop drukt een medewerker twee keer": (
        ("page",), lambda p: records(p) and p.alarm.records and p.alarm.raised_by == "two_presses"),
    r"Uw gesprek is in een spreekkamer met een": (("letter",), room),
    r"In de spreekkamer (staat|staan) een": (("page",), room),
    r"Belt u ons": (("letter",), desk),
    r"Aan onze telefoon zit een kastje dat kan opnemen": (("letter", "page"), desk),
    r"Wij nemen een gesprek niet zomaar op": (("letter", "page"), records),
    r"Het is voor de veiligheid": (("letter", "page"), records),
    r"De grond is een taak van algemeen belang .*e\)$": (("letter", "page"), grounded),
    r"De .* (staat|staan) aan$": (ON, lambda p: records(p) and not between_uses(p)),
    r"De .* (staat|staan) aan als de kamer in gebruik is$": (ON, lambda p: room(p) and between_uses(p)),
    r"De microfoon staat aan tijdens een telefoongesprek$": (ON, lambda p: desk(p) and between_uses(p)),
    r"Anders staan ze uit, behalve bij een storing$": (ON, lambda p: both(p) and between_uses(p)),
    r"Anders staat die uit, behalve bij een storing$": (ON, lambda p: not both(p) and between_uses(p)),
    r"De camera en de microfoon staan aan": (("sticker", "letter", "page", "dpia", "staff"), both),
    r"De camera staat aan": (
        ("sticker", "letter", "page", "dpia", "staff"), lambda p: p.video.record and not p.audio.record),
    r"De microfoon staat aan": (
        ("sticker", "letter", "page", "dpia", "staff"), lambda p: p.audio.record and not p.video.record),
    r"In deze kamer (staat|staan) een": (("spoken",), room),
    r"Aan mijn telefoon zit een kastje dat kan opnemen": (("spoken",), desk),
    r"Zonder opname bewaren wij niets": (HELD, lambda p: records(p) and not p.timing.pre_event_s),
    r"De laatste seconde blijft in het geheugen, versleuteld": (
        HELD, lambda p: records(p) and p.timing.pre_event_s == 1),
    r"De laatste \d+ seconden blijven in het geheugen, versleuteld": (
        HELD, lambda p: records(p) and p.timing.pre_event_s > 1),
    r"Daarna verdwijnt die": (HELD, lambda p: records(p) and p.timing.pre_event_s == 1),
    r"Daarna verdwijnen ze": (HELD, lambda p: records(p) and p.timing.pre_event_s > 1),
    r"Alleen bij een opname bewaren wij die": (HELD, lambda p: records(p) and p.timing.pre_event_s == 1),
    r"Alleen bij een opname bewaren wij ze": (HELD, lambda p: records(p) and p.timing.pre_event_s > 1),
    r"De opname bevat dan ook de (seconde|\d+ seconden) vóór": (
        ("sticker", "letter", "page", "staff"), lambda p: records(p) and p.timing.pre_event_s > 0),
    r"Ook de (seconde|\d+ seconden) daarvoor bewaren wij dan": (
        ("spoken",), lambda p: records(p) and p.timing.pre_event_s > 0),
    r"Een opname stopt vanzelf na": (("page",), records),
    r"Bij een alarm stopt een opname vanzelf na": (("page",), goes_on),
    r"Na het stoppen loopt de opname nog": (
        ("letter", "spoken", "page", "staff"), lambda p: records(p) and p.timing.post_event_s > 0),
    r"De lamp brandt dan nog": (
        ("letter", "spoken", "page", "staff"), lambda p: records(p) and p.timing.post_event_s > 0),
    r"Voel ik mij onveilig, dan druk ik op een knop$": (("spoken",), lambda p: records(p) and p.alarm.records),
    r"Voel ik mij onveilig, dan druk ik op de opnameknop$": (("spoken",), lambda p: records(p) and not p.alarm.records),
    r"Dan nemen wij (beeld en geluid|beeld|geluid) op": (("spoken",), records),
    r"De lamp gaat aan": (("spoken",), room),
    r"Ik zie dat aan een lamp": (("spoken",), desk),
    r"Brandt de opnamelamp": (("sticker", "letter", "page"), room),
    r"Dan nemen wij op": (("sticker", "letter", "page"), room),
    r"De medewerker ziet aan een lamp dat wij opnemen": (("sticker", "letter", "page"), desk),
    r"U mag er altijd naar vragen": (("sticker", "letter", "page"), desk),
    r"Wij kijken of luisteren niet mee": (("letter", "page", "staff"), records),
    # how long, who, to whom
    r"Wij wissen ": (("sticker", "letter", "page", "staff"), records),
    r"Wij tellen vanaf het begin van de opname": (("page",), records),
    r"Na een incident of een verzoek om inzage kunnen wij langer bewaren": (
        ("sticker", "letter", "page", "dpia", "staff"), may_hold),
    r"Dan spreken wij een dag af waarop wij opnieuw kijken, hoogstens 90 dagen later": (
        ("page",), lambda p: records(p) and holds.REVIEW_DAYS_MAX == 90),
    r"Kijkt niemand, dan meldt het kastje dat elke dag": (
        ("page",), lambda p: records(p) and p.holds.after_review == "nag"),
    r"Kijkt niemand binnen (1 dag|28 dagen) na die dag, dan stopt het langer bewaren": (
        ("page",), lambda p: records(p) and p.holds.after_review == "lapse"),
    r"Alleen .* mag een opname openen": (
        ("letter", "page", "staff"), lambda p: records(p) and len(p.opening.groups) == 1),
    r"Een opname openen kan alleen samen": (
        ("letter", "page", "staff"), lambda p: records(p) and len(p.opening.groups) > 1),
    r"Dat mag alleen na een incident, of als iemand om inzage vraagt": (("letter", "page", "dpia", "staff"), may_hold),
    r"Anderen krijgen geen opname, behalve de politie": (("letter", "page"), records),
    r"Elke opname, elke kopie en elke verwijdering staat in een logboek": (("page",), records),
    # sealed, and where
    r"Ja$": (("page",), records),
    r"Het kastje versleutelt elke seconde meteen": (("page",), records),
    r"Beeld en geluid hebben elk een eigen sleutel": (("page",), both),
    r"Het kastje heeft geen sleutel waarmee een opname open kan": (("page",), records),
    r"Ook wie het kastje beheert, kan een opname niet openen": (("page",), records),
    r"Een opname staat op het kastje van de spreekkamer": (("page",), room),
    r"Een opname staat op het kastje bij de telefoon": (("page",), desk),
    r"Het kastje stuurt zelf nooit beeld of geluid weg": (("page",), records),
    r"Een kopie van het kastje is ook versleuteld": (("page",), records),
    # rights
    r"Wilt u niet worden opgenomen": (("sticker", "letter", "page"), objects),
    r"Zeg het ons: dan zetten wij het uit": (("sticker", "letter", "page"), objects),
    r"Tijdens een alarm kan dat niet": (("sticker", "letter", "page", "dpia"), refused_in_alarm),
    r"Wilt u dat niet": (("spoken",), objects),
    r"Zeg het nu": (("spoken",), objects),
    r"Dan zet ik het uit": (("spoken",), objects),
    r"Na \d+ (minuten|minuut) gaat het vanzelf weer aan": (
        ("sticker", "letter", "spoken", "page"), lambda p: objects(p) and not over_with_its_call(p)),
    r"Na het gesprek gaat het vanzelf weer aan, uiterlijk na \d+ minuten": (
        ("sticker", "letter", "spoken", "page"), over_with_its_call),
    r"Bij een alarm nemen wij dan toch op": (("sticker", "letter", "spoken", "page"), in_objection),
    r"U mag vragen of er een opname van u is": (("letter", "page"), records),
    r"U mag ook vragen om verbeteren, wissen of beperken": (("letter", "page"), records),
    r"En u mag bezwaar maken": (("letter", "page"), records),
    r"Vraag het voor wij de opname wissen": (("letter", "page"), records),
    r"Bent u het niet met ons eens": (("letter", "page"), records),
    r"Dan kunt u klagen bij de Autoriteit Persoonsgegevens": (("letter", "page"), records),
    # the page's questions
    r"Hoe begint een opname$": (("page",), records),
    r"Wat als niemand de opname stopt$": (("page",), records),
    r"Hoe lang bewaren wij een opname$": (("page",), records),
    r"Is een opname versleuteld$": (("page",), records),
    r"Waar staat een opname$": (("page",), records),
    r"Wie kan een opname zien of horen$": (("page",), records),
    r"Wie mag om een opname vragen$": (("page",), records),
    r"Wat zijn uw rechten$": (("page",), records),
    # staff
    r"Het kastje schrijft op wanneer een knop": (("staff",), lambda _: True),
    r"Wie drukte, weet het niet": (("staff",), lambda _: True),
    r"Heeft iemand een eigen draadloze knop": (("staff",), lambda _: True),
    r"Dan is aan de knop te zien wie drukte": (("staff",), lambda _: "source" in AlarmAct.__struct_fields__),
    r"Een bezwaar, een test en een storing schrijft": (("staff",), objects),
    r"Een test en een storing schrijft": (("staff",), lambda p: not objects(p)),
    r"Een alarm gaat ook naar de ontvanger": (("staff",), lambda _: True),
    r"Hoe lang die het bewaart, staat niet in dit protocol": (("staff",), lambda _: True),
    r"Meldt een contact dat de kamer in gebruik is": (("staff",), lambda p: p.place.kind == "room"),
    r"Meldt een contact dat de hoorn is opgenomen": (("staff",), lambda p: p.place.kind == "desk"),
    r"Dan telt het kastje de gesprekken, per uur en zonder naam": (("staff",), lambda _: True),
    r"Vraagt iemand iets aan het kastje": (("staff",), lambda _: True),
    r"Dan schrijft het de rol": (("staff",), lambda _: True),
    r"Opent iemand een opname, en krijgt het kastje die melding": (("staff",), records),
    r"Dan schrijft het op wanneer dat was, waarvoor en voor welke rol": (
        ("staff",), lambda p: records(p) and {"opened_at", "purpose", "on_behalf_of"} <= {*CopyUsed.__struct_fields__}),
    r"Het vraagt nooit om een naam": (("staff",), lambda _: True),
    r"Een opname bevat ook (uw beeld en uw stem|uw beeld|uw stem)": (("staff",), records),
    r"Elk jaar van (dit|het) logboek blijft nog 5 jaar na": (("staff", "dpia"), lambda p: p.log_term_y == 5),
    r"Elk jaar van (dit|het) logboek blijft nog 1 jaar na": (("staff", "dpia"), lambda p: p.log_term_y == 1),
    r"Daarna wist het kastje het": (("staff", "dpia"), lambda _: True),
    r"Gaat een regel over een opname die er nog is": (("staff", "dpia"), lambda _: needs(BEGAN, {"a" * 32}, ())),
    r"Dan blijft dat jaar zolang": (("staff", "dpia"), lambda _: needs(BEGAN, {"a" * 32}, ())),
    r"De cijfers van dat jaar blijven, zonder namen": (("staff", "dpia"), lambda _: True),
    r"De cijfers voor de raad komen uit dit logboek": (("staff",), lambda _: True),
    r"De ondernemingsraad heeft ingestemd op 1 maart 2026": (("staff",), lambda p: p.notice.works_council is not None),
    r"Dit protocol noemt geen instemming": (("staff",), lambda p: p.notice.works_council is None),
    # what callers hear and read
    r"Dit kastje staat in een spreekkamer": (("call",), lambda p: p.place.kind == "room"),
    r"Voor wie belt is er geen tekst": (("call",), lambda p: p.place.kind == "room"),
    r"Wij nemen gesprekken aan de telefoon niet op": (("call",), nothing_at("desk")),
    r"In het keuzemenu: Wij kunnen dit gesprek opnemen": (("call",), desk),
    r"In een brief: Belt u ons": (("call",), desk),
    r"Dan kunnen wij u en onze medewerker opnemen": (("call",), desk),
    r"Dat gebeurt alleen als een medewerker op de knop drukt, of bij een alarm": (
        ("call",), lambda p: desk(p) and alarm_may_record(Room(Rules.of(p)))),
    r"Dat gebeurt alleen als een medewerker op de knop drukt$": (
        ("call",), lambda p: desk(p) and not alarm_may_record(Room(Rules.of(p)))),
    r"De seconde voor de druk hoort daarbij": (("call",), lambda p: desk(p) and p.timing.pre_event_s == 1),
    r"De \d+ seconden voor de druk horen daarbij": (("call",), lambda p: desk(p) and p.timing.pre_event_s > 1),
    r"Wij bewaren de opname (1 dag|1 week|2 weken), na een incident of een verzoek om inzage soms langer": (
        ("call",), lambda p: desk(p) and may_hold(p)),
    r"Wilt u geen opname": (("call",), lambda p: desk(p) and objects(p)),
    r"Zeg dat aan de medewerker": (("call",), lambda p: desk(p) and objects(p)),
    r"Dan zet die het uit, behalve tijdens een alarm": (("call",), lambda p: desk(p) and refused_in_alarm(p)),
    r"Bij een alarm gaat het weer aan": (("call",), lambda p: desk(p) and in_objection(p)),
    # the annex
    r"Protocol: heusden-2020": (("dpia",), lambda _: True),
    r"Gegevens: .* van wie in de spreekkamer is": (("dpia",), room),
    r"Gegevens: geluid van wie belt, en van de medewerker": (("dpia",), desk),
    r"Geen namen": (("dpia",), records),
    r"Geen herkenning": (("dpia",), records),
    r"Niemand kijkt of luistert mee": (("dpia",), records),
    r"Niets gaat naar een cloud": (("dpia", "page"), records),
    r"Wanneer: alleen als een medewerker op de knop drukt, of bij een alarm": (
        ("dpia",), lambda p: records(p) and p.alarm.records),
    r"Wanneer: alleen als een medewerker op de knop drukt$": (("dpia",), lambda p: records(p) and not p.alarm.records),
    r"In rust blijft niets in het geheugen": (("dpia",), lambda p: records(p) and not p.timing.pre_event_s),
    r"In rust (blijft de laatste seconde|blijven de laatste \d+ seconden)": (
        ("dpia",), lambda p: records(p) and p.timing.pre_event_s > 0),
    r"(Zij komen|Zij komt) niet op een schijf": (("dpia",), lambda p: records(p) and p.timing.pre_event_s > 0),
    r"Duur: een opname stopt vanzelf na": (("dpia",), records),
    r"Na het einde loopt zij nog": (("dpia",), lambda p: records(p) and p.timing.post_event_s > 0),
    r"Termijnen: Wij wissen": (("dpia",), records),
    r"De termijn telt vanaf het oudste": (("dpia",), records),
    r"Wissen gebeurt binnen een minuut na de termijn zolang het kastje aan staat en zijn klok klopt": (
        ("dpia",), records),
    r"Van elke verwijdering blijft een bewijs": (("dpia",), records),
    r"Beeld en geluid hebben elk een eigen bestand": (("dpia",), both),
    r"Geluid: de regel is dat cameratoezicht op het werk geen geluid opneemt": (("dpia",), lambda p: p.audio.record),
    r"Dit protocol neemt wel geluid op": (("dpia",), lambda p: p.audio.record),
    r"Voor geluid geldt deze grond: een taak .*e\)$": (("dpia",), lambda p: p.audio.record and grounded(p)),
    r"Een grond noemt het protocol niet": (("dpia",), lambda p: p.audio.record and not grounded(p)),
    r"Geluid blijft alleen bewaard als een medewerker op de knop drukt, of bij een alarm": (
        ("dpia",), lambda p: p.audio.record and p.alarm.records),
    r"Geluid blijft alleen bewaard als een medewerker op de knop drukt$": (
        ("dpia",), lambda p: p.audio.record and not p.alarm.records),
    r"Geluid heeft een eigen termijn: (1 dag|1 week|2 weken)": (("dpia",), lambda p: p.audio.record),
    r"Dat is langer dan een week, door dit besluit: \"besluit 7\"": (
        ("dpia",), lambda p: p.audio.record and p.audio.term_h > 168),
    r"Geluid kan uit terwijl beeld aan blijft": (("dpia",), both),
    r"Staat geluid uit, dan gaat de microfoon niet open": (("dpia",), lambda p: p.audio.record),
    r"Beheer kan een proef van een paar seconden opnemen, met de lamp aan": (
        ("dpia",), lambda p: records(p) and TEST_RECORDING_NS <= 10 * NS),
    r"Beheer richt de camera met grove vlakken, 16 bij 9, met de lamp aan en hoogstens vijf minuten": (
        ("dpia",), lambda p: p.video.record and AIM_S_MAX == 300),
    r"Ook dat staat in het logboek": (("dpia",), lambda p: p.video.record),
    r"Klopt elk bestand, dan gaat de proef meteen weg": (("dpia",), records),
    r"Toegang: Alleen": (("dpia",), lambda p: records(p) and len(p.opening.groups) == 1),
    r"Toegang: Een opname openen kan alleen samen": (("dpia",), lambda p: records(p) and len(p.opening.groups) > 1),
    r"Sleutels: ": (("dpia",), records),
    r"Beheer: ": (("dpia",), lambda _: True),
    r"Een opname openen, kopiëren of langer bewaren kan beheer niet": (
        ("dpia",), lambda _: not any("engineer" in KEEPER_VERBS[verb] for verb in ("export", "hold_place"))),
    r"Een verzegelde kopie geven en langer bewaren doet alleen": (
        ("dpia",), lambda _: "custodian" in KEEPER_VERBS["export"] & KEEPER_VERBS["hold_place"]),
    r"Op het kastje staat geen sleutel": (("dpia",), lambda _: True),
    r"Alarm: de alarmknop werkt altijd": (("dpia",), lambda _: True),
    r"Bij een alarm wordt opgenomen": (("dpia",), lambda p: alarm_may_record(Room(Rules.of(p)))),
    r"Bij een alarm begint geen opname": (("dpia",), lambda p: not alarm_may_record(Room(Rules.of(p)))),
    r"Een opname die al loopt, gaat door": (
        ("dpia",), lambda p: goes_on(p) and not alarm_may_record(Room(Rules.of(p)))),
    r"De statuslamp laat het alarm niet zien": (("dpia",), lambda p: p.alarm.silent),
    r"De opnamelamp gaat wel aan": (("dpia",), lambda p: p.alarm.silent and alarm_may_record(Room(Rules.of(p)))),
    r"Bezwaar: het protocol kent geen knop": (("dpia",), lambda p: not objects(p)),
    r"Bezwaar: een medewerker zet": (("dpia",), objects),
    r"Dat stopt vanzelf na \d+ minuten": (("dpia",), lambda p: objects(p) and not over_with_its_call(p)),
    r"Dat stopt vanzelf na het gesprek, uiterlijk na \d+ minuten": (("dpia",), over_with_its_call),
    r"Een alarm wordt dan toch opgenomen": (("dpia",), in_objection),
    r"Een alarm wordt dan niet opgenomen": (("dpia",), lambda p: objects(p) and not in_objection(p)),
    r"Het bezwaar wordt geteld": (("dpia",), objects),
    r"Afgeplakte camera: .* gaan de camera en de microfoon uit voor een vaste tijd$": (
        ("dpia",), lambda p: both(p) and set(covered(p)) == {"audio", "video"}),
    r"Afgeplakte camera: .* gaat de microfoon uit voor een vaste tijd$": (
        ("dpia",), lambda p: not p.video.record and covered(p) == ("audio",)),
    r"Ook bij een alarm blijft dat zo": (("dpia",), lambda p: records(p) and covered(p) == Rules.of(p).tracks),
    r"Afgeplakte camera: .* gaat de camera uit voor een vaste tijd$": (("dpia",), lambda p: covered(p) == ("video",)),
    r"Afgeplakte camera: .* blijft de microfoon aan$": (
        ("dpia",), lambda p: records(p) and not p.video.record and not covered(p)),
    r"(De microfoon blijft aan en|Die) neemt dan alleen bij een alarm op": (
        ("dpia",), lambda p: records(p) and p.audio.record and "audio" not in covered(p) and alarm_in_cover(p)),
    r"(De microfoon blijft aan en|Die) neemt dan niets op": (
        ("dpia",), lambda p: records(p) and p.audio.record and "audio" not in covered(p) and not alarm_in_cover(p)),
    r"Langer bewaren: ": (("dpia",), records),
    r"Kijkt dan niemand, dan meldt het kastje dat elke dag": (
        ("dpia",), lambda p: records(p) and p.holds.after_review == "nag"),
    r"De opname blijft tot iemand haar vrijgeeft": (("dpia",), lambda p: records(p) and p.holds.after_review == "nag"),
    r"Kijkt niemand binnen (1 dag|28 dagen) na die datum, dan vervalt het": (
        ("dpia",), lambda p: records(p) and p.holds.after_review == "lapse"),
    r"Controle: ": (("dpia",), lambda _: True),
    r"Elke regel draagt een afdruk": (("dpia",), lambda _: True),
    r"Wie een regel verandert of weghaalt, valt op": (("dpia",), lambda _: True),
    r"Wie het hele kastje in handen heeft": (("dpia",), lambda _: True),
    r"Zonder getuige valt dat niet op": (("dpia",), lambda _: True),
    r"Een getuige is een andere computer": (("dpia",), lambda _: True),
    r"Een afdruk komt daar hoogstens een uur na een nieuwe regel": (("dpia",), lambda _: HOUR_NS == 3600 * 10**9),
    r"Met een getuige valt elke verandering van voor een afdruk op": (("dpia",), lambda _: True),
    r"Wat na de laatste afdruk kwam": (("dpia",), lambda _: True),
    r"De cijfers voor de raad komen uit het logboek": (("dpia",), lambda _: True),
}  # fmt: skip
"""Beginning of a sentence -> the notices that have it, and when it is true: of the settings, or of the room itself."""


def sentences(kind: Kind, policy: Policy) -> list[str]:
    """What a notice says, a sentence each, without title, sender and code."""
    text = "\n".join(make(kind, policy, "ab" * 32).paragraphs)
    return [part.strip(" .?!") for part in re.split(r"(?<=[.?!])\s+", text) if part.strip(" .?!")]


@functools.cache
def known_as(sentence: str) -> frozenset[str]:
    """The beginnings of the table that it has; policies share most sentences."""
    return frozenset(pattern for pattern in TABLE if re.match(pattern, sentence))


@pytest.mark.case("people 5")
@given(policies)
def test_each_sentence_is_there_when_it_is_true_and_only_then(policy: Policy) -> None:
    """H4: under any policy each notice has exactly the sentences that are true of it, by what the room itself does in
    an alarm, an objection and a covered window.
    """
    facts = {pattern: is_true(policy) for pattern, (_, is_true) in TABLE.items()}
    for kind in KINDS:
        said = sentences(kind, policy)
        found = frozenset[str]().union(*map(known_as, said))
        for pattern, (kinds, _) in TABLE.items():
            assert (pattern in found) == (kind in kinds and facts[pattern]), (kind, pattern, said)


@pytest.mark.case("people 5")
@given(policies)
def test_no_sentence_is_printed_that_nobody_has_held_against_the_unit(policy: Policy) -> None:
    """H4: every sentence of every notice is one of the table, so that a new one needs its condition; and ends once."""
    for kind in KINDS:
        assert not re.search(r"[.?!]{2}", words(kind, policy)), kind
        for sentence in sentences(kind, policy):
            assert any(kind in TABLE[pattern][0] for pattern in known_as(sentence)), (kind, sentence)


@pytest.mark.case("people 5")
def test_one_is_not_told_as_several() -> None:
    """H4: a minute, a second and a day are told as one."""
    assert [length(seconds) for seconds in (1, 60, 120, 90, 0)] == [
        "1 seconde", "1 minuut", "2 minuten", "90 seconden", "0 seconden",
    ]  # fmt: skip
    one = replace(HEUSDEN, timing=TimingPolicy(1, 1, 60, 0), alarm=AlarmPolicy(maximum_s=60))
    for kind in KINDS:
        assert not re.search(r"\b1 (minuten|seconden|dagen)", words(kind, one))


@pytest.mark.case("people 5")
def test_what_a_letter_leaves_out_is_named() -> None:
    """H4: of what a resident has to be told (AVG, art. 13) the empty keys are named; none where nothing is recorded."""
    assert lacking(HEUSDEN) == ("notice.ground",)
    bare = replace(HEUSDEN, notice=NoticePolicy(organisation=" "))
    assert lacking(bare) == ("notice.organisation", "notice.contact", "notice.officer", "notice.ground")
    assert lacking(replace(bare, audio=TrackPolicy(), video=TrackPolicy())) == ()


# --- figures and names ------------------------------------------------------------------------------------------------


def test_the_sticker_says_what_the_policy_says() -> None:
    """H2: what, when, the seconds before, the terms of each track and where to ask stand on the sticker."""
    text = words("sticker", HEUSDEN)
    for said in (
        "beeld en geluid",
        "of bij een alarm",
        "30 seconden",
        "beeld na 4 weken en geluid na 1 week",
        "14 0416",
    ):
        assert said in text, said


TERMS = [(168, "1 week"), (672, "4 weken"), (336, "2 weken"), (24, "1 dag"), (72, "3 dagen"), (5, "5 uur")]


@pytest.mark.parametrize(("hours", "said"), TERMS)
def test_terms_are_told_in_the_largest_whole_measure(hours: int, said: str) -> None:
    """K1: a term is told exactly: never rounded."""
    assert term(hours) == said


def test_who_may_open_is_told_as_one_of_or_all_of() -> None:
    """R6: one group is "a, b of c"; two groups are told to be needed together."""
    assert "de leidinggevende, de gemeentesecretaris of de HR-manager mag" in words("letter", HEUSDEN)
    two = replace(HEUSDEN, opening=Opening((("custodian",), ("secretary",))))
    assert "de camerabeheerder en de gemeentesecretaris zijn samen nodig" in words("letter", two)
    assert listed(["a"]) == "a"


def test_the_annex_has_the_facts_that_an_officer_asks_for() -> None:
    """H2: policy and hash, terms, who opens with the fingerprints of their keys, maxima, objection, what is counted."""
    text = make("dpia", HEUSDEN, "ab" * 32).text()
    for said in (
        "heusden-2020",
        "ab" * 32,
        "4 weken",
        "manager-1",
        "90 minuten",
        "logboek",
        "kent geen knop voor bezwaar",
    ):
        assert said in text, said
    assert re.search(r"manager-1 \(manager, [0-9a-f]{4}(-[0-9a-f]{4}){3}\)", text)


@given(policies)
def test_sentences_are_short(policy: Policy) -> None:
    """H2: what residents and staff read or hear has sentences of at most 20 words (B1)."""
    for kind in ("sticker", "letter", "spoken", "page", "staff", "call"):
        notice = make(kind, replace(policy, notice=NoticePolicy()))
        for sentence in re.split(r"[.?:!] ", " ".join(notice.paragraphs)):
            assert len(sentence.split()) <= 20, sentence


# --- codes ------------------------------------------------------------------------------------------------------------


def test_a_policy_that_changes_names_the_notices_that_no_longer_fit() -> None:
    """H2: a code is of the text: another term makes those that name it outdated, and not what is said aloud."""
    codes = {kind: make(kind, HEUSDEN).code for kind in KINDS}
    used = replace(HEUSDEN, notice=replace(HEUSDEN.notice, in_use=InUse(**codes)))
    assert outdated(used, in_use(used)) == {}
    longer = replace(used, video=TrackPolicy(record=True, term_h=336))
    with_terms: tuple[Kind, ...] = ("sticker", "letter", "page", "dpia", "staff")
    assert outdated(longer, in_use(longer)) == {kind: make(kind, longer).code for kind in with_terms}
    other_contact = replace(used, notice=replace(used.notice, contact="bel 14 0321"))
    assert set(outdated(other_contact, in_use(other_contact))) == set(KINDS)
    post = replace(used, record_button=replace(used.record_button, ends_by="hold"))
    assert outdated(post, in_use(post)) == {}, "what no notice says makes none outdated"


def test_a_notice_that_is_not_in_use_is_not_outdated() -> None:
    """H2: of a notice that nobody uses nothing has to be replaced."""
    assert outdated(HEUSDEN, in_use(HEUSDEN)) == {}
    assert re.fullmatch("[0-9a-f]{4}-[0-9a-f]{4}", make("sticker", HEUSDEN).code)


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.case("people 5")
@given(policies)
def test_no_sentence_ends_twice_and_none_is_empty(policy: Policy) -> None:
    """H4: whatever the municipality wrote into the policy, sentences end once, and no line is empty."""
    for kind in KINDS:
        notice = make(kind, policy, "ab" * 32)
        assert not re.search(r"[.?!:]\s*[.?!]|  |\s[.?!,]", "\n".join(notice.paragraphs)), kind
        assert all(line.strip() for line in (*notice.paragraphs, *notice.sender))


@given(policies, st.integers(0, 3))
def test_a_notice_says_that_the_policy_is_signed_and_only_then(policy: Policy, signers: int) -> None:
    """H4: where the policy has to be signed, the foot of every notice says so, with the code of each key that can do
    it; its own code is then another, so that a notice from before is outdated.
    """
    codes = tuple(f"{n}abc-1234-5678-9def" for n in range(signers))
    for kind in KINDS:
        before, now = make(kind, policy, "ab" * 32), make(kind, policy, "ab" * 32, codes)
        assert ("ondertekend" in now.text()) is bool(codes)
        assert all(code in now.foot()[-2] for code in codes)
        assert "ondertekend" not in before.text()
        old = outdated(policy, {kind: before.code}, "ab" * 32, codes)
        assert old == ({kind: now.code} if codes else {})


@given(policies)
def test_eight_questions_have_an_answer(policy: Policy) -> None:
    """H4: where anything is recorded each of the eight questions is answered, and the text has them all in order."""
    asked = answers(policy)
    assert len(asked) == (8 if records(policy) else 0)
    assert all(answer.paragraphs for answer in asked)
    said = make("page", policy).paragraphs
    assert said[1:] == tuple(part for answer in asked for part in (answer.question, *answer.paragraphs))
