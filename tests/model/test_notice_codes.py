# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The code of each notice under policies that together use every sentence: a changed word makes what hangs outdated."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from daemon.model.notice import in_use, make, outdated
from daemon.model.policy import (
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
from daemon.model.wording import KINDS, grounds, signed

SHIPPED = Path(__file__).parents[2] / "config" / "policies"
HEUSDEN = msgspec.toml.decode((SHIPPED / "heusden-2020.toml").read_bytes(), type=Policy)
OFF, DESK = TrackPolicy(), PlacePolicy("desk")
HOLDERS = (Holder("manager", "manager-1", "age1" + "q" * 58), Holder("mayor", "mayor-1", "age1" + "p" * 58))
FULL = replace(
    HEUSDEN, audio=TrackPolicy(record=True, term_h=336, decision=" besluit 7 "),
    timing=TimingPolicy(120, 90), alarm=AlarmPolicy(silent=True, maximum_s=60, raised_by="hold"),
    objection=ObjectionPolicy(("hold",), maximum_s=300, alarm_records=True), cover=CoverPolicy(alarm_records=True),
    holds=HoldPolicy("lapse", 1), opening=Opening((("manager", "mayor"), ("custodian",))), holders=HOLDERS,
    use=UsePolicy("in_use"), log_term_y=7,
    notice=NoticePolicy(" Gemeente Heusden ", "bel 14 0416", "fg@heusden.nl ", "een taak, AVG artikel 6. ",
                        datetime.date(2026, 3, 9), "heusden.nl/privacy"),
)  # fmt: skip
SOUND = replace(
    HEUSDEN, video=OFF, timing=TimingPolicy(1, 1, 60, 0), objection=ObjectionPolicy(("button",)),
    alarm=AlarmPolicy(records=False, silent=True), cover=CoverPolicy(alarm_records=True), use=UsePolicy("in_use"),
    holds=HoldPolicy("lapse", 28), holders=(), notice=NoticePolicy(ground=" . "),
)  # fmt: skip
IMAGE = replace(
    HEUSDEN, audio=replace(OFF, decision="besluit 7"), timing=TimingPolicy(0, 0),
    alarm=AlarmPolicy(raised_by="two_presses"), cover=CoverPolicy(alarm_records=True),
    objection=ObjectionPolicy(("button",), maximum_s=3600),
)  # fmt: skip
CALLS = replace(FULL, video=OFF, place=DESK)
MIXED = replace(FULL, alarm=replace(FULL.alarm, records=False), use=UsePolicy())
POLICIES: dict[str, tuple[Policy, str]] = {
    "as shipped": (
        HEUSDEN,
        "10ab-6c83 0112-7360 6843-e474 57cd-a8e7 d856-6a3b 9748-5315 5317-dcd6",
    ),
    "everything": (
        FULL,
        "f885-2a43 a84c-43f6 9d95-4de5 324e-72b6 f0b6-1aeb 4165-243a 7e33-899d",
    ),
    "everything, alarms unrecorded": (
        MIXED,
        "beeb-9c4c 354a-1bda 1d78-c04d ff81-9431 88c1-693b 5c0c-e329 7e33-899d",
    ),
    "sound alone": (
        SOUND,
        "b2b4-220c 223c-fc1a d1fb-1d64 11ae-7d48 b593-d384 7582-35ff 5317-dcd6",
    ),
    "sound alone, alarms heard under a cover": (
        replace(SOUND, alarm=AlarmPolicy()),
        "ddd0-89d5 80d6-5f91 536d-d6af dbec-4f1e c577-6157 7582-35ff 5317-dcd6",
    ),
    "sound alone, closed under a cover": (
        replace(SOUND, cover=CoverPolicy()),
        "b2b4-220c 223c-fc1a d1fb-1d64 11ae-7d48 fae1-37bf 7582-35ff 5317-dcd6",
    ),
    "image alone": (
        IMAGE,
        "cfab-1dde 88f2-4b23 f891-19ec 6b97-98eb ae6f-e856 a77e-c2e2 5317-dcd6",
    ),
    "image alone, a room with a contact": (
        replace(IMAGE, use=UsePolicy("in_use")),
        "cc1b-1e5c 5651-a9e1 f891-19ec 69c9-72ba eb78-7771 da8b-af00 5317-dcd6",
    ),
    "a desk": (
        CALLS,
        "f643-9174 91a3-4ccf 30ed-4a6e e0a2-24c3 fd67-3911 2ece-fa82 f052-f0a5",
    ),
    "a desk without objection": (
        replace(SOUND, place=DESK, objection=ObjectionPolicy(), use=UsePolicy()),
        "9ac1-6879 8e80-b4b4 0b7c-a9cf 95b3-27e3 891d-2355 96f4-ab77 1b51-f992",
    ),
    "a desk that keeps nothing before": (
        replace(IMAGE, place=DESK, audio=HEUSDEN.audio, video=OFF),
        "8786-842e a433-1883 18d2-a8ff 9692-9bec 6a93-7b51 a5e2-868d 4393-9f65",
    ),
    "a room that records nothing": (
        replace(FULL, audio=OFF, video=OFF),
        "dd05-b7dc 1b4d-1025 7093-419d e7df-46b5 fac7-d5b8 63a5-4e78 7e33-899d",
    ),
    "a desk that records nothing": (
        replace(CALLS, audio=OFF, objection=ObjectionPolicy()),
        "cad3-11e8 3c62-e75e 0960-47db 2848-141d 875e-93e5 20bf-add3 8535-1676",
    ),
}
"""Policies, and the codes of their notices in the order of KINDS."""


@pytest.mark.parametrize(("policy", "codes"), POLICIES.values(), ids=list(POLICIES))
def test_a_notice_that_hangs_keeps_its_code(policy: Policy, codes: str) -> None:
    """H2, H4: stickers hang and letters lie in many municipalities: a release that changes a word of one makes all of
    them outdated. Where a word has to change, the new code stands here, and what to print anew in CHANGELOG.md.
    """
    assert " ".join(make(kind, policy, "ab" * 32).code for kind in KINDS) == codes


def test_a_notice_is_its_title_its_paragraphs_and_who_says_it() -> None:
    """H2: a blank line between them, and below it who says it, the keys that may sign the policy, and the code."""
    notice = make("call", FULL, signers=("12ab-34cd",))
    assert notice.text() == (
        "Dit hoort en leest wie ons belt\n\n"
        "Dit kastje staat in een spreekkamer. Voor wie belt is er geen tekst.\n\n"
        "Gemeente Heusden\nbel 14 0416\nFunctionaris gegevensbescherming: fg@heusden.nl\nheusden.nl/privacy\n"
        "Het protocol is ondertekend. Dat kan alleen met de sleutel met code 12ab-34cd.\n"
        f"Versie {notice.code}\n"
    )
    assert signed(["a", "b", "c"]) == (
        "Het protocol is ondertekend. Dat kan alleen met de sleutels met code a, b of c."
    )
    assert signed([]) == make("call", FULL).signed == ""


def test_the_annex_of_a_policy_without_a_hash_says_so() -> None:
    """H2: a policy that is not yet installed has none."""
    assert make("dpia", FULL).paragraphs[0] == "Protocol: heusden-2020, van kracht vanaf 2020-05-04; SHA-256 -."


def test_the_notices_in_use_are_those_that_the_policy_names() -> None:
    """H2: each by its own key; one of which another code is current is outdated."""
    used = replace(FULL, notice=replace(FULL.notice, in_use=InUse("1", "2", "3", "4", "5", "6", "7")))
    assert in_use(used) == dict(zip(KINDS, "1234567", strict=True))
    assert outdated(used, in_use(used)) == {kind: make(kind, used).code for kind in KINDS}
    hang = {kind: make(kind, used, "ab", ("12ab-34cd",)).code for kind in KINDS}
    assert outdated(used, hang, "ab", ("12ab-34cd",)) == {}


def test_a_ground_is_named_without_its_full_stop() -> None:
    """H4: the sentence around it has one; nothing else is taken from it."""
    named = replace(FULL, notice=NoticePolicy(ground=" artikel 6 en bijlage X. . "))
    assert grounds(named) == "artikel 6 en bijlage X"
