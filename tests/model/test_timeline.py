# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What time it is and how old things are, over histories of wrong clocks, cuts and full disks."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model import timeline as model
from daemon.model.timeline import DAY_NS, NS, STABLE_DAY_NS, STABLE_NS, Stamp, Timeline
from hardware.ports import ClockReading

H_NS = 3600 * NS
T_NS = 1_800_000_000 * NS


def looks(timeline: Timeline, offset_ns: int, seconds: int, state: str = "synchronised", step_s: int = 5) -> Timeline:
    """Looks every so often at a clock that shows this UTC minus powered-on time."""
    since_ns = timeline.looked_ns
    for at_ns in range(since_ns, since_ns + seconds * NS + 1, step_s * NS):
        wall_ns = model.powered_ns(timeline, at_ns) + offset_ns
        timeline = model.look(timeline, ClockReading(at_ns, wall_ns, state))  # type: ignore[arg-type]
    return timeline


def trusted(boot: str = "a") -> Timeline:
    """A unit whose clock is trusted."""
    return looks(model.start(None, boot, 0), T_NS, 700)


def test_a_utc_is_believed_when_it_has_stood() -> None:
    """K4: the first UTC of all takes ten minutes; one within a day of what was believed, two and a half minutes."""
    fresh = model.start(None, "a", 0)
    assert looks(fresh, T_NS, 590).offset_ns is None
    assert looks(fresh, T_NS, 605).offset_ns == T_NS
    next_boot = model.start(trusted(), "b", 0)
    assert looks(next_boot, T_NS + DAY_NS, 145).believed_ns is None
    assert looks(next_boot, T_NS + DAY_NS, 155).offset_ns == T_NS + DAY_NS


def test_a_step_of_more_than_a_day_must_stand_ten_minutes() -> None:
    """K4: a forward step of more than a day is believed only when synchronised and stable."""
    next_boot = model.start(trusted(), "b", 0)
    week_ns = T_NS + 7 * DAY_NS
    assert looks(next_boot, week_ns, 590).believed_ns is None
    assert looks(next_boot, week_ns, 605).offset_ns == week_ns
    assert looks(next_boot, week_ns, 7000, "unsynchronised").believed_ns is None
    interrupted = looks(looks(next_boot, week_ns, 590), T_NS, 5)
    assert looks(interrupted, week_ns, 590).offset_ns == T_NS


def test_what_was_not_looked_at_does_not_count_as_standing() -> None:
    """K4: two looks an hour apart say nothing of the hour between them."""
    next_boot = model.start(trusted(), "b", 0)
    assert looks(next_boot, T_NS + 7 * DAY_NS, 3600, step_s=60).believed_ns is None


def test_a_keeper_that_starts_again_in_its_boot_goes_on() -> None:
    """K4: what is known of time stays, and time does not go back; a UTC that was not believed yet has to stand anew."""
    first = looks(model.start(None, "a", 0), T_NS, 300)
    assert first.seen is not None
    again = model.start(first, "a", first.looked_ns + NS)
    assert again == replace(first, looked_ns=first.looked_ns + NS, seen=None)
    assert model.start(first, "a", 0).looked_ns == first.looked_ns
    believed = looks(first, T_NS, 400)
    assert 600 * NS <= (believed.believed_ns or 0) <= believed.looked_ns
    assert model.start(believed, "a", believed.looked_ns).believed_ns == believed.believed_ns


def test_a_clock_that_loses_its_reference_has_to_stand_anew() -> None:
    """K4: a UTC that stood for minutes before and for minutes after its reference was lost has not stood for ten."""
    first = looks(model.start(None, "a", 0), T_NS, 300)
    lost = looks(first, T_NS, 5, "unsynchronised")
    assert lost.seen is None
    assert looks(lost, T_NS, 400).believed_ns is None


def test_time_off_counts_when_it_is_proven() -> None:
    """K1, K4: ten days off are ten days, from the moment at which UTC is believed and not before."""
    made = Stamp("a", 600 * NS)
    boot = model.start(trusted(), "b", 0)
    assert model.age_ns(boot, made, 0) == trusted().looked_ns - 600 * NS
    later = looks(boot, T_NS + 10 * DAY_NS, 605)
    assert model.age_ns(later, made, 0) == trusted().looked_ns - 600 * NS + 10 * DAY_NS


def test_powered_on_time_counts_across_boots() -> None:
    """K4: a recording of an earlier boot ages with a clock that nobody ever set, by powered-on time."""
    timeline = model.start(None, "a", 0)
    for boot in "bcd":
        timeline = model.start(replace(timeline, looked_ns=24 * H_NS), boot, 0)
    assert model.age_ns(timeline, Stamp("a", H_NS), H_NS) == 72 * H_NS
    assert model.utc_ns(timeline, Stamp("a", H_NS)) is None


def test_a_recording_shows_how_long_its_boot_ran() -> None:
    """K4: what the counter lost at a cut of the power is not lost where a recording was made after it."""
    before = replace(model.start(None, "a", 0), looked_ns=H_NS)
    assert model.start(before, "b", 0).boots["b"].began_ns == H_NS
    assert model.start(before, "b", 0, [Stamp("a", 2 * H_NS)]).boots["b"].began_ns == 2 * H_NS


def test_an_unsynchronised_recording_is_dated_by_a_later_clock() -> None:
    """K4: a boot without UTC gets it from the first that is believed: exactly in itself, at the latest from another."""
    first = looks(model.start(None, "a", 0), T_NS, 700)
    assert first.boots["a"].exact
    assert model.utc_ns(first, Stamp("a", 5 * NS)) == T_NS + 5 * NS
    unsure = model.start(first, "b", 0)
    assert model.utc_ns(unsure, Stamp("b", 0)) is None
    sure = looks(model.start(replace(unsure, looked_ns=H_NS), "c", 0), T_NS + DAY_NS, 155)
    assert not sure.boots["b"].exact
    assert model.utc_ns(sure, Stamp("b", 0)) == sure.boots["b"].began_ns + T_NS + DAY_NS


def test_a_utc_that_was_wrong_is_taken_back() -> None:
    """K4: a wrong UTC that stood long enough to be believed is corrected, for the boots that were dated by it too."""
    wrong = looks(trusted(), T_NS + 3650 * DAY_NS, 605)
    assert wrong.offset_ns == T_NS + 3650 * DAY_NS
    right = looks(wrong, T_NS, 605)
    assert right.offset_ns == T_NS
    assert {boot.offset_ns for boot in right.boots.values()} == {T_NS}
    assert model.age_ns(model.start(right, "b", 0), Stamp("a", right.looked_ns), 0) == 0


def test_an_unknown_boot_counts_from_now_or_from_its_own_clock() -> None:
    """K4: recordings of which no log tells anything age from when they are found, by their own UTC if that is older."""
    now = trusted()
    found = model.adopt(now, "x", Stamp("x", 99 * H_NS), None)
    assert model.age_ns(found, Stamp("x", 98 * H_NS), now.looked_ns) == H_NS
    utc_ns = model.powered_ns(now, now.looked_ns) + T_NS
    found = model.adopt(now, "x", Stamp("x", 99 * H_NS), utc_ns - 5 * DAY_NS - 99 * H_NS)
    assert model.age_ns(found, Stamp("x", 99 * H_NS), now.looked_ns) == 5 * DAY_NS
    found = model.adopt(now, "x", Stamp("x", 99 * H_NS), utc_ns + 5 * DAY_NS - 99 * H_NS)
    assert model.age_ns(found, Stamp("x", 99 * H_NS), now.looked_ns) == 0
    assert model.age_ns(now, Stamp("nowhere", 0), now.looked_ns) == 0


def test_boots_that_nothing_is_left_of_are_let_go() -> None:
    """K4: what is remembered is bounded by what is in the store and by a number of beliefs, not by how long the unit
    has lived.
    """
    timeline = trusted("a")
    for boot in "bcde":
        timeline = model.start(timeline, boot, 0)
    assert set(model.keep(timeline, {"b"}).boots) == {"a", "b", "e"}, "what b follows is what shows a UTC behind"
    assert set(model.keep(timeline, set()).boots) == {"a", "e"}
    many = {str(n): model.Boot(n, T_NS + n, T_NS + n) for n in range(2 * model.BELIEFS_MAX)}
    left = model.keep(Timeline("now", 0, {**many, "now": model.Boot(9999)}, T_NS), {"3"}).boots
    assert list(left)[:3] == ["2", "3", "4"]
    assert len(left) == 3 + model.BELIEFS_MAX + 1


def test_no_single_answer_of_a_time_server_deletes() -> None:
    """K4: what adds time off has outlasted the two shortest polls of systemd-timesyncd, and of chrony."""
    assert max(32 + 64, 64 + 64) * NS < STABLE_NS < STABLE_DAY_NS
