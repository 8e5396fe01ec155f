# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper's sense of time across boots, from its log and its counter, and from what is left of them."""

from __future__ import annotations

import datetime
import os
import shutil
from pathlib import Path

import pytest

from daemon.__main__ import _began
from daemon.keeper import listing, timekeeper
from daemon.model import timeline as model
from tests.keeper.stores import H_NS, NS, WALL_NS, WEEK_NS, Clock, Keeper, audit_lines, chained, name, recording

A = name("a")
DAY_NS = 24 * H_NS
MINUTE_NS = 60 * NS


def boot(number: int, *, after: Clock, off_ns: int, state: str = "synchronised") -> Clock:
    """The machine's clock at the next boot, ten seconds in."""
    clock = Clock(10 * NS, after.wall_ns + off_ns + 10 * NS, f"boot-{number}")
    clock.state = state  # type: ignore[assignment]
    return clock


def test_ten_days_off_are_ten_days(tmp_path: Path) -> None:
    """K1, K4: a week's sound goes when the clock has been believed after ten days off; the log says how late and why,
    and how long the unit was off.
    """
    recording(tmp_path, A, at_boot_ns=NS)
    first = Keeper(tmp_path, Clock())
    first.watch(700)
    first.close()
    second = Keeper(tmp_path, boot(2, after=first.clock, off_ns=10 * DAY_NS))
    assert second.sweep() == []
    second.watch(590)
    assert second.sweep() == []
    second.watch(30)
    assert [receipt["track"] for receipt in second.sweep()] == ["audio"]
    second.close()
    told = audit_lines(tmp_path, "clock")
    assert [line.get("off_s") for line in told] == [None, pytest.approx(10 * 86_400, abs=1)]
    late = audit_lines(tmp_path, "deleting")[0]
    assert late["late_s"] == pytest.approx(3 * 86_400, abs=2000)
    assert [line["clean"] for line in audit_lines(tmp_path, "boot")] == [False, True]
    assert chained(tmp_path)


def test_an_empty_store_is_no_reason_to_write_and_its_first_recording_is(tmp_path: Path) -> None:
    """R1, K4: ten idle minutes after a first start UTC is believed, and nothing is written of it while there is nothing
    to be dated; with the first recording the log says it, once, and the next boot counts from it.
    """
    keeper = Keeper(tmp_path, Clock())
    log = (tmp_path / "audit.jsonl").read_bytes()
    keeper.watch(1200)
    assert keeper.time.timeline.believed_ns is not None
    assert (tmp_path / "audit.jsonl").read_bytes() == log
    recording(tmp_path, A, at_boot_ns=keeper.clock.now_ns, at_wall_ns=keeper.clock.wall_ns)
    keeper.sweep()
    keeper.watch(60)
    keeper.close(clean=False)
    (told,) = audit_lines(tmp_path, "clock")
    assert told["utc_ns"] == pytest.approx(keeper.clock.wall_ns, abs=61 * NS)
    second = Keeper(tmp_path, boot(2, after=keeper.clock, off_ns=10 * DAY_NS))
    second.watch(620)
    assert [receipt["track"] for receipt in second.sweep()] == ["audio"]
    assert audit_lines(tmp_path, "clock")[-1]["off_s"] == pytest.approx(10 * 86_400, abs=61)
    second.close()


def test_an_unsynchronised_recording_of_an_earlier_boot_ages(tmp_path: Path) -> None:
    """K4: made with a wrong clock, in a boot that never had a right one, and never dated since: after a week of
    powered-on time over several boots it goes.
    """
    recording(tmp_path, A, boot="boot-0", at_boot_ns=5 * NS, at_wall_ns=0, clock="unsynchronised")
    clock = Clock(10 * NS, 0, "boot-0")
    clock.state = "unsynchronised"
    for number in range(1, 8):
        keeper = Keeper(tmp_path, clock)
        assert keeper.sweep() == []
        clock.on(DAY_NS - 20 * NS)
        assert keeper.sweep() == []
        keeper.close()
        clock = boot(number, after=clock, off_ns=H_NS, state="unsynchronised")
    keeper = Keeper(tmp_path, clock)
    clock.on(200 * NS)
    assert [receipt["track"] for receipt in keeper.sweep()] == ["audio"]
    keeper.close()


@pytest.mark.parametrize("later_boot", [False, True])
def test_a_wrongly_dated_recording_gets_a_line(tmp_path: Path, *, later_boot: bool) -> None:
    """K4: a recording made with an unsynchronised clock gets a line that says when it was made, once; exactly when its
    own boot got a clock, at the latest when a later one did. The recording is not touched.
    """
    clock = Clock(10 * NS, 5 * NS, "boot-1")
    clock.state = "unsynchronised"
    path = recording(tmp_path, A, boot="boot-1", at_boot_ns=10 * NS, at_wall_ns=5 * NS, clock="unsynchronised")
    before = (path / "begin.json").read_bytes()
    keeper = Keeper(tmp_path, clock)
    keeper.watch(100)
    keeper.sweep()
    if later_boot:
        keeper.close()
        clock = boot(2, after=clock, off_ns=H_NS)
        keeper = Keeper(tmp_path, clock)
    clock.wall_ns, clock.state = WALL_NS, "synchronised"
    keeper.watch(700)
    keeper.sweep()
    keeper.close()
    again = Keeper(tmp_path, clock)
    again.sweep()
    again.close()
    (line,) = audit_lines(tmp_path, "dated")
    made_ns = WALL_NS - 10 * NS if later_boot else WALL_NS - 100 * NS
    assert line["wall_ns"] == pytest.approx(made_ns - (100 * NS if later_boot else 0), abs=NS)
    assert (line["claimed_wall_ns"], line["exact"]) == (5 * NS, not later_boot)
    assert (path / "begin.json").read_bytes() == before


@pytest.mark.case("keeper 12")
@pytest.mark.parametrize("known", ["nothing", "in its boot", "in a later boot"])
def test_the_list_dates_by_the_keepers_count_with_a_mark(tmp_path: Path, known: str) -> None:
    """A4, H1: a recording under a wrong clock stands where the unit's count puts it, with its terms; the mark says how
    much that is worth. Its neighbour, whose clock was right, stands as it says.
    """
    clock = Clock(10 * NS, 5 * NS, "boot-1")
    clock.state = "unsynchronised"
    recording(tmp_path, A, boot="boot-1", at_boot_ns=10 * NS, at_wall_ns=5 * NS, clock="unsynchronised")
    keeper = Keeper(tmp_path, clock)
    keeper.watch(100)
    if known == "in a later boot":
        keeper.close()
        clock = boot(2, after=clock, off_ns=H_NS)
        keeper = Keeper(tmp_path, clock)
    if known != "nothing":
        clock.wall_ns, clock.state = WALL_NS, "synchronised"
        keeper.watch(700)
    right = name("b")
    recording(tmp_path, right, boot=clock.boot, at_boot_ns=clock.now_ns, at_wall_ns=clock.wall_ns)
    keeper.sweep()
    page = listing.page(keeper.store, keeper.time.date, "", 10)
    keeper.close()
    assert [one["recording_id"] for one in page] == [A, right]
    made_ns = {"nothing": 5 * NS, "in its boot": WALL_NS - 100 * NS, "in a later boot": WALL_NS - 110 * NS}[known]
    mark = {"nothing": "unsure", "in its boot": "count", "in a later boot": "latest"}[known]
    assert page[0]["at_wall_ns"] == pytest.approx(made_ns, abs=NS)
    assert page[0]["tracks"]["audio"]["expires_wall_ns"] == pytest.approx(made_ns + WEEK_NS, abs=120 * NS)
    assert [one["dated_by"] for one in page] == [mark, "clock"]
    assert _began(page[0], datetime.UTC)[-1] in "*<?"
    assert _began(page[1], datetime.UTC).endswith(" UTC")


def test_a_recording_whose_clock_was_right_gets_no_line(tmp_path: Path) -> None:
    """K4: what says the right time of itself needs no correction."""
    recording(tmp_path, A, at_boot_ns=5 * NS)
    keeper = Keeper(tmp_path, Clock())
    keeper.watch(700)
    keeper.sweep()
    keeper.close()
    assert audit_lines(tmp_path, "dated") == []


@pytest.mark.parametrize("lost", ["time.json", "audit.jsonl", "both", "junk"])
def test_what_is_lost_makes_nothing_younger_for_long(tmp_path: Path, lost: str) -> None:
    """K4: without the counter, or the log, or both, or with junk in their place, the unit goes on; nothing is deleted
    early, and what it holds goes a week after it was made or after it was found, at the latest.
    """
    recording(tmp_path, A, at_boot_ns=5 * NS, at_wall_ns=5 * NS, clock="unsynchronised")
    clock = Clock(10 * NS, 5 * NS)
    clock.state = "unsynchronised"
    keeper = Keeper(tmp_path, clock)
    keeper.sweep()
    clock.on(3 * DAY_NS)
    keeper.close()
    if lost == "junk":
        (tmp_path / "time.json").write_bytes(b"\xff{")
        with (tmp_path / "audit.jsonl").open("ab") as log:
            log.write(b'{"event":"boot","boot_id":7}\n[[[\n{"event":"clock","boot_id":"one"}\n')
    for file in ("time.json", "audit.jsonl"):
        if lost in {file, "both"}:
            (tmp_path / file).unlink()
    clock = boot(2, after=clock, off_ns=0, state="unsynchronised")
    keeper = Keeper(tmp_path, clock)
    assert keeper.sweep() == []
    clock.on(4 * DAY_NS - 60 * NS)
    assert keeper.sweep() == []
    clock.on((3 * DAY_NS if lost in {"time.json", "both", "junk"} else 0) + 70 * NS)
    assert [receipt["track"] for receipt in keeper.sweep()] == ["audio"]
    keeper.close()


def test_the_counter_is_written_rarely_and_never_for_an_empty_store(tmp_path: Path) -> None:
    """R1, K4: an idle unit writes nothing for ten minutes, and with nothing in its store nothing at all."""
    keeper, counter = Keeper(tmp_path, Clock()), tmp_path / "time.json"
    keeper.clock.on(100 * H_NS)
    keeper.time.keep()
    assert not counter.exists()
    recording(tmp_path, A, at_boot_ns=keeper.clock.now_ns)
    keeper.sweep()
    written = 0
    for _ in range(600):
        keeper.clock.on(10 * NS)
        keeper.time.look(keeper.audit)
        was = counter.stat().st_mtime_ns if counter.exists() else 0
        keeper.time.keep()
        written += counter.exists() and counter.stat().st_mtime_ns != was
    assert written <= 3, "its first, and in 100 minutes, most of them with a UTC that is believed, two more"
    assert min(timekeeper.KEEP_NS, timekeeper.KEEP_UNSURE_NS) > 600 * NS
    keeper.close()


def test_a_cut_of_the_power_costs_an_hour_of_the_count_at_most(tmp_path: Path) -> None:
    """K4: what was not written down when the power went is not counted; with a UTC that is believed later it is."""
    recording(tmp_path, A, at_boot_ns=5 * NS)
    first = Keeper(tmp_path, Clock())
    first.watch(700)
    first.sweep()
    first.clock.on(50 * H_NS)
    first.time.keep()
    first.clock.on(H_NS - NS)
    first.time.keep()
    first.close(clean=False)
    clock = boot(2, after=first.clock, off_ns=0, state="unsynchronised")
    second = Keeper(tmp_path, clock)
    second.sweep()
    oldest = next(iter(second.store.kept())).oldest
    true_ns = clock.wall_ns - WALL_NS + 5 * NS - 5 * NS
    lost_ns = true_ns - model.age_ns(second.time.timeline, oldest, clock.now_ns)
    assert 0 < lost_ns <= timekeeper.KEEP_NS
    clock.state = "synchronised"
    second.watch(160)
    assert model.age_ns(second.time.timeline, oldest, clock.now_ns) == pytest.approx(true_ns + 160 * NS, abs=NS)
    second.close()


def test_a_recording_from_the_future_is_named_and_left_alone(tmp_path: Path) -> None:
    """K3, K4: a recording that was made long after now is not one of this unit: it is named and not deleted."""
    recording(tmp_path, A, at_boot_ns=5000 * H_NS)
    recording(tmp_path, name("b"), at_boot_ns=4 * NS)
    keeper = Keeper(tmp_path, Clock())
    keeper.sweep()
    assert list(keeper.store.entries) == [name("b")]
    assert "ahead of the unit's clock" in keeper.store.unaccounted[A]
    keeper.store.look_again()
    assert keeper.store.refresh() is False, "and it is not taken up again and again"
    assert list(keeper.store.entries) == [name("b")]
    keeper.close()


def test_a_counter_that_cannot_be_written_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4, H1: a full disk keeps the counter from being written: that is said, and mended by itself a minute after there
    is room, also where nothing is stored any more. It is not tried oftener than that.
    """
    path = recording(tmp_path, A, at_boot_ns=5 * NS)
    keeper = Keeper(tmp_path, Clock())
    keeper.sweep()
    really, tried = os.fsync, list[int]()

    def fsync(fd: int) -> None:
        tried.append(fd)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    keeper.clock.on(WEEK_NS // 2)
    keeper.time.keep()
    assert "time.json: No space left" in keeper.time.fault
    monkeypatch.setattr(os, "fsync", really)
    keeper.clock.on(MINUTE_NS)
    keeper.time.keep()
    assert keeper.time.fault == ""
    monkeypatch.setattr(os, "fsync", fsync)
    keeper.clock.on(2 * H_NS)
    keeper.time.keep()
    assert keeper.time.fault
    shutil.rmtree(path)
    keeper.store.refresh()
    tried.clear()
    for _ in range(180):
        keeper.clock.on(NS)
        keeper.time.keep()
    assert len(tried) == 3
    monkeypatch.setattr(os, "fsync", really)
    for _ in range(2):
        keeper.clock.on(MINUTE_NS)
        keeper.time.keep()
    assert keeper.time.fault == ""
    keeper.close()
    assert not (tmp_path / "time.json.new").exists()


LIES = [  # how far behind, how long it says so, whether a boot with the truth follows or the truth in the same boot
    pytest.param(26 * 365 * DAY_NS, 660, id="2000-for-eleven-minutes"),
    pytest.param(5 * DAY_NS, 660, id="five-days-for-eleven-minutes"),
    pytest.param(23 * H_NS, 31, id="23-hours-for-half-a-minute"),
    pytest.param(23 * H_NS, 400, id="23-hours-until-it-is-believed"),
    pytest.param(-5 * DAY_NS, 660, id="ahead-for-eleven-minutes"),
]


@pytest.mark.case("keeper 1")
@pytest.mark.parametrize("other_boot", [False, True])
@pytest.mark.parametrize(("behind_ns", "seconds"), LIES)
def test_a_wrong_utc_that_was_believed_leaves_nothing_behind(
    tmp_path: Path, behind_ns: int, seconds: int, *, other_boot: bool
) -> None:
    """K4: made under a right clock; then a time server is wrong for some minutes, in the next boot, until the truth
    comes back, in that boot or the one after: the recording is exactly as old as it is, and goes at its term.
    """
    recording(tmp_path, A, at_boot_ns=10 * NS)
    first = Keeper(tmp_path, Clock(10 * NS))
    first.watch(700)
    first.clock.on(3 * H_NS)
    first.close()
    clock = boot(2, after=first.clock, off_ns=H_NS)
    clock.wall_ns -= behind_ns
    second = Keeper(tmp_path, clock)
    second.watch(seconds)
    assert second.sweep() == []
    clock.wall_ns += behind_ns
    if other_boot:
        second.close()
        clock = boot(3, after=clock, off_ns=0)
        second = Keeper(tmp_path, clock)
    second.watch(700)
    assert second.sweep() == []
    true_ns = clock.wall_ns - WALL_NS
    oldest = next(iter(second.store.kept())).oldest
    assert model.age_ns(second.time.timeline, oldest, clock.now_ns) == pytest.approx(true_ns, abs=10 * NS)
    clock.on(WEEK_NS - true_ns - 30 * NS)
    assert second.sweep() == []
    clock.on(60 * NS)
    assert [receipt["track"] for receipt in second.sweep()] == ["audio"]
    second.close()


@pytest.mark.case("keeper 2")
@pytest.mark.parametrize("seconds", [32, 64, 96, 128])
def test_one_wrong_answer_makes_nothing_older(tmp_path: Path, seconds: int) -> None:
    """K4: a time server is 18 hours ahead until it is asked again, once or twice: sound of 150 hours stays."""
    recording(tmp_path, A, at_boot_ns=10 * NS)
    first = Keeper(tmp_path, Clock(10 * NS))
    first.watch(700)
    first.clock.on(150 * H_NS)
    first.close()
    clock = boot(2, after=first.clock, off_ns=0)
    clock.wall_ns += 18 * H_NS
    second = Keeper(tmp_path, clock)
    second.watch(seconds, 1)
    assert second.sweep() == []
    clock.wall_ns -= 18 * H_NS
    second.watch(700)
    assert second.sweep() == []
    second.close()


@pytest.mark.case("keeper 3")
@pytest.mark.parametrize("on_s", [90, 200, 600, 1000])
def test_short_boots_without_a_clock_add_up(tmp_path: Path, on_s: int) -> None:
    """K4: a plug that is pulled after minutes, for years, with no clock: at least half of the time that the unit was on
    is counted, so that a day's term is over after two.
    """
    recording(tmp_path, A, boot="boot-0", at_boot_ns=NS, term_h=(1,), clock="unsynchronised")
    on_ns = cycles = 0
    while True:
        clock = Clock(NS, 0, f"boot-{cycles}")
        clock.state = "unsynchronised"
        keeper = Keeper(tmp_path, clock)
        gone = keeper.sweep()
        for _ in range(0, on_s, 10):
            clock.on(10 * NS)
            keeper.time.look(keeper.audit)
            keeper.time.keep()
        gone += keeper.sweep()
        keeper.close(clean=False)
        on_ns, cycles = on_ns + on_s * NS, cycles + 1
        if gone:
            break
        assert on_ns < 2 * H_NS + 2 * on_s * NS
    assert on_ns >= H_NS


@pytest.mark.case("keeper 4")
def test_a_counter_of_a_lost_log_claims_no_belief_of_an_earlier_boot(tmp_path: Path) -> None:
    """K4: with the log lost, what an earlier boot believed is not this boot's: ten days off before a recording was made
    do not make it ten days older.
    """
    recording(tmp_path, name("b"), at_boot_ns=10 * NS)
    first = Keeper(tmp_path, Clock(10 * NS))
    first.watch(700)
    first.close()
    second = Keeper(tmp_path, boot(2, after=first.clock, off_ns=10 * DAY_NS, state="unsynchronised"))
    recording(tmp_path, A, boot="boot-2", at_boot_ns=second.clock.now_ns, clock="unsynchronised")
    second.sweep()
    second.close()
    (tmp_path / "audit.jsonl").unlink()
    third = Keeper(tmp_path, boot(3, after=second.clock, off_ns=0))
    third.watch(700)
    third.sweep()
    assert A in third.store.entries
    oldest = next(kept.oldest for kept in third.store.kept() if kept.recording_id == A)
    assert model.age_ns(third.time.timeline, oldest, third.clock.now_ns) == pytest.approx(710 * NS, abs=20 * NS)
    third.close()


@pytest.mark.case("keeper 1")
def test_no_recording_makes_the_others_older(tmp_path: Path) -> None:
    """K4: a begin.json that says it was made a hundred days into the boot adds no more to the count than what a keeper
    can have failed to write down.
    """
    recording(tmp_path, A, at_boot_ns=10 * NS)
    first = Keeper(tmp_path, Clock(10 * NS))
    first.watch(700)
    first.sweep()
    recording(tmp_path, name("b"), at_boot_ns=2400 * H_NS)
    first.close(clean=False)
    second = Keeper(tmp_path, boot(2, after=first.clock, off_ns=0))
    assert second.sweep() == []
    assert second.time.timeline.boots["boot-2"].began_ns <= 711 * NS + model.UNCOUNTED_NS
    second.close()
