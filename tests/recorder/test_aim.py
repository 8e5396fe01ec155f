# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the recorder says while somebody aims: moments and blocks, and nothing before or after."""

from __future__ import annotations

from daemon import wire
from daemon.recorder.aim import AIM_DAY_NS, AIM_MAX_NS, DAY_NS, Aim
from hardware.ports import AudioFormat, PcmBlock, VideoPacket

NS = 1_000_000_000
SOUND = AudioFormat(48_000, 1)
QUIET, CLAP = b"\x20\x00" * 960, b"\x00\x60" * 960


class Said(list[wire.Blocks | wire.Claps]):
    """What the recorder has said."""

    def say(self, word: wire.Blocks | wire.Claps) -> bool:
        """One word more."""
        self.append(word)
        return True


def seconds_of(aim: Aim, from_s: int, to_s: int) -> None:
    """A clap at the beginning of each second, heard and seen at one moment."""
    for n in range(from_s * 50, to_s * 50):
        at_ns = n * NS // 50
        aim.frame(PcmBlock(CLAP if n % 50 == 0 else QUIET, 960, at_ns, overflow=False), SOUND, at_ns)
        if n % 2 == 0:
            aim.frame(VideoPacket(bytes(9_000 if n % 50 == 0 else 900), at_ns, key=n % 50 == 24), SOUND, at_ns)
        aim.turn(at_ns)


def test_claps_are_said_by_their_moments_while_somebody_aims() -> None:
    """H1, R5: sound and image are told by the moment at which each began, nothing before the engineer asked, nothing
    after his time.
    """
    said = Said()
    aim = Aim(None, said.say)
    seconds_of(aim, 0, 5)
    assert said == []
    aim.ask(10 * NS, 5 * NS)
    seconds_of(aim, 5, 12)
    claps = [word for word in said if isinstance(word, wire.Claps)]
    assert len(claps) == len(said)
    assert [at for word in claps for at in word.heard_ns] == [6 * NS, 7 * NS, 8 * NS, 9 * NS]
    assert [at for word in claps for at in word.seen_ns] == [7 * NS, 8 * NS, 9 * NS]  # the usual has to be known first


def test_nobody_aims_for_longer_than_a_turn() -> None:
    """H1: whatever is asked, five minutes end it."""
    said = Said()
    aim = Aim(None, said.say)
    aim.ask(10**15, 0)
    end_s = AIM_MAX_NS // NS
    seconds_of(aim, end_s, end_s + 3)
    assert said == []


def aimed_s(aim: Aim, said: Said, from_s: int, to_s: int) -> int:
    """In how many of these seconds something is said, where an alarm process asks again each second."""
    count = 0
    for second in range(from_s, to_s):
        said.clear()
        at_ns = second * NS
        aim.ask(2**62, at_ns)
        aim._heard = [at_ns]
        aim.turn(at_ns + 1)
        count += bool(said)
    return count


def test_nobody_aims_for_longer_than_an_hour_a_day() -> None:
    """H1: an alarm process that was taken over asks again and again, day after day; it gets an hour of each."""
    said = Said()
    aim = Aim(None, said.say)
    hour, day = AIM_DAY_NS // NS, DAY_NS // NS
    assert aimed_s(aim, said, 0, 2 * hour) == hour
    assert aimed_s(aim, said, day - 60, day + 60) == 60
    assert aimed_s(aim, said, day + 60, day + 2 * hour) == hour - 60


def test_a_turn_that_is_ended_early_costs_what_it_lasted() -> None:
    """H1: an engineer who aims for ten seconds, a hundred times a day, is refused none of them."""
    said = Said()
    aim = Aim(None, said.say)
    for n in range(100):
        aim.ask(2**62, n * 60 * NS)
        aim._heard = [1]
        aim.turn(n * 60 * NS + 1)
        aim.ask(0, (n * 60 + 10) * NS)
    assert len(said) == 100
