# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who listens, and what proves it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm.messages import Presence
from daemon.alarm.receivers import (
    CLAIM_NS,
    CONSOLES_MAX,
    CROWD,
    HOLDS_NS,
    KNOWN_NS,
    POLL_NS,
    POLL_SOON_NS,
    SILENT_NS,
    TURNS,
    Receivers,
)
from daemon.model.unit import AlarmUnit, Broker, Buttons, ButtonUnit, Unit

NS = 1_000_000_000
UNIT = Unit("voorbeeldstad", "stadhuis", "kamer-1", Buttons(ButtonUnit(5)), Broker("localhost"))
ONLINE, OFFLINE = Presence(online=True, session=7), Presence(online=False, session=7)
NOBODY = "no receiver is there: none has said that it listens"
NO_SUBSCRIBER = "nobody listens to this unit's alarms: the broker has no subscriber for them"


class Story:
    """Receivers and a clock: what a test does is done at its time."""

    def __init__(self, *brokers: str, unit: Unit = UNIT) -> None:
        self.now_ns, self.of, self._n = 100 * NS, Receivers(unit, brokers or ("alarm",)), 0

    def poll(self, broker: str = "alarm") -> str:
        """Asks who listens."""
        self._n += 1
        self.of.polled(broker, str(self._n), self.now_ns)
        self.of.poll_taken(broker)
        return str(self._n)

    def answers(self, console: str = "balie", broker: str = "alarm") -> bool | None:
        """A poll, and its answer."""
        return self.of.here(broker, console, self.poll(broker), self.now_ns)

    def passes(self, ns: int) -> None:
        """Time, in which polls go out as they are due and nobody answers."""
        until_ns = self.now_ns + ns
        while self.now_ns < until_ns:
            self.now_ns = min(until_ns, self.now_ns + NS)
            for broker in ("alarm", "second"):
                if broker in self.of._paths and self.of.poll_due(broker, self.now_ns, hurry=False):
                    self.poll(broker)


def proven() -> Story:
    """A receiver that has answered."""
    story = Story()
    story.of.connected("alarm", story.now_ns)
    assert story.answers()
    return story


def test_the_desk_of_a_simulated_room_counts_for_no_real_unit() -> None:
    """H3, A7: a simulated room at the house's own broker is no receiver: its presence is none, its answer to a poll
    proves no path, and its acknowledgements are a stranger's. A simulated unit counts it, and a real desk as well.
    """
    pretended = Presence(online=True, session=7, simulated=True)
    for simulated in (False, True):
        of = Receivers(UNIT, ("alarm",), simulated=simulated)
        of.connected("alarm", NS)
        assert of.heard("alarm", "balie", pretended, NS) is simulated
        of.polled("alarm", "1", NS)
        assert not of.here("alarm", "balie", "1", NS)  # known already, or not ours
        assert of.knows("balie") is simulated
        assert bool(of.proven("alarm", NS)) is simulated
        assert (of.nobody(NS + KNOWN_NS) == "") is simulated
        assert of.heard("alarm", "meldkamer", ONLINE, NS) is True


@pytest.mark.case("alarm 13")
def test_a_retained_word_counts_until_polls_have_no_answer() -> None:
    """A7: presence that outlived a power cut of broker and desk counts for ten seconds; then nobody is there."""
    story = Story()
    story.of.connected("alarm", story.now_ns)
    story.of.heard("alarm", "balie", ONLINE, story.now_ns)
    assert (story.of.nobody(story.now_ns), story.of.proven("alarm", story.now_ns)) == ("", {})
    story.passes(CLAIM_NS)
    assert story.of.nobody(story.now_ns) == NOBODY
    assert story.of.online(story.now_ns) == ()
    assert not story.of.listens("alarm", story.now_ns)


@pytest.mark.case("alarm 13")
def test_an_answer_proves_for_its_time() -> None:
    """A7: an answer says until when the path is proven, and without another one nobody is there after that."""
    story = proven()
    until_ns = story.now_ns + HOLDS_NS
    assert story.of.proven("alarm", story.now_ns) == {"balie": until_ns}
    story.passes(HOLDS_NS - 1)
    assert story.of.nobody(story.now_ns) == ""
    story.passes(1)
    assert story.of.nobody(story.now_ns) == NOBODY


def test_polls_are_rare_at_rest_and_frequent_when_one_is_missed() -> None:
    """A7: every 15 s while all is well; every 3 s while a receiver that should answer has not, or an alarm waits."""
    story = proven()
    asked_ns = story.now_ns
    assert not story.of.poll_due("alarm", asked_ns + POLL_NS - 1, hurry=False)
    assert story.of.poll_due("alarm", asked_ns + POLL_SOON_NS, hurry=True)
    story.now_ns = asked_ns + POLL_NS
    story.poll()
    assert story.of.poll_due("alarm", story.now_ns + POLL_SOON_NS, hurry=False)


@pytest.mark.case("brokers 4")
def test_an_answer_needs_no_retained_word() -> None:
    """A7: at a broker that gives no retained message to a wildcard a receiver is known by its answer alone, before the
    fault that nobody listens is due.
    """
    story = Story()
    story.of.connected("alarm", story.now_ns)
    poll = story.poll()
    story.now_ns += KNOWN_NS - 1
    assert story.of.here("alarm", "balie", poll, story.now_ns) is True
    assert story.of.nobody(story.now_ns + 1) == ""


@pytest.mark.case("alarm 15")
def test_what_the_broker_once_said_of_an_alarm_ends_when_somebody_comes() -> None:
    """A5: 0x10 at the first broker, a desk that comes there later, the second broker away: somebody does listen."""
    story = Story("alarm", "second")
    story.of.connected("alarm", story.now_ns)
    story.of.connected("second", story.now_ns)
    story.answers("wacht", "second")
    story.of.answered("alarm", nobody=True)
    assert story.of.nobody(story.now_ns) == ""
    assert story.answers("balie") is True
    story.of.lost("second")
    assert story.of.nobody(story.now_ns) == ""
    story.of.answered("alarm", nobody=True)
    assert story.of.nobody(story.now_ns) == NO_SUBSCRIBER


@pytest.mark.case("security 7")
def test_who_never_said_that_it_is_there_is_not_known() -> None:
    """A7: a receiver is known by its presence or its answer, until it says that it goes; an older session's will says
    nothing; and an answer to a poll that nobody sent is none.
    """
    story = proven()
    assert not story.of.knows("meldkamer")
    assert story.of.here("alarm", "meldkamer", "made up", story.now_ns) is None
    assert not story.of.knows("meldkamer")
    story.of.heard("alarm", "balie", ONLINE, story.now_ns)
    story.of.heard("alarm", "balie", Presence(online=False, session=6), story.now_ns)
    assert story.of.knows("balie")
    story.of.heard("alarm", "balie", OFFLINE, story.now_ns)
    assert not story.of.knows("balie")
    assert story.of.nobody(story.now_ns + KNOWN_NS) == NOBODY


@pytest.mark.case("brokers 2")
def test_a_connection_on_which_nobody_answers_any_more_is_deaf() -> None:
    """A7: polls without an answer for ten seconds, where somebody had answered, mean a new connection: once, then at
    growing intervals; it is another client's doing when it happens again and again as soon as that was answered.
    """
    story = proven()
    story.passes(POLL_NS)
    assert not story.of.is_deaf("alarm", story.now_ns)
    story.passes(SILENT_NS)
    assert not story.of.is_taken_over("alarm", story.now_ns)
    assert story.of.is_deaf("alarm", story.now_ns)
    assert not story.of.is_deaf("alarm", story.now_ns), "once"
    for turn in range(TURNS):
        story.of.lost("alarm")
        story.of.connected("alarm", story.now_ns)
        story.answers()
        story.passes(POLL_NS + SILENT_NS)
        assert story.of.is_taken_over("alarm", story.now_ns) is (turn == TURNS - 1)
        assert story.of.is_deaf("alarm", story.now_ns)


def test_silence_amid_a_crowd_is_no_evidence() -> None:
    """A7: while a flood runs that may have swept answers away, nobody is called deaf or an impostor; ten seconds of
    silence after it are what they were. Many receivers that answer at once are no flood.
    """
    story = proven()
    story.passes(POLL_NS)
    for _ in range(3 * SILENT_NS // NS):
        story.passes(NS)
        story.of.crowded("alarm", CROWD + 1, story.now_ns)
        assert not story.of.is_deaf("alarm", story.now_ns)
    for _ in range(SILENT_NS // NS):
        assert not story.of.is_deaf("alarm", story.now_ns)
        story.passes(NS)
        story.of.crowded("alarm", CONSOLES_MAX, story.now_ns)
    assert story.of.is_deaf("alarm", story.now_ns)


def test_a_receiver_of_other_sites_is_none_of_ours() -> None:
    """A5: whoever says that it listens to other sites does not count, whatever it answers."""
    story = Story()
    story.of.connected("alarm", story.now_ns)
    story.of.heard("alarm", "balie", Presence(online=True, sites=("bibliotheek",)), story.now_ns)
    assert story.answers() is False
    assert story.of.nobody(story.now_ns + KNOWN_NS) == NOBODY


def test_where_receivers_only_listen_they_are_not_asked() -> None:
    """A5: `listens`: no polls, and only the broker's word on an alarm says that nobody is there."""
    story = Story(unit=msgspec.structs.replace(UNIT, alarm=AlarmUnit("listens")))
    story.of.connected("alarm", story.now_ns)
    assert not story.of.poll_due("alarm", story.now_ns + 1000 * NS, hurry=True)
    assert story.of.listens("alarm", story.now_ns)
    story.of.answered("alarm", nobody=True)
    assert not story.of.listens("alarm", story.now_ns)
    assert story.of.nobody(story.now_ns) == NO_SUBSCRIBER


@pytest.mark.case("alarm 13")
def test_receivers_that_are_gone_keep_no_other_out() -> None:
    """A5, A7: what a broker keeps of receivers that left, under names that nobody has any more, or of other sites,
    takes no place from one that is there; as many as fit, and are there, keep theirs.
    """
    story = Story()
    story.of.connected("alarm", story.now_ns)
    elsewhere = Presence(online=True, sites=("bibliotheek",))
    for n in range(CONSOLES_MAX):
        assert story.of.heard("alarm", f"gone-{n}", OFFLINE if n % 2 else elsewhere, story.now_ns) is False
    for n in range(CONSOLES_MAX):
        assert story.answers(f"desk-{n}")
    assert story.answers("one-more") is None
    assert story.of.heard("alarm", "one-more", ONLINE, story.now_ns) is None
    assert story.of.online(story.now_ns) == tuple(sorted(f"desk-{n}" for n in range(CONSOLES_MAX)))


@given(st.lists(st.tuples(
    st.sampled_from(["heard", "here", "poll", "lost", "connected", "answered"]), st.sampled_from(["alarm", "second"]),
    st.integers(0, CONSOLES_MAX + 5), st.booleans(), st.integers(0, 40 * NS),
), max_size=60))  # fmt: skip
def test_any_history_is_bounded_and_proven_by_answers_alone(history: list[tuple[str, str, int, bool, int]]) -> None:
    """A7: whatever comes in whatever order, no more receivers are remembered than fit, and no path is proven without an
    answer to one of its own polls within HOLDS_NS.
    """
    story, last = Story("alarm", "second"), dict[tuple[str, str], int]()
    for act, broker, n, flag, ns in history:
        story.now_ns += ns
        name = f"r{n}"
        match act:
            case "heard":
                story.of.heard(broker, name, Presence(online=flag), story.now_ns)
            case "here":
                if story.answers(name, broker) is not None:
                    last[broker, name] = story.now_ns
            case "poll":
                story.poll(broker)
            case "lost":
                story.of.lost(broker)
            case "connected":
                story.of.connected(broker, story.now_ns)
            case _:
                story.of.answered(broker, nobody=flag)
        for path in ("alarm", "second"):
            found = story.of.proven(path, story.now_ns)
            assert len(story.of._paths[path].there) <= CONSOLES_MAX
            assert all(until_ns == last[path, who] + HOLDS_NS > story.now_ns for who, until_ns in found.items())
