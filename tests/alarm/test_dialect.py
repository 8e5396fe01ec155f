"""Which MQTT a broker is spoken to in."""

from __future__ import annotations

from daemon.alarm.dialect import DECLINED, MISSES_MAX, Dialect, granted, not_granted

SILENT = 0


def test_a_broker_that_does_not_answer_mqtt_5_is_old() -> None:
    """A1, A5: the second try is 3.1.1, and stays it while that works; when it fails too, MQTT 5 is tried again."""
    old = not_granted(Dialect(), SILENT)
    assert (old.is_5, old.name) == (False, "MQTT 3.1.1 (no reason codes)")
    assert granted(old).is_5 is False
    assert not_granted(old, SILENT).is_5


def test_a_broker_that_has_spoken_mqtt_5_may_be_slow() -> None:
    """A5: it is not taken for an old one at the first silence, but when it says so, or is silent again and again."""
    known = granted(Dialect())
    assert known.name == "MQTT 5"
    assert not not_granted(known, DECLINED).is_5
    slow = known
    for _ in range(MISSES_MAX - 1):
        slow = not_granted(slow, SILENT)
        assert slow.is_5
    assert not not_granted(slow, SILENT).is_5
    assert granted(slow) == known, "once it answers, its patience is whole again"
