# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a track puts into its ring: pictures that are whole, segments that decode to what was there."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model.sound import SoundMeter
from daemon.recorder.cutter import Clear, Cutter, Hole, audio_cutter, video_cutter
from daemon.recorder.drift import Drift, Lost
from daemon.recorder.encoder import AudioEncoder, AudioPacket
from daemon.recorder.nal import Pictures
from daemon.recorder.ring import Sealed
from daemon.recorder.usable import ENOUGH, EVERY_NS, LOOK_NS, Proof, Share, judge_image, judge_sound
from hardware.ports import AudioFormat, PcmBlock, PictureFigures, VideoPacket
from tests.recorder.streams import BLOCK_FRAMES, PICTURE, SOUND, START_NS, blocks, pictures, sounds
from tests.recorder.test_track import Story

NS = 1_000_000_000


def image(seconds: float = 2) -> Clear:
    """A second of image, as it is before it is sealed."""
    cutter = video_cutter(PICTURE)
    return next(c for p in pictures(seconds) for c in cutter.feed(p) if isinstance(c, Clear))


def seen(brightness_pct: float, sharpness_pct: int | None = None) -> PictureFigures:
    return PictureFigures(START_NS, brightness_pct, sharpness_pct, 0.0)


@pytest.mark.case("recorder 9")
def test_image_is_held_against_what_the_camera_saw() -> None:
    """H1: a segment that decodes to the picture that was there is well; one that decodes to another is named."""
    clear = image()
    assert judge_image(clear, seen(51.0), whole=True) == ""
    assert judge_image(clear, None, whole=False) == ""
    assert "light" in judge_image(clear, seen(95.0), whole=False)
    assert "sharp" in judge_image(clear, seen(51.0, 4000), whole=False)


@pytest.mark.case("recorder 9")
@pytest.mark.parametrize("damage", [lambda data: data[:400], lambda _: b"", lambda data: bytes(len(data))])
def test_image_that_does_not_decode_is_named(damage: Callable[[bytes], bytes]) -> None:
    """H1: half a file, no file, nought: whatever an encoder and a muxer made, it is said that nothing decodes."""
    clear = image()
    assert "decode" in judge_image(replace(clear, data=damage(clear.data)), None, whole=True)


@pytest.mark.case("recorder 9")
def test_sound_is_held_against_what_the_microphone_heard() -> None:
    """H1: a second of sound decodes to the level that was heard, or is named."""
    encoder, meter = AudioEncoder(SOUND, 64_000), SoundMeter(48_000, 1)
    cutter, found = audio_cutter(encoder), []
    for block in blocks(4):
        meter.feed(block)
        found += [c for p in encoder.encode(block) if isinstance(p, AudioPacket) for c in cutter.feed(p)]
    clear = next(c for c in found[1:] if isinstance(c, Clear))
    raw_dbfs = meter.dbfs_between(clear.t0_ns, clear.t1_ns)
    assert raw_dbfs == pytest.approx(-15.3, abs=0.2)
    assert judge_sound(clear, raw_dbfs, 48_000) == ""
    assert "loud" in judge_sound(clear, -40.0, 48_000)
    assert "decode" in judge_sound(replace(clear, data=clear.data[:200]), raw_dbfs, 48_000)
    assert meter.dbfs_between(0, NS) is None, "what was not measured is not compared"


@pytest.mark.case("recorder 9")
def test_two_segments_make_a_fault_within_ten_seconds_and_one_ends_it() -> None:
    """H1: one odd segment is none; two on end are, ten seconds after the first bad one at most."""
    wrong, looked = [""], list[int]()

    def judge(clear: Clear, whole: bool) -> str:  # noqa: FBT001 - a Proof's
        del whole
        looked.append(clear.t1_ns)
        return wrong[0]

    proof = Proof(judge)

    def see(second: int) -> None:
        proof.feed(Clear("video", second * NS, (second + 1) * NS, 25, b""))

    for second in range(12):
        see(second)
    assert [b - a for a, b in pairwise(looked)] == [EVERY_NS, EVERY_NS]
    wrong[0] = "nothing decodes"
    named = next(second for second in range(12, 30) if see(second) is None and proof.words)  # type: ignore[func-returns-value]
    assert named - 12 < 10
    wrong[0] = ""
    for second in range(30, 37):
        see(second)
    assert proof.words == ""


@pytest.mark.case("recorder 9")
@pytest.mark.case("years 3")
@given(st.floats(0, 1))
def test_what_is_there_for_less_than_three_quarters_is_a_fault(share: float) -> None:
    """H1: whatever share of each second is whole, below three quarters it is named after ten seconds, and no sooner."""
    found = Share(0)
    for second in range(1, 11):
        assert found.words(second * NS - 1) == ""
        found.feed(second * NS, round(share * NS))
    assert bool(found.words(LOOK_NS + 1)) == (round(share * NS) * 10 / LOOK_NS < ENOUGH)


@pytest.mark.case("recorder 9")
@pytest.mark.parametrize("dead", [0, 1])
def test_one_dead_channel_of_two_is_named(dead: int) -> None:
    """H1: a channel that hears nothing while the other is heard for ten seconds is a fault, and none once it hears."""
    meter = SoundMeter(48_000, 2)
    tone = np.zeros((960, 2), "<i2")
    tone[:, 1 - dead] = 4000 * np.sin(np.arange(960) / 7)
    for n in range(510):
        assert not meter.trouble or n > 490
        meter.feed(PcmBlock(tone.tobytes(), 960, n * NS // 50, overflow=False))
    assert ("left", "right")[dead] in meter.trouble
    tone[:, dead] = tone[:, 1 - dead]
    meter.feed(PcmBlock(tone.tobytes(), 960, 0, overflow=False))
    assert not meter.trouble


# --- H.264 ----------------------------------------------------------------------------------------------------------


def test_every_picture_of_an_encoder_is_whole_and_each_key_frame_is_one() -> None:
    """R5: nothing is wrong with what an encoder makes, over more pictures than frame_num counts."""
    found = Pictures()
    packets = list(pictures(5))
    assert [found.key(p) is not None for p in packets if p.key] == [True] * 5
    assert all(found.whole(packet) for packet in packets)


@pytest.mark.case("recorder 12")
@pytest.mark.parametrize("lost", [1, 3, 11])
def test_pictures_after_a_lost_one_do_not_count_as_good(tmp_path: Path, lost: int) -> None:
    """R5, H1: packets that are lost after the encoder damage what is made from them: up to the next key frame those
    pictures are kept, are not counted, and a gap says so.
    """
    story = Story(tmp_path)
    items = []
    for n, packet in enumerate(pictures(3, story.began_ns)):
        if not 30 <= n < 30 + lost:
            items += story.track.take(packet, packet.pts_ns)
    second = [item for item in items if isinstance(item, Sealed)][1]
    assert second.frames == 5, "those before the loss"
    gap = next(item for item in items if isinstance(item, Hole) and "damaged" in item.reason)
    assert (gap.from_ns, gap.to_ns) == (story.began_ns + (30 + lost) * NS // 25, story.began_ns + 2 * NS)


@pytest.mark.case("recorder 9")
def test_parameter_sets_that_came_once_stand_before_each_key_frame() -> None:
    """K5: an encoder that says them only at its start makes segments that play alone all the same; before it has said
    them nothing is a key frame.
    """
    packets = [packet for packet in pictures(3) if packet.key]
    bare = [replace(p, data=p.data[p.data.find(b"\x00\x00\x01\x65") :]) for p in packets]
    found = Pictures()
    assert found.key(bare[0]) is None
    assert found.key(packets[0]) == packets[0]
    key = found.key(bare[1])
    assert key is not None
    assert b"\x00\x00\x01\x67" in key.data


@given(st.binary(max_size=300), st.booleans())
def test_no_packet_is_too_strange_to_be_looked_at(data: bytes, key: bool) -> None:  # noqa: FBT001 - as drawn
    """R8: whatever an encoder sends, looking at it ends nothing."""
    found = Pictures()
    for packet in pictures(0.1):
        found.key(packet)
        found.whole(packet)
    packet = VideoPacket(b"\x00\x00\x01" + data, 0, key)
    found.key(packet)
    found.whole(packet)


# --- short holes, stalls, what is held ------------------------------------------------------------------------------


@pytest.mark.case("recorder 9")
def test_five_pictures_a_second_are_one_line_a_second() -> None:
    """R5: many short holes in one second are told together, with how many there are."""
    cutter = video_cutter(PICTURE)
    pieces = [piece for n, p in enumerate(pictures(4)) if n % 5 == 0 for piece in cutter.feed(p)]
    holes = [piece for piece in pieces if isinstance(piece, Hole)]
    assert len(holes) == 3
    assert all(hole.reason == "frames are missing (5 times)" for hole in holes[1:])


@pytest.mark.case("recorder 12")
@pytest.mark.parametrize("stall_s", [0.3, 1.0, 1.7])
def test_a_stall_with_arrivals_alone_is_no_lost_sound(stall_s: float) -> None:
    """R5: where the converter gives no time, blocks that were held up and come all at once have lost nothing."""
    drift, found = Drift(48_000), []
    for block in blocks(8):
        at_s = (block.pts_ns - START_NS) / NS
        late_ns = START_NS + round((4 + stall_s) * NS) - block.pts_ns if 4 <= at_s < 4 + stall_s else 0
        found += drift.place(replace(block, pts_ns=block.pts_ns + max(0, late_ns), stamped=False))
    assert [placed.lost for placed in found if placed.lost] == []


@pytest.mark.case("recorder 12")
def test_a_true_loss_with_arrivals_alone_is_told() -> None:
    """R5: what follows a loss keeps coming late: that is told, also without the converter's times."""
    drift, found = Drift(48_000), []
    for n, block in enumerate(blocks(8)):
        if not 200 <= n < 230:
            found += drift.place(replace(block, stamped=False))
    (lost,) = [placed.lost for placed in found if placed.lost]
    assert (lost.to_ns - lost.from_ns) / NS == pytest.approx(0.6, abs=0.02)


@pytest.mark.case("recorder 12")
def test_forget_leaves_nothing_in_the_encoder() -> None:
    """R1, R9: after `forget` not a sample of what was heard before comes out of the encoder."""
    encoder = AudioEncoder(SOUND, 64_000)
    cutter: Cutter = audio_cutter(encoder)
    for packet in sounds(encoder, blocks(1.03)):
        if not isinstance(packet, Lost):
            cutter.feed(packet)
    encoder.forget()
    cutter.forget()
    later = START_NS + 10 * NS
    silence = (replace(b, data=bytes(len(b.data)), pts_ns=b.pts_ns - START_NS + later) for b in blocks(3))
    pieces = [c for p in sounds(encoder, silence) if isinstance(p, AudioPacket) for c in cutter.feed(p)]
    first = next(piece for piece in pieces if isinstance(piece, Clear))
    assert judge_sound(first, -15.0, 48_000) == "what is recorded is not as loud as what it hears"
    assert first.t0_ns >= later - NS // 10


@pytest.mark.case("years 7")
def test_a_microphone_that_comes_and_goes_leaves_no_thread_and_no_filter() -> None:
    """H1: an encoder that is let go of takes its filter and its threads with it, without waiting for a collection."""
    gc.disable()
    try:
        threads = _threads()
        for _ in range(20):
            encoder = AudioEncoder(AudioFormat(48_000, 2), 96_000)
            data = bytes(BLOCK_FRAMES * 4)
            for n in range(30):
                list(encoder.encode(PcmBlock(data, BLOCK_FRAMES, START_NS + n * NS // 50, overflow=False)))
            encoder.close()
            del encoder
        assert _threads() - threads <= 2
    finally:
        gc.enable()


def _threads() -> int:
    """Of this process, native ones as well."""
    assert threading.active_count()
    return len(list(Path("/proc/self/task").iterdir()))
