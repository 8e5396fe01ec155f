# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The time of a simulated room, shared by all its processes through one small mapped file.

The file, in the machine's own byte order (it never leaves it):

    0   16 B  magic            "spreekkamer-clk1"
    16  16 B  boot id          random for each file; never written again
    32  40 B  record 0         number u64, boot offset ns i64, wall offset ns i64, synchronised u64, CRC-32 of these u64
    72  40 B  record 1         the same

Invariant: a writer takes the file's lock and writes the older record, numbered one higher. A reader takes no lock: it
copies both records and believes the highest-numbered one with a valid CRC. So it never sees half an update, whatever
order a processor's writes become visible in, and a writer that is killed halfway has changed nothing. Both offsets
count from the machine's boot clock: a step of the machine's own wall clock does not reach the room.
"""

from __future__ import annotations

import fcntl
import mmap
import struct
import time
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon.errors import DeviceError
from hardware.ports import ClockReading, ClockState

NS = 1_000_000_000
MAGIC = b"spreekkamer-clk1"
FIELDS = struct.Struct("=QqqQ")
CRC = struct.Struct("=Q")
RECORD_BYTES = FIELDS.size + CRC.size
RECORDS_AT = 32
FILE_BYTES = RECORDS_AT + 2 * RECORD_BYTES
BOOTED_NS = 8 * NS
"""Boot time when the unit's first process starts, about as on a Pi."""
READS_MAX = 100
"""Attempts to read a complete record. The second succeeds, unless writers follow within microseconds."""


class _Record(msgspec.Struct, frozen=True):
    number: int
    boot_offset_ns: int
    wall_offset_ns: int
    synchronised: bool

    def packed(self) -> bytes:
        fields = FIELDS.pack(self.number, self.boot_offset_ns, self.wall_offset_ns, self.synchronised)
        return fields + CRC.pack(zlib.crc32(fields))


class SimClock:
    """`hardware.ports.Clock` of a room, which a test or a scenario can move. Any thread, any process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), FILE_BYTES)
        except (OSError, ValueError) as error:
            raise DeviceError(f"clock {path}: {error}; expected the clock file of a simulated room") from error
        if self._map[: len(MAGIC)] != MAGIC:
            raise DeviceError(f"clock {path}: not a clock file; expected one that SimClock.create made")
        self._boot_id = str(uuid.UUID(bytes=self._map[16:32]))
        self._seen = (b"", _Record(0, 0, 0, synchronised=False))  # the last copy and its content: one name, one store
        self._current()

    @classmethod
    def create(cls, path: Path) -> SimClock:
        """A new room's clock, with the machine's time, synchronised, and with a new boot id.

        Replaces an existing file; a process that has the old one open stays with the old time.
        """
        start = _Record(0, 0, time.time_ns() - _host_ns(), synchronised=True).packed()
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes(MAGIC + uuid.uuid4().bytes + start + bytes(RECORD_BYTES))
        beside.replace(path)
        return cls(path)

    @classmethod
    def reboot(cls, path: Path, off_s: float = 0.0) -> SimClock:
        """The machine has been without power for this long, and has booted: a new boot id and a new boot clock.

        The wall clock has gone on, like a time server's; whether it is synchronised does not change.
        """
        was = cls(path).read()
        wall_ns = was.wall_ns + round(off_s * NS) + BOOTED_NS
        start = _Record(0, BOOTED_NS - _host_ns(), wall_ns - _host_ns(), was.state == "synchronised").packed()
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes(MAGIC + uuid.uuid4().bytes + start + bytes(RECORD_BYTES))
        beside.replace(path)
        return cls(path)

    def boot_ns(self) -> int:
        """Nanoseconds since the room's boot."""
        return _host_ns() + self._current().boot_offset_ns

    def read(self) -> ClockReading:
        """Both clocks at exactly one moment."""
        now, host_ns = self._current(), _host_ns()
        state: ClockState = "synchronised" if now.synchronised else "unsynchronised"
        return ClockReading(host_ns + now.boot_offset_ns, host_ns + now.wall_offset_ns, state)

    def boot_id(self) -> str:
        """Random, made with the file."""
        return self._boot_id

    def advance(self, seconds: float) -> None:
        """Move both clocks on at once. Raises ValueError for a step back, which no boot clock makes."""
        if seconds < 0:
            raise ValueError(f"a boot clock never goes back: {seconds} s; set_wall moves the wall clock alone")
        by_ns = round(seconds * NS)
        self._write(
            lambda was: _Record(
                was.number + 1, was.boot_offset_ns + by_ns, was.wall_offset_ns + by_ns, was.synchronised
            )
        )

    def set_wall(self, utc_ns: int) -> None:
        """Step the wall clock to this UTC, right or wrong; the boot clock goes on."""
        wall_ns = utc_ns - _host_ns()
        self._write(lambda was: _Record(was.number + 1, was.boot_offset_ns, wall_ns, was.synchronised))

    def set_synchronised(self, synchronised: bool) -> None:  # noqa: FBT001 - a setter of one truth
        """Set whether the room's wall clock counts as synchronised. Moves no clock."""
        self._write(lambda was: _Record(was.number + 1, was.boot_offset_ns, was.wall_offset_ns, synchronised))

    def _current(self) -> _Record:
        for _ in range(READS_MAX):
            copied = self._map[RECORDS_AT:FILE_BYTES]
            seen, record = self._seen
            if copied == seen:
                return record
            whole = [_unpacked(copied[:RECORD_BYTES]), _unpacked(copied[RECORD_BYTES:])]
            found = [record for record in whole if record is not None]
            if found:
                record = max(found, key=lambda one: one.number)
                self._seen = (copied, record)
                return record
        raise DeviceError(f"clock {self._path}: no whole record in {READS_MAX} reads; expected one of two")

    def _write(self, change: Callable[[_Record], _Record]) -> None:
        # A new descriptor each time: flock tells threads apart by their open files. It waits for a writer's
        # microseconds, and the kernel releases the lock of a killed one.
        with self._path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            record = change(self._current())
            at = RECORDS_AT + record.number % 2 * RECORD_BYTES
            self._map[at : at + RECORD_BYTES] = record.packed()


def _unpacked(packed: bytes) -> _Record | None:
    """Parse a record; None: it is half written. Forty zero bytes, a record never written, are invalid too."""
    fields, crc = packed[: FIELDS.size], packed[FIELDS.size :]
    if CRC.pack(zlib.crc32(fields)) != crc:
        return None
    number, boot_offset_ns, wall_offset_ns, synchronised = FIELDS.unpack(fields)
    return _Record(number, boot_offset_ns, wall_offset_ns, bool(synchronised))


def _host_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
