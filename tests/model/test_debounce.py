# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One button line by example: what each contact on paper is called."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.model import debounce
from daemon.model.debounce import Fact, Line, Tuning
from hardware.ports import Edge
from tests.model.contacts import MS, REST_NS, edges, facts_of, play

SECOND = 1000.0
# Milliseconds closed, open, closed ...: made up in the manner of a worn push button, which bounces for under 5 ms.
MAKES = (0.3, 0.2, 1.1, 0.6, 2.4, 0.3)
BREAKS = (0.4, 1.8, 0.2, 0.9, 0.1)


def test_49_ms_is_nothing() -> None:
    """A1: a contact of 49 ms is no press, and leaves nothing behind."""
    line, said = play(edges([49]))
    assert said == []
    assert line.run_ns is None
    assert debounce.deadline_ns(line, Tuning()) is None


@pytest.mark.parametrize("long_ms", [50, 51, 400])
def test_50_ms_is_one_press(long_ms: float) -> None:
    """A1: a contact of 50 ms and more is exactly one press, timed at its first edge."""
    assert facts_of([long_ms]) == [("pressed", 0.0), ("released", long_ms)]


def test_a_press_is_known_50_ms_after_its_edge() -> None:
    """A1: a press is told while the finger is still down, at 50 ms and not before."""
    press = [Edge("alarm", active=True, at_ns=1000 * MS)]
    assert play(press, rest_ns=50 * MS - 1)[1] == []
    assert play(press, rest_ns=50 * MS)[1] == [Fact("alarm", "pressed", 1000 * MS)]


def test_bounce_at_both_ends_belongs_to_the_press() -> None:
    """A1: a press of 51 ms with bounce at both ends is one press, from its first contact to its last."""
    press = (*MAKES, 51 - sum(MAKES), *BREAKS)
    assert facts_of([*press, 0.2]) == [("pressed", 0.0), ("released", pytest.approx(sum(press) + 0.2))]


def test_late_bounce_does_not_eat_a_press() -> None:
    """A1: a bounce at 40 ms keeps the line from settling, and a release at 51 ms is a press all the same."""
    assert facts_of([40, 2, 9]) == [("pressed", 0.0), ("released", 51.0)]


def test_a_press_that_bounces_late_is_known_once_it_is_quiet() -> None:
    """A1: after a bounce at 40 ms the press is told when the line has been quiet for 20 ms."""
    press = edges([40, 2, 100])[:-1]
    assert play(press, rest_ns=20 * MS - 1)[1] == []
    assert [fact.kind for fact in play(press, rest_ns=20 * MS)[1]] == ["pressed"]


def test_a_press_of_50_ms_that_bounces_late_is_held_where_a_hold_is_that_short() -> None:
    """A1: a press that is known by its release alone is told whole: pressed, held, released."""
    said = play(edges([40, 2, 8]), Tuning(hold_ns=50 * MS))[1]
    begun_ns = 1000 * MS
    assert said == [
        Fact("alarm", "pressed", begun_ns), Fact("alarm", "held", begun_ns),
        Fact("alarm", "released", begun_ns + 50 * MS, 50 * MS),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("press", "kinds"),
    [([399], []), ([400], ["pressed", "released"]), ([380, 2, 17], []), ([380, 2, 18], ["pressed", "released"])],
)
def test_a_restless_contact_has_to_be_closed_for_longer(press: list[float], kinds: list[str]) -> None:
    """A6: of a contact that is locked out as restless only 400 ms count, whether the press ends quietly or not."""
    assert [fact.kind for fact in play(edges(press), Tuning(steady=True))[1]] == kinds


@pytest.mark.parametrize("press", [[60.0], [40.0, 2, 9], [3 * SECOND], [40 * SECOND], [2.5] * 81, [49.0]])
def test_a_line_at_rest_remembers_nothing(press: list[float]) -> None:
    """A1: whatever it was, once it is over the next press is judged as the first was; a second hold is a hold."""
    line, said = play(edges(press))
    at_rest = replace(line, changed_ns=0, quiet_since_ns=0, runs_ns=())
    assert at_rest == Line.at_start("alarm", active=False, now_ns=0)[0]
    again = play([*edges(press), *edges(press, start_ms=90 * SECOND)], rest_ns=REST_NS)[1]
    assert [fact.kind for fact in again] == [fact.kind for fact in said] * 2


def test_late_bounce_does_not_make_a_press() -> None:
    """A1: the same late bounce with the release at 49 ms is nothing."""
    assert facts_of([40, 2, 7]) == []


def test_an_opening_of_ten_milliseconds_parts_two_presses() -> None:
    """A1: under 10 ms open is one press, 10 ms open is two."""
    assert [kind for kind, _ in facts_of([60, 9.9, 60])] == ["pressed", "released"]
    assert [kind for kind, _ in facts_of([60, 10, 60])] == ["pressed", "released"] * 2


def test_a_hold_is_told_while_it_lasts() -> None:
    """A6: a button that is down for the policy's hold is held, at that moment and once, since the press."""
    press, tuning = [Edge("alarm", active=True, at_ns=0)], Tuning(hold_ns=3000 * MS)
    assert [fact.kind for fact in play(press, tuning, rest_ns=3000 * MS - 1)[1]] == ["pressed"]
    assert play(press, tuning, rest_ns=20_000 * MS)[1] == [Fact("alarm", "pressed", 0), Fact("alarm", "held", 0)]


def test_a_button_that_stays_down_is_stuck_and_then_not() -> None:
    """A6: thirty seconds down is stuck; let go, it is unstuck, and the one press stands."""
    assert facts_of([29.9 * SECOND])[-2:] == [("held", 0.0), ("released", 29_900.0)]
    assert facts_of([40 * SECOND]) == [
        ("pressed", 0.0), ("held", 0.0), ("stuck", 0.0), ("unstuck", 40_000.0), ("released", 40_000.0),
    ]  # fmt: skip


def test_a_button_that_is_stuck_says_so_while_it_is() -> None:
    """A6: stuck is told after thirty seconds, not when the button comes free."""
    press = [Edge("alarm", active=True, at_ns=0)]
    assert play(press, rest_ns=30_000 * MS - 1)[1][-1].kind == "held"
    assert play(press, rest_ns=30_000 * MS)[1][-1].kind == "stuck"


def test_a_button_that_is_stuck_and_trembles_is_stuck_once() -> None:
    """A6: a bounce of a button that is leant on is no news, and before the hold it does not make it stuck."""
    assert [kind for kind, _ in facts_of([40 * SECOND, 2, 40 * SECOND])] == [
        "pressed", "held", "stuck", "unstuck", "released",
    ]  # fmt: skip
    tuning = Tuning(hold_ns=3000 * MS, stuck_ns=1000 * MS)
    said = play(edges([1500, 2, 2500]), tuning)[1]
    assert [fact.kind for fact in said] == ["pressed", "held", "stuck", "unstuck", "released"]
    assert [fact.kind for fact in play(edges([1500, 2, 1000]), tuning)[1]] == ["pressed", "released"]


def test_held_at_boot_is_its_own_fact() -> None:
    """A6: a button that is down at start is held at boot: no press, not stuck, whatever the time."""
    line, said = Line.at_start("alarm", active=True, now_ns=7)
    assert said == (Fact("alarm", "held_at_boot", 7),)
    assert debounce.tick(line, 3_600_000 * MS, Tuning()) == (line, ())


def test_after_held_at_boot_a_press_counts() -> None:
    """A6: held at boot, released, and the next press is a press."""
    changes = [Edge("alarm", active=False, at_ns=5000 * MS), *edges([80], start_ms=6000)]
    _, said = play(changes, active=True)
    assert said == [
        Fact("alarm", "held_at_boot", 0),
        Fact("alarm", "released", 5000 * MS, 5000 * MS),
        Fact("alarm", "pressed", 6000 * MS),
        Fact("alarm", "released", 6080 * MS, 80 * MS),
    ]


def test_bounce_does_not_end_held_at_boot() -> None:
    """A6: a button that is down at start and jitters is still held at boot; what follows the jitter is no press."""
    changes = [Edge("alarm", active, at_ns * MS) for active, at_ns in ((False, 500), (True, 504), (False, 900))]
    _, said = play(changes, active=True)
    assert [fact.kind for fact in said] == ["held_at_boot", "released"]


def test_a_button_that_is_held_at_boot_and_chatters_is_not_pressed() -> None:
    """A6: chatter that ends closed is a press only of a button that has been seen open."""
    noise = [Edge("alarm", index % 2 == 1, (5000 + 3 * index) * MS) for index in range(100)]
    _, said = play([*noise, Edge("alarm", active=False, at_ns=9000 * MS)], active=True)
    assert [fact.kind for fact in said] == ["held_at_boot", "chatter", "settled", "released"]


@pytest.mark.parametrize("seconds", [0.2, 1, 10])
def test_chatter_is_one_fact_and_no_press(seconds: float) -> None:
    """A6: a line that opens and closes 200 times a second is chattering, once, and never pressed."""
    said = facts_of([2.5] * round(400 * seconds))
    assert [kind for kind, _ in said] == ["chatter", "settled"]


def test_chatter_is_told_within_a_fifth_of_a_second() -> None:
    """A6: chatter is known while it lasts, not when it ends."""
    for half_ms in (2.5, 16):
        noise = edges([half_ms] * round(200 / half_ms))
        assert play(noise, rest_ns=0)[1] == [Fact("alarm", "chatter", noise[0].at_ns)]


def test_a_line_is_settled_after_a_quiet_second() -> None:
    """A6: chatter is over one second after the last edge, open or closed."""
    noise = edges([2.5] * 400)
    last_ns = noise[-1].at_ns
    assert [fact.kind for fact in play(noise, rest_ns=1000 * MS - 1)[1]] == ["chatter"]
    assert play(noise, rest_ns=1000 * MS)[1][-1] == Fact("alarm", "settled", last_ns + 1000 * MS)


@pytest.mark.parametrize("rate_hz", [11, 15, 30, 100])
def test_flapping_is_chatter(rate_hz: float) -> None:
    """A6: a line that flaps faster than a finger can, its closed stretches too short for a press, is chattering."""
    said = [kind for kind, _ in facts_of([500 / rate_hz] * round(4 * rate_hz))]
    assert said == ["chatter", "settled"]


@pytest.mark.parametrize(
    ("press", "kinds"),
    [([4] * 25, ["pressed", "released"]), ([4] * 27, ["chatter", "settled"]), ([20] * 7, [])],
    ids=["100 ms", "108 ms", "each 20 ms"],
)
def test_a_line_may_be_restless_for_a_tenth_of_a_second(press: list[float], kinds: list[str]) -> None:
    """A6: what trembles for longer than 100 ms is chatter; an edge 20 ms after the last begins anew."""
    assert [kind for kind, _ in facts_of(press)] == kinds


@pytest.mark.parametrize(("times", "apart_ms", "chatters"), [(10, 90, False), (11, 99.9, True), (11, 100, False)])
def test_eleven_touches_in_a_second_are_chatter_since_the_first(times: int, apart_ms: float, *, chatters: bool) -> None:
    """A6: faster than a finger can, counted from touch to touch."""
    said = facts_of([30, apart_ms - 30] * times)
    assert said[:1] == ([("chatter", 0.0)] if chatters else [])


def test_a_nervous_finger_is_no_chatter() -> None:
    """A1: eight presses a second, for three seconds, are twenty-four presses."""
    said = [kind for kind, _ in facts_of([60, 65] * 24)]
    assert said == ["pressed", "released"] * 24


def test_a_steady_press_after_chatter_counts() -> None:
    """A6: a chattering line that stays closed for 50 ms is pressed, from the moment that it stays closed."""
    noise_ms = 2.5 * 80
    said = facts_of([2.5] * 80 + [300])
    assert [kind for kind, _ in said] == ["chatter", "pressed", "released", "settled"]
    assert said[1] == ("pressed", noise_ms)
    assert [kind for kind, _ in facts_of([2.5] * 80 + [49])] == ["chatter", "settled"]
    held = dict(facts_of([2.5] * 80 + [3 * SECOND]))
    assert (held["held"], held["released"]) == (noise_ms, noise_ms + 3 * SECOND)


@pytest.mark.parametrize("half_ms", [2.5, 33])
def test_what_chattered_and_settled_chatters_no_more(half_ms: float) -> None:
    """A6: chatter that ended closed was one chatter, also when the button is then held and let go."""
    said = facts_of([half_ms] * 80 + [5 * SECOND])
    assert [kind for kind, _ in said] == ["chatter", "pressed", "settled", "held", "released"]


def test_chatter_during_a_press_is_no_second_press() -> None:
    """A1: a button that is down and begins to chatter is one press, and its line chatters."""
    said = [kind for kind, _ in facts_of([500] + [2.5] * 100 + [500])]
    assert said == ["pressed", "chatter", "released", "settled"]


def test_a_repeated_level_is_passed_over() -> None:
    """A1: a driver that says `closed` or `open` twice has said it once."""
    press = edges([80])
    twice = [
        press[0], Edge("alarm", active=True, at_ns=press[0].at_ns + 30 * MS),
        press[1], Edge("alarm", active=False, at_ns=press[1].at_ns + 5 * MS),
    ]  # fmt: skip
    assert play(twice)[1] == play(press)[1]


def test_a_press_that_nobody_ticked_is_told_with_its_release() -> None:
    """A1: a loop that was busy from the press past the hold to the release still finds all three."""
    line, _ = Line.at_start("alarm", active=False, now_ns=0)
    for change in edges([2500]):
        line, said = debounce.edge(line, change, Tuning())
    _, rest = debounce.tick(line, 60_000 * MS, Tuning())
    assert [fact.kind for fact in (*said, *rest)] == ["pressed", "held", "released"]


def down(at_ms: int) -> Line:
    """A line that is closed since then, and undecided."""
    line, _ = Line.at_start("alarm", active=False, now_ns=0)
    return debounce.edge(line, Edge("alarm", active=True, at_ns=at_ms * MS), Tuning())[0]


def test_an_edge_from_before_what_is_known_changes_nothing() -> None:
    """A1: an edge that comes after a later one, or of no later than a decision that the line's level confirmed, is
    bounce: it neither ends a press nor begins one.
    """
    line = down(100)
    assert debounce.edge(line, Edge("alarm", active=False, at_ns=100 * MS - 1), Tuning()) == (line, ())
    line, facts = debounce.tick(line, 150 * MS, Tuning(), reads=True)
    assert [fact.kind for fact in facts] == ["pressed"]
    assert debounce.edge(line, Edge("alarm", active=False, at_ns=150 * MS), Tuning()) == (line, ())
    assert not debounce.edge(line, Edge("alarm", active=False, at_ns=150 * MS + 1), Tuning())[0].active
    line, facts = debounce.tick(open_since(100, 300, told=True), 310 * MS, Tuning(), reads=False)
    assert [fact.kind for fact in facts] == ["released"]
    assert debounce.edge(line, Edge("alarm", active=True, at_ns=310 * MS), Tuning()) == (line, ())
    assert debounce.edge(line, Edge("alarm", active=True, at_ns=310 * MS + 1), Tuning())[0].active


def test_the_edge_that_was_missing_ends_the_doubt() -> None:
    """A1: a line that read open, and whose edge then comes, is decided by that edge and waits for nothing more."""
    line, facts = debounce.tick(down(100), 150 * MS, Tuning(), reads=False)
    assert (facts, line.doubt_ns) == ((), 150 * MS)
    line, _ = debounce.edge(line, Edge("alarm", active=False, at_ns=149 * MS), Tuning())
    assert line.doubt_ns is None
    assert debounce.deadline_ns(line, Tuning()) == 149 * MS + debounce.GAP_NS


def test_a_doubt_that_has_ended_is_none_later() -> None:
    """A1: a line that read open and then closed again was closed; a later doubt waits for its edge as long as any."""
    line, _ = debounce.tick(down(100), 150 * MS, Tuning(), reads=False)
    line, facts = debounce.tick(line, 170 * MS, Tuning(), reads=True)
    assert ([fact.kind for fact in facts], line.doubt_ns) == (["pressed"], None)
    line, facts = debounce.tick(line, 2100 * MS, Tuning(), reads=False)
    assert (facts, line.doubt_ns) == ((), 2100 * MS)


def open_since(pressed_ms: int, open_ms: int, *, told: bool) -> Line:
    """A line that was closed and then opened, undecided; `told`: the press was told while it was closed."""
    line = down(pressed_ms)
    if told:
        line, facts = debounce.tick(line, open_ms * MS - 1, Tuning())
        assert facts == (Fact("alarm", "pressed", pressed_ms * MS),)
    line, facts = debounce.edge(line, Edge("alarm", active=False, at_ns=open_ms * MS), Tuning())
    assert facts == ()
    return line


def doubted(line: Line, at_ns: int) -> tuple[Line, tuple[Fact, ...]]:
    """The line's level contradicts its edges at this moment, and no edge comes for as long as one may take."""
    reads = not line.active
    line, facts = debounce.tick(line, at_ns, Tuning(), reads=reads)
    assert (facts, line.doubt_ns) == ((), at_ns)
    over_ns = at_ns + debounce.TRANSIT_NS
    assert debounce.deadline_ns(line, Tuning()) == over_ns
    assert debounce.tick(line, over_ns - 1, Tuning(), reads=reads) == (line, ())
    return debounce.tick(line, over_ns, Tuning(), reads=reads)


def test_a_press_whose_release_was_lost_is_told_and_ends_when_the_line_was_read() -> None:
    """A1: the driver lost the edge of a release: the press is told, and is over since the level said so."""
    line, facts = doubted(down(100), 152 * MS)
    assert facts == (Fact("alarm", "pressed", 100 * MS),)
    assert (line.active, line.doubt_ns) == (False, None)
    _, facts = debounce.tick(line, 162 * MS, Tuning(), reads=False)
    assert facts == (Fact("alarm", "released", 152 * MS, 52 * MS),)


@pytest.mark.parametrize("apart_ns", [debounce.GAP_NS, debounce.FINGER_NS - 1])
def test_a_release_that_the_line_denies_at_once_was_bounce(apart_ns: int) -> None:
    """A1: a line that is closed sooner after its release than a finger can close it was never let go: one press."""
    line, facts = doubted(open_since(100, 300, told=True), 300 * MS + apart_ns)
    assert facts == ()
    assert (line.active, line.pressed, line.run_ns, line.doubt_ns) == (True, True, 100 * MS, None)
    _, facts = debounce.tick(line, 2100 * MS, Tuning(), reads=True)
    assert facts == (Fact("alarm", "held", 100 * MS),)


def test_a_release_that_the_line_denies_later_ends_a_press_and_begins_one() -> None:
    """A1: from as long after the release as a finger needs, it is another press, since the level said so."""
    at_ns = 300 * MS + debounce.FINGER_NS
    line, facts = doubted(open_since(100, 300, told=True), at_ns)
    assert facts == (Fact("alarm", "released", 300 * MS, 200 * MS),)
    _, facts = debounce.tick(line, at_ns + debounce.PRESS_NS, Tuning(), reads=True)
    assert facts == (Fact("alarm", "pressed", at_ns),)


@pytest.mark.parametrize("late_ms", [10, 31])
def test_a_touch_that_the_line_denies_was_a_press(late_ms: int) -> None:
    """A1: of a touch too short to count whose line is closed all the same, the release was bounce: it is a press from
    its first edge, however late it was read.
    """
    line, facts = doubted(open_since(100, 120, told=False), (120 + late_ms) * MS)
    assert facts == ()
    assert debounce.tick(line, 200 * MS, Tuning(), reads=True)[1] == (Fact("alarm", "pressed", 100 * MS),)
