# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The wireless buttons of a unit: what is kept of them, what a restart knows, and what the loop had no place for."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from daemon.alarm import orders
from daemon.alarm.inbox import Foreign
from daemon.alarm.mobiles import Mobiles, Take
from daemon.alarm.mqtt import UNTAKEN_MAX
from daemon.model import mobile
from daemon.model.events import AlarmPressed, Raise
from daemon.model.unit import Broker, Buttons, ButtonUnit, Mobile, Unit
from hardware.ports import ClockReading

S = 1_000_000_000
PUSH = b'{"action":"push","n":7}'


class Watch:
    """A clock of one boot."""

    def __init__(self, boot_id: str = "one", now_s: int = 1000, state: str = "synchronised") -> None:
        self._boot_id, self.now_s, self._state = boot_id, now_s, state

    def boot_ns(self) -> int:
        """Now."""
        return self.now_s * S

    def boot_id(self) -> str:
        """Of this boot."""
        return self._boot_id

    def read(self) -> ClockReading:
        """The wall clock is a million seconds on."""
        return ClockReading(self.now_s * S, (1_000_000 + self.now_s) * S, self._state)  # type: ignore[arg-type]


NUMBERED = Mobile("numbered", "gw", ("push",), field="action", repeat_field="n")
STATE = Mobile("state", "st", ("ON",), edge=True)
UNIT = Unit("a", "b", "c", Buttons(ButtonUnit(5)), Broker("h"), mobile=(NUMBERED, STATE))


def mobiles(watch: Watch, unit: Unit = UNIT) -> Mobiles:
    return Mobiles(unit, watch)


def nothing_owed() -> None:
    """The broker's message needs no answer."""


def into(taken: list[AlarmPressed]) -> Take:
    """A loop that has place for every press."""

    def take(presses: tuple[AlarmPressed, ...]) -> bool:
        taken.extend(presses)
        return True

    return take


def says(it: Mobiles, topic: str, payload: bytes, *, mid: int = 1, again: bool = False, room: bool = True) -> int:
    """How many presses a message is."""
    taken: list[AlarmPressed] = []

    def take(presses: tuple[AlarmPressed, ...]) -> bool:
        taken.extend(presses if room else ())
        return room

    it.hear(Foreign(topic, payload, retained=False, again=again, mid=mid), take, nothing_owed)
    it.done(tuple(taken))
    return len(taken)


@pytest.mark.case("alarm 6")
def test_a_press_that_finds_no_place_was_not_heard() -> None:
    """A1: what the loop had no place for is not known as told: delivered again it is a press."""
    it = mobiles(Watch())
    it.opened(orders.Opened(1))
    assert says(it, "gw", PUSH, room=False) == 0
    assert says(it, "gw", PUSH, again=True) == 1
    assert says(it, "gw", PUSH, again=True) == 0


def test_a_button_that_cannot_be_judged_costs_no_other_its_press(monkeypatch: pytest.MonkeyPatch) -> None:
    """A1, A2: one message is two buttons'; judging the first raises: the second's press counts, and the first is told
    as a fault and counted.
    """
    judge = mobile.heard

    def broken(button: mobile.Button, *what: Any, **how: Any) -> tuple[mobile.Button, mobile.Heard]:
        if button.settings is NUMBERED:
            raise KeyError(what)
        return judge(button, *what, **how)

    it = mobiles(Watch(), replace(UNIT, mobile=(NUMBERED, Mobile("other", "gw", ("push",), field="action"))))
    monkeypatch.setattr(mobile, "heard", broken)
    assert says(it, "gw", PUSH) == 1
    assert it.wrong() == "numbered: its latest message was not understood: KeyError; this is a fault of the software"
    assert sum(it.news()[1].values()) == 1


@pytest.mark.parametrize("boot_id", ["one", "two"], ids=["same boot", "after a reboot"])
def test_what_is_kept_is_known_after_a_start(boot_id: str) -> None:
    """A1: number, state and delivery are known to the next process, by the clock that did not step."""
    before = mobiles(Watch())
    assert says(before, "gw", PUSH, mid=5) == says(before, "st", b"ON", mid=6) == 1
    kept = orders.Opened(1, heard=before.due())
    assert len(kept.heard) == 2
    assert before.due() == ()
    after = mobiles(Watch(boot_id, 1030))
    after.opened(kept)
    assert says(after, "gw", PUSH, mid=9) == says(after, "st", b"ON", mid=10) == 0
    later = mobiles(Watch(boot_id, 1100))
    later.opened(kept)
    assert says(later, "gw", PUSH, mid=5, again=True) == 0, "the broker's memory of the same message"
    assert says(later, "gw", PUSH, mid=9) == 1, "its number was last heard too long ago"


def test_what_cannot_be_dated_is_no_echo() -> None:
    """A1: after a reboot with an unset clock nobody knows how old a number is: in doubt it is a press."""
    before = mobiles(Watch())
    says(before, "gw", PUSH)
    after = mobiles(Watch("two", 20, "unsynchronised"))
    after.opened(orders.Opened(1, heard=before.due()))
    assert says(after, "gw", PUSH, mid=2) == 1


def test_what_was_heard_under_other_settings_means_nothing() -> None:
    """A1: an engineer has changed the button: what its old settings called a state hides no press."""
    before = mobiles(Watch())
    says(before, "st", b"ON")
    changed = msgspec.structs.replace(UNIT, mobile=(NUMBERED, msgspec.structs.replace(STATE, pressed=("ON", "x"))))
    after = mobiles(Watch(), changed)
    after.opened(orders.Opened(1, heard=(*before.due(), orders.Heard("state", "{}", "one", 1, 1))))
    assert says(after, "st", b"ON") == 1


@pytest.mark.case("alarm 6")
def test_a_press_is_not_known_before_it_is_kept() -> None:
    """A1: two presses have been heard when the first is handed to the journal, and the unit dies before the second is:
    the broker delivers that one again, and it is a press and no echo.
    """
    before, taken = mobiles(Watch()), list[AlarmPressed]()
    for mid, body in ((5, PUSH), (6, PUSH.replace(b"7", b"8"))):
        before.hear(Foreign("gw", body, retained=False, mid=mid), into(taken), nothing_owed)
    assert before.due() == (), "nor by the look at each second"
    first = taken[0]
    kept = before.heard_of(Raise("raised", first.alarm_id, first.alarm_id, "numbered", 1, None, source_kind="mobile"))
    assert kept is not None
    after = mobiles(Watch("one", 1001))
    after.opened(orders.Opened(1, heard=(kept,)))
    assert says(after, "gw", PUSH, mid=5, again=True) == 0
    assert says(after, "gw", PUSH.replace(b"7", b"8"), mid=6, again=True) == 1
    before.done(tuple(taken))
    assert len(before.due()) == 1, "what the loop made nothing of is known as soon as it has dealt with it"


@pytest.mark.case("alarm 6")
def test_a_press_that_comes_again_before_the_journal_was_read_is_the_same_press() -> None:
    """A1: killed between keeping and answering, on a busy machine: the broker is faster than the journal. What it sends
    again waits for what was kept: one that was kept is answered and no second alarm; one that was not is a press.
    """
    before = mobiles(Watch())
    says(before, "gw", PUSH, mid=5)
    after, taken, answered = mobiles(Watch("one", 1003)), list[AlarmPressed](), list[int]()
    for mid, body in ((5, PUSH), (6, PUSH.replace(b"7", b"8"))):
        message = Foreign("gw", body, retained=False, again=True, mid=mid)
        after.hear(message, into(taken), partial(answered.append, mid))
    assert says(after, "st", b"ON", mid=7) == 1, "what is new waits for nothing"
    assert (taken, answered) == ([], [])
    after.opened(orders.Opened(1, heard=before.due()))
    assert ([press.source for press in taken], answered) == (["numbered"], [5])


def test_a_press_that_comes_again_waits_for_no_journal_that_hangs() -> None:
    """A1: behind a disk that hangs nobody knows what was kept: after five seconds it is a press, twice at worst."""
    watch = Watch()
    it, taken = mobiles(watch), list[AlarmPressed]()
    it.hear(Foreign("gw", PUSH, retained=False, again=True, mid=1), into(taken), nothing_owed)
    it.look(watch.boot_ns() + 4 * S)
    assert not taken
    it.look(watch.boot_ns() + 5 * S)
    assert len(taken) == 1
    assert says(it, "gw", PUSH.replace(b"7", b"8"), mid=2, again=True) == 1, "nor does the next"
    later = mobiles(watch)
    later.look(watch.boot_ns() + 5 * S)
    assert says(later, "gw", PUSH, again=True) == 1, "nor the first one, where the disk has hung since the start"


@pytest.mark.case("alarm 6")
def test_what_follows_a_press_that_waits_keeps_its_place() -> None:
    """A1: pressed, and the unit was killed before it answered; let go while it started. `ON` waits for the journal, and
    a new `OFF` before it would leave the button pressed: no later press would be one.
    """
    watch = Watch()
    it, taken = mobiles(watch), list[AlarmPressed]()
    it.hear(Foreign("st", b"ON", retained=False, again=True, mid=5), into(taken), nothing_owed)
    it.hear(Foreign("st", b"OFF", retained=False, mid=6), into(taken), nothing_owed)
    it.opened(orders.Opened(1))
    assert len(taken) == 1
    watch.now_s += 60
    assert says(it, "st", b"ON", mid=7) == 1


@pytest.mark.case("alarm 6")
def test_a_press_that_waits_when_the_brokers_session_ends_is_the_same_press() -> None:
    """A1: two at once: the unit was killed before it answered, and the broker loses its session before the journal has
    been read. What it sent again belongs to the session before, and is judged by that; what it sends now to this one.
    """
    before = mobiles(Watch())
    says(before, "gw", PUSH, mid=5)
    kept, taken = orders.Opened(1, heard=before.due()), list[AlarmPressed]()
    after = mobiles(Watch("one", 1200))
    after.hear(Foreign("gw", PUSH, retained=False, again=True, mid=5), into(taken), nothing_owed)
    after.begins_anew()
    after.opened(kept)
    assert not taken
    assert says(after, "gw", PUSH, mid=5, again=True) == 1


def test_more_than_the_broker_may_have_unanswered_waits_for_nothing() -> None:
    """A1: a broker that sends for ever again what it sends fills no memory; the presses come in their order."""
    it, taken = mobiles(Watch()), list[AlarmPressed]()
    for n in range(UNTAKEN_MAX):
        assert not taken
        body = b'{"action":"push","n":%d}' % n
        it.hear(Foreign("gw", body, retained=False, again=True, mid=n + 1), into(taken), nothing_owed)
    assert len(taken) == UNTAKEN_MAX
    assert says(it, "gw", PUSH.replace(b"7", b"777"), mid=999, again=True) == 1


def test_what_needs_no_answer_never_waits() -> None:
    """A1: at QoS 0 nothing comes again, whatever its flag says, and no bound would hold what waits."""
    assert says(mobiles(Watch()), "gw", PUSH, mid=0, again=True) == 1


def test_packet_identifiers_begin_again_with_a_session() -> None:
    """A1: the broker has kept nothing: a message with an old identifier is another one, whoever says so first."""
    before = mobiles(Watch())
    says(before, "gw", PUSH, mid=5)
    kept = orders.Opened(1, heard=before.due())
    after = mobiles(Watch("one", 1200))
    after.begins_anew()
    after.opened(kept)
    assert says(after, "gw", PUSH, mid=5, again=True) == 1
