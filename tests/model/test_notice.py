# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Texts for people, held against their policy: what they promise is what the unit does, in plain short Dutch."""

from __future__ import annotations

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model.notice import in_use, make, outdated
from daemon.model.policy import (
    AlarmPolicy,
    Holder,
    InUse,
    NoticePolicy,
    ObjectionPolicy,
    Opening,
    Policy,
    TimingPolicy,
    TrackPolicy,
)
from daemon.model.wording import KINDS, Kind, listed, term

KEY = "age1" + "q" * 58
HEUSDEN = Policy(
    "heusden-2020", datetime.date(2020, 5, 4), TrackPolicy(record=True, term_h=168),
    TrackPolicy(record=True, term_h=672),
    opening=Opening((("manager", "secretary", "hr-manager"),)), holders=(Holder("manager", "manager-1", KEY),),
    notice=NoticePolicy("Gemeente Heusden", "bel 14 0416", "fg@heusden.nl", "heusden.nl/privacy"),
)  # fmt: skip
policies = st.builds(
    lambda audio, video, pre_event_s, records, by, groups: replace(
        HEUSDEN, audio=TrackPolicy(record=audio, term_h=168), video=TrackPolicy(record=video, term_h=336),
        timing=TimingPolicy(pre_event_s=pre_event_s), alarm=AlarmPolicy(records=records),
        objection=ObjectionPolicy(by=by), opening=Opening(groups),
    ),
    st.booleans(), st.booleans(), st.sampled_from([0, 10, 120]), st.booleans(), st.sampled_from([(), ("hold",)]),
    st.sampled_from([(("manager",),), (("custodian",), ("secretary",))]),
)  # fmt: skip


def words(kind: Kind, policy: Policy) -> str:
    return make(kind, policy).text()


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


@given(policies)
def test_no_text_promises_what_the_unit_does_not_do(policy: Policy) -> None:
    """H2, R7: a track that is off, an alarm that records nothing and an objection that is not known are in no text."""
    for kind in ("sticker", "letter", "spoken"):
        text = words(kind, policy).lower()
        assert ("beeld" in text.replace("geen beeld", "")) == policy.video.record
        assert ("geluid" in text.replace("geen geluid", "")) == policy.audio.record
        assert ("microfoon" in text) == (kind != "sticker" and policy.audio.record)
        assert ("bij een alarm" in text) == (kind != "spoken" and bool(policy.tracks()) and policy.alarm.records)
        assert (f"{policy.timing.pre_event_s} seconden" in text) == bool(policy.tracks() and policy.timing.pre_event_s)
        assert ("wilt u" in text) == bool(policy.tracks() and policy.objection.by)
        assert ("alarmknop" in text) == (not policy.tracks()), "where nothing is recorded, that is what is said"


TERMS = [(168, "1 week"), (672, "4 weken"), (336, "2 weken"), (24, "1 dag"), (72, "3 dagen"), (5, "5 uur")]


@pytest.mark.parametrize(("hours", "said"), TERMS)
def test_terms_are_told_in_the_largest_whole_measure(hours: int, said: str) -> None:
    """K1: a term is told exactly: never rounded."""
    assert term(hours) == said


def test_who_may_open_is_told_as_one_of_or_all_of() -> None:
    """R6: one group is "a, b of c"; two groups are told to be needed together."""
    assert "de leidinggevende, de gemeentesecretaris of de HR-manager mag" in words("letter", HEUSDEN)
    both = replace(HEUSDEN, opening=Opening((("custodian",), ("secretary",))))
    assert "de camerabeheerder en de gemeentesecretaris zijn samen nodig" in words("letter", both)
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
    for kind in ("sticker", "letter", "spoken"):
        notice = make(kind, policy)
        for sentence in re.split(r"[.?:!] ", " ".join(notice.paragraphs)):
            assert len(sentence.split()) <= 20, sentence


# --- codes ------------------------------------------------------------------------------------------------------------


def test_a_policy_that_changes_names_the_notices_that_no_longer_fit() -> None:
    """H2: a code is of the text: another term makes sticker, letter and annex outdated, and not what is said aloud."""
    codes = {kind: make(kind, HEUSDEN).code for kind in KINDS}
    used = replace(HEUSDEN, notice=replace(HEUSDEN.notice, in_use=InUse(**codes)))
    assert outdated(used, in_use(used)) == {}
    longer = replace(used, video=TrackPolicy(record=True, term_h=336))
    assert outdated(longer, in_use(longer)) == {kind: make(kind, longer).code for kind in ("sticker", "letter", "dpia")}
    other_contact = replace(used, notice=replace(used.notice, contact="bel 14 0321"))
    assert set(outdated(other_contact, in_use(other_contact))) == set(KINDS)
    post = replace(used, record_button=replace(used.record_button, ends_by="hold"))
    assert outdated(post, in_use(post)) == {}, "what no notice says makes none outdated"


def test_a_notice_that_is_not_in_use_is_not_outdated() -> None:
    """H2: of a notice that nobody uses nothing has to be replaced."""
    assert outdated(HEUSDEN, in_use(HEUSDEN)) == {}
    assert re.fullmatch("[0-9a-f]{4}-[0-9a-f]{4}", make("sticker", HEUSDEN).code)
