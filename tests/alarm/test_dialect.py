# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which MQTT a broker is spoken to in."""

from __future__ import annotations

import pytest

from daemon.alarm.dialect import CONNACK_S, DECLINED, MISSES_MAX, Dialect, granted, not_granted, shown

SILENT = 0


@pytest.mark.case("alarm 12")
def test_a_broker_that_does_not_answer_mqtt_5_is_old_by_guess() -> None:
    """A1, A5: the second try is 3.1.1, which is a guess while the broker has not said so itself; when it fails too,
    MQTT 5 is tried again; what turns out beside the connection counts.
    """
    old = not_granted(Dialect(), SILENT)
    assert (old.is_5, old.is_guess, old.name) == (False, True, "MQTT 3.1.1 (no reason codes)")
    assert granted(old).is_guess
    assert not_granted(old, SILENT).is_5
    assert shown(granted(old)) == granted(Dialect())


def test_a_broker_that_says_it_is_old_is_believed() -> None:
    """A5: one that declines MQTT 5 in so many words is no guess, and is not asked again for as long as it answers."""
    old = granted(not_granted(Dialect(), DECLINED))
    assert (old.is_5, old.is_guess) == (False, False)


@pytest.mark.case("alarm 12")
@pytest.mark.parametrize("code", [0x86, 0x87, 0x88, 0x89, 0x97, 0x9F])
def test_a_refusal_in_the_words_of_mqtt_5_is_no_sign_of_age(code: int) -> None:
    """A5: busy, unavailable, not authorised: said in MQTT 5, the broker knows it."""
    dialect = Dialect()
    for _ in range(10):
        dialect = not_granted(dialect, code)
        assert dialect.is_5
    old = granted(not_granted(Dialect(), DECLINED))
    assert not not_granted(old, code).is_5, "and one that declined it, and is busy now, is as old as before"


@pytest.mark.case("brokers 3")
@pytest.mark.parametrize("known", [granted(Dialect()), granted(not_granted(Dialect(), DECLINED))])
def test_what_has_worked_is_not_given_up_at_the_first_miss(known: Dialect) -> None:
    """A5: a broker that is slow after a restart or in an election gets more time, more at each miss, and stays in what
    it has granted; only silence again and again makes it another broker. It need not be patient with a stranger.
    """
    assert Dialect().connack_s == CONNACK_S
    waits, slow = [known.connack_s], known
    for _ in range(MISSES_MAX - 1):
        slow = not_granted(slow, SILENT)
        assert slow.version == known.version
        waits.append(slow.connack_s)
    assert sorted(set(waits)) == waits
    assert waits[0] > 4, "an election takes four seconds"
    assert granted(slow) == known, "once it answers, its patience is whole again"
    other = not_granted(slow, SILENT)
    assert (other.version != known.version, other.connack_s) == (True, CONNACK_S)


def test_a_broker_that_has_become_old_says_so() -> None:
    """A5: a broker that has spoken MQTT 5 and was replaced by an older one is believed at its first word."""
    assert not not_granted(granted(Dialect()), DECLINED).is_5
