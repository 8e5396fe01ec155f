# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Segments: cut at key frames, whole, in time, and honest about what is missing."""

from __future__ import annotations

import io
from itertools import pairwise

import av
import pytest
from msgspec.structs import replace

from daemon.recorder.cutter import SEGMENT_NS, Clear, Cutter, Hole, audio_cutter, video_cutter
from daemon.recorder.drift import Lost
from daemon.recorder.encoder import AudioEncoder, AudioPacket
from hardware.ports import PcmBlock, VideoPacket
from tests.recorder.streams import BLOCK_FRAMES, PICTURE, SOUND, START_NS, blocks, pictures, sounds

NS = 1_000_000_000


def cut(cutter: Cutter, packets: object) -> list[Clear | Hole]:
    pieces: list[Clear | Hole] = []
    for packet in packets:  # type: ignore[attr-defined]
        pieces += cutter.lost(packet) if isinstance(packet, Lost) else cutter.feed(packet)
    return [*pieces, *cutter.end("the test is over")]


def segments(pieces: list[Clear | Hole]) -> list[Clear]:
    return [piece for piece in pieces if isinstance(piece, Clear)]


def decoded(data: bytes) -> list[tuple[float, int]]:
    """Time and size of every frame that a plain player finds."""
    with av.open(io.BytesIO(data), "r") as file:
        stream = file.streams[0]
        return [
            (frame.time or 0.0, frame.samples if isinstance(frame, av.AudioFrame) else 1)
            for packet in file.demux(stream)
            for frame in packet.decode()
            if isinstance(frame, av.AudioFrame | av.VideoFrame)
        ]


def test_image_is_cut_at_key_frames_into_seconds() -> None:
    """R5: a segment of image is one second, begins with a key frame, and ends where the next begins."""
    found = segments(cut(video_cutter(PICTURE), pictures(5)))
    assert [clear.frames for clear in found] == [25] * 5
    assert [clear.t1_ns for clear in found[:-1]] == [clear.t0_ns for clear in found[1:]]
    assert {clear.t1_ns - clear.t0_ns for clear in found} == {SEGMENT_NS}


def test_each_segment_plays_alone_and_all_play_as_one() -> None:
    """K5: every segment is a file of its own for a plain player, and so are all of them after each other."""
    found = segments(cut(video_cutter(PICTURE), pictures(4)))
    assert [len(decoded(clear.data)) for clear in found] == [25] * 4
    times = [time for time, _ in decoded(b"".join(clear.data for clear in found))]
    assert len(times) == 100
    assert all(0.039 < b - a < 0.041 for a, b in pairwise(times))


def test_sound_is_cut_into_seconds_that_join_without_a_seam() -> None:
    """R5: opened segments of sound, one after another, are every sample that was heard."""
    encoder = AudioEncoder(SOUND, 64_000)
    found = segments(cut(audio_cutter(encoder), sounds(encoder, blocks(5))))
    frames = decoded(b"".join(clear.data for clear in found))
    assert len(found) == 6, "frames of 21 ms: a segment is 0.98 s, and the rest is the last"
    assert sum(samples for _, samples in frames) == sum(clear.frames for clear in found) * 1024
    assert all(abs(b[0] - a[0] - a[1] / 48_000) < 0.001 for a, b in pairwise(frames))


def test_times_in_the_files_are_boot_times() -> None:
    """R4: sound and image are separate files and still in step, because both carry the boot clock's time."""
    encoder = AudioEncoder(SOUND, 64_000)
    image = segments(cut(video_cutter(PICTURE), pictures(2)))
    sound = segments(cut(audio_cutter(encoder), sounds(encoder, blocks(2))))
    for clear in (image[0], sound[0]):
        assert abs(decoded(clear.data)[0][0] - clear.t0_ns / 1e9 % (2**33 / 90_000)) < 0.001
    assert abs(image[0].t0_ns - sound[0].t0_ns) < 0.03 * NS  # the encoder's first frame is its lead-in, 21 ms


def test_missing_pictures_are_a_hole_in_the_chain() -> None:
    """R5: what is missing in between is said, from when to when."""
    kept = [p for p in pictures(4) if not START_NS + 1.2 * NS < p.pts_ns < START_NS + 1.6 * NS]
    pieces = cut(video_cutter(PICTURE), kept)
    holes = [piece for piece in pieces if isinstance(piece, Hole)]
    assert [(round((h.from_ns - START_NS) / NS, 2), round((h.to_ns - START_NS) / NS, 2)) for h in holes] == [
        (1.24, 1.6)
    ]


def test_after_a_long_hole_image_begins_at_a_key_frame_again() -> None:
    """R5: after a second without pictures nothing is kept that could not be decoded, and the hole says until when."""
    kept = [p for p in pictures(6) if not START_NS + 1.2 * NS < p.pts_ns < START_NS + 3.3 * NS]
    pieces = cut(video_cutter(PICTURE), kept)
    hole = next(piece for piece in pieces if isinstance(piece, Hole))
    assert hole.to_ns == START_NS + 4 * NS, "the next key frame"
    assert sum(len(decoded(clear.data)) for clear in segments(pieces)) == 31 + 50


def test_a_lost_device_names_the_hole_after_it() -> None:
    """R5: the reason for a gap is what happened to the device, also across its restart."""
    cutter = video_cutter(PICTURE)
    for packet in pictures(2):
        cutter.feed(packet)
    cutter.end("the cable was pulled")
    again = video_cutter(PICTURE)
    again.follow(cutter.end_ns, cutter.why)
    pieces = [piece for packet in pictures(2, START_NS + 9 * NS) for piece in again.feed(packet)]
    hole = next(piece for piece in pieces if isinstance(piece, Hole))
    assert (hole.reason, hole.from_ns, hole.to_ns) == ("the cable was pulled", START_NS + 2 * NS, START_NS + 9 * NS)


@pytest.mark.parametrize("early_ns", [0, 30_000_000, 200_000_000])
def test_a_key_frame_that_comes_early_ends_its_second(early_ns: int) -> None:
    """R5: where pictures come a little fast a segment is a little shorter, and never twice as long."""
    fast = [replace(p, pts_ns=START_NS + (p.pts_ns - START_NS) * (NS - early_ns) // NS) for p in pictures(5)]
    assert [clear.frames for clear in segments(cut(video_cutter(PICTURE), fast))] == [25] * 5


@pytest.mark.parametrize("step_ns", [0, 1, -1_000_000])
def test_times_that_stand_still_or_turn_are_put_right(step_ns: int) -> None:
    """R5: two pictures with one time, or one from before, cost nothing: all of them are there, in order."""
    odd = list(pictures(3))
    for n in (7, 30, 31):
        odd[n] = replace(odd[n], pts_ns=odd[n - 1].pts_ns + step_ns)
    found = segments(cut(video_cutter(PICTURE), odd))
    times = [time for clear in found for time, _ in decoded(clear.data)]
    assert len(times) == 75
    assert all(after > before for before, after in pairwise(times))


def test_a_clock_that_stands_still_does_not_fill_memory() -> None:
    """R2: the open segment has a bound in packets as well, whatever their times say."""
    cutter = video_cutter(PICTURE)
    stuck = [replace(packet, pts_ns=START_NS) for packet in pictures(30)]
    for packet in stuck:
        cutter.feed(packet)
        assert len(cutter._open) <= 250


def test_packets_that_make_no_file_are_a_hole() -> None:
    """R5: a second that cannot be muxed is lost and said; the next one is there."""
    cutter = video_cutter(PICTURE)
    good = cutter._mux

    def fails(_: object) -> bytes:
        cutter._mux = good
        raise av.ArgumentError(22, "Invalid argument")

    cutter._mux = fails
    first, *rest = cut(cutter, pictures(3))
    assert isinstance(first, Hole)
    assert (first.from_ns, first.to_ns) == (START_NS, START_NS + NS)
    assert first.reason.startswith("it could not be made a file")
    assert [clear.frames for clear in segments(rest)] == [25, 25]


def test_pictures_without_key_frames_do_not_fill_memory() -> None:
    """R2: a segment that gets no key frame is ended after five seconds; the bound holds for a broken encoder too."""
    first, *rest = pictures(12)
    keyless = [first, *(VideoPacket(p.data, p.pts_ns, key=False) for p in rest)]
    found = segments(cut(video_cutter(PICTURE), keyless))
    assert [round((clear.t1_ns - clear.t0_ns) / NS) for clear in found] == [5]


@pytest.mark.parametrize("lost_s", [0.04, 0.5, 2.0])
def test_lost_blocks_are_a_hole_and_the_sound_after_them_is_on_time(lost_s: float) -> None:
    """R5: an overflow of the sound card is one hole, however short; what follows bears its own time. Silence stands for
    less than a second, so that the samples alone say the right time too; for more, nothing does.
    """
    encoder = AudioEncoder(SOUND, 64_000)
    kept = [b for b in blocks(6) if not START_NS + 1.5 * NS <= b.pts_ns < START_NS + (1.5 + lost_s) * NS]
    pieces = cut(audio_cutter(encoder), list(sounds(encoder, iter(kept))))
    (hole,) = [piece for piece in pieces if isinstance(piece, Hole)]
    assert hole.reason == "samples are missing"
    assert (hole.to_ns - hole.from_ns) / NS == pytest.approx(lost_s, abs=0.03)
    found = segments(pieces)
    assert found[-1].t1_ns == pytest.approx(START_NS + 6 * NS, abs=0.06 * NS)
    frames = decoded(b"".join(clear.data for clear in found))
    gaps = [b[0] - a[0] - a[1] / 48_000 for a, b in pairwise(frames)]
    assert sum(gap > 0.001 for gap in gaps) == (1 if lost_s > 1 else 0)
    assert sum(samples for _, samples in frames) / 48_000 == pytest.approx(4 if lost_s > 1 else 6, abs=0.08)


def test_a_late_first_stamp_is_made_good() -> None:
    """R5: when the first block was stamped 100 ms late, the sound begins on time all the same."""
    encoder = AudioEncoder(SOUND, 64_000)
    first, *rest = blocks(6)
    late = PcmBlock(first.data, BLOCK_FRAMES, first.pts_ns + 100_000_000, overflow=False)
    packets = [part for part in sounds(encoder, iter([late, *rest])) if isinstance(part, AudioPacket)]
    assert abs(packets[1].pts_ns - START_NS) < 1e6, "the first is the encoder's lead-in"
    assert all(abs(b.pts_ns - a.pts_ns - 1024 * NS / 48_000) < 10 for a, b in pairwise(packets))


def test_forget_leaves_nothing_open() -> None:
    """R2: after `forget` a cutter holds no packet, and what comes next is no hole."""
    cutter = video_cutter(PICTURE)
    packets = list(pictures(3))
    for packet in packets[:40]:
        cutter.feed(packet)
    cutter.forget()
    assert cutter.open_since_ns is None
    pieces = [piece for packet in packets[40:] for piece in cutter.feed(packet)]
    assert not [piece for piece in pieces if isinstance(piece, Hole)]
