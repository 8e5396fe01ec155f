# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What an H.264 packet contains (ITU-T H.264, 7.3): its parameter sets, and whether an earlier one is missing.

Invariant: a key frame is one that can be decoded alone, whatever its encoder calls it. Only the first bytes of a slice
are read. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardware.ports import VideoPacket

SLICE, IDR, SPS, PPS = 1, 5, 7, 8
"""nal_unit_type, table 7-1."""
HEAD_BYTES = 64
"""Bytes of a parameter set or a slice: more than the fields read here can take."""
HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""profile_idc values that are followed by chroma_format_idc, 7.3.2.1.1."""


class Pictures:
    """One camera's packets from start to stop. One thread."""

    def __init__(self) -> None:
        self._sets: dict[int, bytes] = {}
        """The newest parameter sets, by kind, with their start codes."""
        self._bits, self._planes = 0, False
        self._before: int | None = None
        """frame_num of the last reference picture; None: not known."""

    def key(self, packet: VideoPacket) -> VideoPacket | None:
        """Return the packet as a key frame that can be decoded alone, with its parameter sets; None: it is not one."""
        found = dict(_units(packet.data))
        mine = {kind: found[kind] for kind in (SPS, PPS) if kind in found}
        if SPS in mine:
            self._read_sps(mine[SPS])
        lacking = {SPS, PPS} - mine.keys()
        if not packet.key or IDR not in found:
            return None
        if not lacking:
            self._sets = mine
            return packet
        if not lacking <= self._sets.keys():
            return None
        before = b"".join(self._sets[kind] for kind in (SPS, PPS))
        return VideoPacket(before + packet.data, packet.pts_ns, key=True)

    def whole(self, packet: VideoPacket) -> bool:
        """Whether everything that this picture refers to has come; True if unknown. Call it for every picture."""
        for kind, unit in _units(packet.data):
            if kind not in (SLICE, IDR):
                continue
            before, self._before = self._before, None
            number = 0 if kind == IDR else self._frame_num(unit)
            if number is None:
                return True
            is_made_from = unit[_header(unit)] & 0x60
            self._before = number if is_made_from else before
            return kind == IDR or before is None or (number - before) % (1 << self._bits) <= 1
        return True

    def _read_sps(self, unit: bytes) -> None:
        try:
            self._bits, self._planes = _log2_max_frame_num(unit)
        except IndexError:
            self._bits = 0

    def _frame_num(self, unit: bytes) -> int | None:
        if not self._bits:
            return None
        try:
            bits = _Bits(unit[_header(unit) + 1 :])
            for _ in range(3):  # first_mb_in_slice, slice_type, pic_parameter_set_id
                bits.exp_golomb()
            if self._planes:
                bits.take(2)
            return bits.take(self._bits)
        except IndexError:
            return None


class _Bits:
    """Reads bits. Raises IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        # 7.4.1: a 3 is inserted after two zero bytes, so that no start code occurs in the data.
        self._data, self._at = data[:HEAD_BYTES].replace(b"\0\0\3", b"\0\0"), 0

    def take(self, count: int) -> int:
        """An unsigned number of this many bits."""
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - self._at % 8) & 1
            self._at += 1
        return value

    def exp_golomb(self) -> int:
        """ue(v), 9.1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def _log2_max_frame_num(unit: bytes) -> tuple[int, bool]:
    """Bits of frame_num, and whether a slice names its colour plane; 0 bits: a set that is not read here."""
    bits = _Bits(unit[_header(unit) + 1 :])
    profile = bits.take(8)
    bits.take(16)
    bits.exp_golomb()  # seq_parameter_set_id
    planes = False
    if profile in HIGH:
        if bits.exp_golomb() == 3:  # noqa: PLR2004 - chroma_format_idc of 4:4:4
            planes = bool(bits.take(1))
        bits.exp_golomb()
        bits.exp_golomb()
        bits.take(1)
        if bits.take(1):  # seq_scaling_matrix_present_flag: no camera's encoder has one
            return 0, False
    return bits.exp_golomb() + 4, planes


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and bytes of each unit up to the first slice, with start code; of a slice only the first bytes."""
    at = data.find(b"\0\0\1")
    while at >= 0 and at + 3 < len(data):
        kind = data[at + 3] & 0x1F
        if kind in (SLICE, IDR):
            yield kind, data[at : at + HEAD_BYTES]
            return
        after = data.find(b"\0\0\1", at + 3)
        yield kind, data[at : after if after >= 0 else len(data)].rstrip(b"\0")
        at = after


def _header(unit: bytes) -> int:
    """Offset of a unit's header: after its start code."""
    return unit.find(b"\0\0\1") + 3
