# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What of the recorder's and the keeper's words reaches the network: closed sets and coarse figures."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon import wire
from daemon.alarm import messages, public
from daemon.alarm.public import OUT_OF_ORDER, WORDS, Public, spoken
from daemon.model.events import EndReason, StartRecording
from daemon.model.faults import OF_OTHERS, KeeperFault
from hardware.ports import PictureFigures, Track

NS = 1_000_000_000
NAME, OTHER = "0123456789abcdef" * 2, "f" * 32
SPEECH = "dit is de heer De Vries, en zij zegt dat hij "
CLOSED = {"", "ok", OUT_OF_ORDER, *WORDS, "RecorderHealth", "KeeperState"}
"""The last two are tags of the format."""
HEALTH_BYTES_MAX = 3000
"""Of what is published, when every word is the longest and every figure at its bound."""

texts = st.text(max_size=40) | st.just(SPEECH * 100)
numbers = st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)
whole = st.integers(-(2**62), 2**62)


def by_track(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[Any, Any]]:
    return st.dictionaries(st.sampled_from(get_args(Track)), values)


recorders = st.builds(
    wire.RecorderHealth,
    ring_s=by_track(numbers), ring_bytes=whole, age_ms=by_track(whole), gaps=by_track(whole),
    devices=by_track(texts), free_bytes=whole, level_dbfs=numbers, peak_dbfs=numbers, drift_ppm=numbers, sound=texts,
    picture=st.builds(PictureFigures, whole, numbers, whole, numbers), keys=texts, store=texts, full=texts,
    queue_max=whole, lost=whole, sealed_s=by_track(numbers), since_ns=whole,
)  # fmt: skip
keepers = st.builds(
    wire.KeeperState,
    recordings=whole, store_bytes=st.dictionaries(texts, whole), oldest_audio_h=numbers, oldest_video_h=st.none(),
    next_expiry_s=whole, filled_pct=whole, unaccounted=whole, verified_h=numbers, holds=whole,
    faults=st.dictionaries(st.sampled_from(get_args(KeeperFault)), texts),
)  # fmt: skip


def health(**more: Any) -> messages.Health:
    """A unit's health in which nothing is wrong."""
    fields: dict[str, Any] = dict.fromkeys(messages.Health.__struct_fields__, "")
    fields |= {
        "alarms": {},
        "faults": {},
        "lamps": {},
        "consoles": (),
        "buttons": {},
        "counters": {},
        "recording_id": None,
    }
    return messages.Health(**fields | {"uptime_s": 1, "undelivered": 0, "queue_max": 0} | more)


def strings(value: Any) -> set[str]:
    """Every text in a JSON value; keys are not meant."""
    if isinstance(value, dict):
        return set().union(*map(strings, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(strings, value)) if value else set()
    return {value} if isinstance(value, str) else set()


@pytest.mark.case("security 3")
@given(recorders, keepers, st.dictionaries(st.sampled_from(sorted(OF_OTHERS)), texts), texts)
def test_whatever_they_say_only_words_of_a_closed_set_go_out(
    recorder: wire.RecorderHealth, keeper: wire.KeeperState, faults: Any, name: str
) -> None:
    """H1, design §2: what hears cannot speak: every text that goes out for the recorder and the keeper is one of a
    list, every name of a recording is one that the unit gave, and the whole is small.
    """
    said = Public().health(health(recorder=recorder, keeper=keeper, faults=faults, recording_id=name), 0)
    plain = msgspec.to_builtins(said)
    assert strings({key: plain[key] for key in ("recorder", "keeper", "faults")}) <= CLOSED
    assert plain["recording_id"] is None
    assert set(plain["keeper"]["store_bytes"]) <= {"audio", "video", "records"}
    assert len(messages.encode(said)) < HEALTH_BYTES_MAX


@given(recorders, recorders)
def test_figures_go_out_once_a_minute_and_words_at_once(one: wire.RecorderHealth, two: wire.RecorderHealth) -> None:
    """Design §2: a figure is a word too, if it changes often enough: within a minute the first ones stand."""
    out = Public()
    first = out.health(health(recorder=one), 0).recorder
    assert out.health(health(), 30 * NS).recorder is None, "who is away says nothing, and gains nothing by it"
    second = out.health(health(recorder=two), 59 * NS).recorder
    assert first is not None
    assert second is not None
    words = {name: getattr(second, name) for name in ("devices", "keys", "store", "full")}
    assert second == replace(first, **words)
    assert second.keys == spoken(two.keys)
    assert out.health(health(recorder=two), 61 * NS).recorder == Public().health(health(recorder=two), 0).recorder


@pytest.mark.case("security 3")
def test_a_million_bytes_of_detail_are_one_word() -> None:
    """Design §2: the end of a recording says why by a word."""
    out = Public()
    out.ordered(start(NAME))
    ended = out.recording(wire.Ended(NAME, "store", SPEECH * 20_000, 7), 0)
    assert ended == wire.Ended(NAME, "store", OUT_OF_ORDER, 7)
    full = out.recording(wire.Ended(NAME, "store", "[Errno 28] No space left on device", 7), 0)
    assert isinstance(full, wire.Ended)
    assert full.detail == "disk full"
    assert set(get_args(EndReason)) == {"asked", "lease", "store", "full", "refused", "stopped"}


def start(name: str, continues: str | None = None) -> StartRecording:
    return StartRecording(name, 0, 0, NS, alarm=True, continues=continues)


@pytest.mark.case("security 3")
def test_only_the_units_own_recordings_are_named() -> None:
    """Design §2: a name is 128 bits of a recorder's choice, so that of a recording which nobody ordered is not said;
    the part that it continues is what the unit ordered.
    """
    out = Public()
    assert out.recording(wire.Started(NAME), 0) is None
    assert out.recording(wire.Head(NAME, 3, "a" * 64), 0) is None
    out.ordered(start(NAME, OTHER))
    assert out.recording(wire.Started(NAME, "e" * 32), 0) == wire.Started(NAME, OTHER)
    assert out.recording(wire.Head(NAME, 3, "a" * 64), 0) == wire.Head(NAME, 3, "a" * 64)
    for digest in ("a" * 63, SPEECH, "A" * 64, "a" * 64 + "\n"):
        assert out.recording(wire.Head(NAME, 3, digest), 0) is None
    assert out.held_back == 6


def test_a_recorder_brings_few_names_of_its_own() -> None:
    """A2: an alarm process that was started again learns the running recording's name; a thousand names are none."""
    out = Public()
    names = [f"{n:032x}" for n in range(1000)]
    for name in names:
        out.adopted(name, 0)
    heard = [name for name in names if out.recording(wire.Started(name), 0)]
    assert heard == names[: public.ADOPTED_PER_H]
    out.adopted("../../up", 3600 * NS)
    assert out.recording(wire.Started("../../up"), 3600 * NS) is None


def test_messages_and_receipts_have_a_budget_that_comes_back() -> None:
    """Design §2: how often a word is said is a word too; a signed head always goes, and covers what did not."""
    out = Public()
    out.ordered(start(NAME))
    sent = [out.recording(wire.Head(NAME, n, "a" * 64), 0) for n in range(2 * public.HEADS_PER_H)]
    assert len([each for each in sent if each]) == public.HEADS_PER_H
    ended = out.recording(wire.Ended(NAME, "asked", head="a" * 64), 0)
    assert ended == wire.Ended(NAME, "asked"), "a flood of heads costs no end, and an end says no head more"
    ended = out.recording(wire.Ended(NAME, "asked", head="a" * 64), 60 * NS)
    assert ended == wire.Ended(NAME, "asked", head="a" * 64)
    assert not out.recording(wire.Head(NAME, 1, "a" * 64), 60 * NS), "it counts as one of the hour's"
    assert out.recording(wire.Head(NAME, 1, "a" * 64), 120 * NS)
    lines = [out.receipt(wire.Receipt(line(n, event="deleted"), "b" * 64), 0) for n in range(2000)]
    assert sum(lines) == public.RECEIPTS_PER_H
    assert out.receipt(wire.Receipt(line(2000), "b" * 64), 0)
    for wrong in (
        line(signature=SPEECH * 100),
        line(event=SPEECH),
        line(clock=SPEECH),
        line(prev=SPEECH),
        {"event": "head"},
    ):
        assert not out.receipt(wire.Receipt(wrong, "b" * 64), 0)
    assert not out.receipt(wire.Receipt(line(), SPEECH), 0)


def line(n: int = 7, **more: Any) -> dict[str, Any]:
    """A line of the audit log: a head, and what an attacker makes of it."""
    fields = {"n": n, "at_wall_ns": 1, "at_boot_ns": 1, "boot_id": "b" * 36, "clock": "synchronised", "event": "head"}
    return fields | {"prev": "c" * 64} | more


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ok", "ok"), ("", ""), ("closed", "closed"), ("no frames for 3 s", "no answer"),
        ("camera: [Errno 16] Device or resource busy: '/dev/video0'; expected a USB camera that nobody else uses",
         "in use by another program"),
        ("the microphone stopped by itself; expected one that stays plugged in", "unplugged"),
        ("OSError: [Errno 19] No such device", "unplugged"), ("dark", "dark"), (SPEECH, OUT_OF_ORDER),
    ],
)  # fmt: skip
def test_an_engineer_far_away_still_learns_what_is_wrong(text: str, word: str) -> None:
    """H1: the usual faults have a word each."""
    assert spoken(text) == word
