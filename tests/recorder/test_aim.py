# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the recorder says while somebody aims: moments and blocks, and nothing before or after."""

from __future__ import annotations

from daemon import wire
from daemon.recorder.aim import AIM_MAX_NS, Aim
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
