# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a policy comes to: its tracks and terms, who opens, the rules of the room, and all of it in words."""

from __future__ import annotations

import datetime

import pytest
from msgspec.structs import replace

from daemon.model.policy import (
    NO_POLICY,
    NS,
    AlarmPolicy,
    ButtonPolicy,
    CoverPolicy,
    Holder,
    ObjectionPolicy,
    Opening,
    PlacePolicy,
    Policy,
    TimingPolicy,
    TrackPolicy,
    UsePolicy,
    fingerprint,
    in_words,
    lost_groups,
)
from daemon.model.state import Rules

ON, OFF = TrackPolicy(record=True, term_h=168), TrackPolicy()
ANN, BEN, CAS = (Holder(role, role, f"age1{role[0] * 58}") for role in ("chief", "boss", "hr"))
POLICY = Policy(
    "test",
    datetime.date(2026, 1, 1),
    audio=ON,
    video=replace(ON, term_h=672),
    opening=Opening(groups=(("chief", "boss"), ("hr",))),
    holders=(CAS, ANN, BEN),
)


def test_holders_stand_in_their_groups() -> None:
    """R6: a recording is sealed to one of each group, in the order of the file; roles are those of any group."""
    assert POLICY.recipients() == ((ANN.recipient, BEN.recipient), (CAS.recipient,))
    assert POLICY.roles() == {"chief", "boss", "hr"}
    assert POLICY.fingerprints() == tuple(fingerprint(one.recipient) for one in (CAS, ANN, BEN))
    assert fingerprint("abc") == "ba78-16bf-8f01-cfea", "as `echo -n abc | sha256sum` begins"


@pytest.mark.parametrize(
    ("holders", "lost"), [((CAS, ANN, BEN), []), ((CAS, BEN), []), ((CAS,), [1]), ((ANN,), [2]), ((), [1, 2])]
)
def test_a_group_of_whom_nobody_is_left_has_a_number(holders: tuple[Holder, ...], lost: list[int]) -> None:
    """K6: earlier recordings stay closed for it; a holder who has another role now is still there."""
    assert lost_groups(POLICY, replace(POLICY, holders=holders)) == lost
    assert lost_groups(POLICY, replace(POLICY, holders=tuple(replace(one, role="x") for one in holders))) == lost
    assert lost_groups(replace(POLICY, holders=(CAS,)), NO_POLICY) == [2], "the first had nobody before either"


@pytest.mark.parametrize(
    ("audio", "video", "tracks"),
    [(ON, ON, ("audio", "video")), (ON, OFF, ("audio",)), (OFF, ON, ("video",)), (OFF, OFF, ())],
)
def test_a_track_that_is_off_is_no_track(audio: TrackPolicy, video: TrackPolicy, tracks: tuple[str, ...]) -> None:
    """R7: the tracks are those that are recorded."""
    assert replace(POLICY, audio=audio, video=video).tracks() == tracks


def test_a_term_is_its_tracks() -> None:
    """K1: in nanoseconds; the limit is higher for sound that a decision names, and for no image."""
    assert [POLICY.term_ns(track) for track in ("audio", "video")] == [7 * 86_400 * NS, 28 * 86_400 * NS]
    decided = replace(ON, decision="of the council")
    assert [ON.term_h_max("audio"), decided.term_h_max("audio")] == [168, 336]
    assert [ON.term_h_max("video"), decided.term_h_max("video")] == [672, 672]


def test_each_rule_of_the_room_follows_its_key() -> None:
    """H5: seconds as nanoseconds, and every word as the policy has it."""
    policy = replace(
        POLICY,
        record_button=ButtonPolicy(ends_by="hold"),
        timing=TimingPolicy(pre_event_s=1, post_event_s=2, maximum_s=60, warning_s=3),
        alarm=AlarmPolicy(
            records=False, maximum_s=61, raised_by="two_presses", confirm_s=1.25, silent=True, cancel_s=4,
            reset_by=("console",),
        ),
        objection=ObjectionPolicy(by=("button",), maximum_s=300, alarm_records=True),
        cover=CoverPolicy(alarm_records=True),
        use=UsePolicy(ring_while="in_use"),
        place=PlacePolicy("desk"),
    )  # fmt: skip
    assert Rules.of(policy) == Rules(
        pre_event_ns=NS, post_event_ns=2 * NS, maximum_ns=60 * NS, warning_ns=3 * NS, alarm_maximum_ns=61 * NS,
        alarm_records=False, tracks=("audio", "video"), ends_by="hold", raised_by="two_presses",
        confirm_ns=1_250_000_000, silent=True, cancel_ns=4 * NS, reset_by=("console",), objection_by=("button",),
        objection_ns=300 * NS, objection_alarm_records=True, cover_alarm_records=True, ring_in_use=True, desk=True,
    )  # fmt: skip
    assert (Rules.of(POLICY).ring_in_use, Rules.of(POLICY).desk) == (False, False)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (POLICY, (
            "sound is recorded and kept 7 days", "image is recorded and kept 28 days",
            "opened by chief or boss together with hr",
        )),
        (replace(POLICY, audio=replace(ON, term_h=24), video=OFF, opening=Opening()), (
            "sound is recorded and kept 1 day", "image is not recorded", "opened by nobody",
        )),
        (replace(POLICY, audio=replace(ON, term_h=336, decision="raad 12"), video=replace(ON, term_h=28)), (
            "sound is recorded and kept 14 days",
            "image is recorded and kept 28 hours, which is no whole number of days",
            "sound is kept so long by `raad 12`", "opened by chief or boss together with hr",
        )),
        (replace(POLICY, audio=replace(ON, term_h=1), video=replace(ON, term_h=23)), (
            "sound is recorded and kept 1 hour, which is less than a day",
            "image is recorded and kept 23 hours, which is less than a day",
            "opened by chief or boss together with hr",
        )),
        (NO_POLICY, ("sound is not recorded", "image is not recorded")),
    ],
    ids=["both", "sound", "decided", "hours", "none"],
)  # fmt: skip
def test_a_policy_in_words_shows_hours_that_were_meant_as_days(policy: Policy, words: tuple[str, ...]) -> None:
    """K1, H4: the check ends with what the policy comes to."""
    assert in_words(policy) == words
