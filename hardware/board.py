# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The board itself: power, temperature and wear of the card, read from the kernel's files.

Invariant: nothing is guessed. A value that a board does not show is None, and the caller says so.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
"""The firmware's flags in hexadecimal (Raspberry Pi documentation, vcgencmd get_throttled); world-readable."""
NOW = {0: "under-voltage", 1: "the processor's clock is capped", 2: "throttled", 3: "the temperature limit is reached"}
SINCE_BOOT = {bit + 16: f"{words}, since it started" for bit, words in NOW.items()}
UNDER_VOLTAGE = "sys/class/hwmon"
"""Directory of the driver rpi_volt: in0_lcrit_alarm is 1 while the supply is below 4.63 V."""
TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
MODEL = "proc/device-tree/model"
PRE_EOL = {"0x02": "80 % of its spare blocks are used", "0x03": "its spare blocks are nearly used up"}
"""JEDEC eMMC 5.0, EXT_CSD 267; an SD card has no such register."""
LIFE_USED_TENTH_MAX = 9
"""EXT_CSD 268 and 269: 1 means up to a tenth of its life is used, 10 up to all of it, 11 beyond."""


class Board(msgspec.Struct, frozen=True):
    """What the board reports now."""

    model: str | None
    power_now: tuple[str, ...] | None
    """What is wrong with its power at this moment; None: the board does not tell."""
    power_before: tuple[str, ...]
    """What was wrong at some time since it started."""
    celsius: float | None
    card_worn: str | None
    """The card's wear; empty: it is well; None: it does not tell."""


def read(root: Path = Path("/")) -> Board:
    """Read the board below `root`, which is / except for a simulated one. Any thread; takes a millisecond."""
    millidegrees = _number(root / TEMPERATURE, 10)
    return Board(
        model=_text(root / MODEL),
        power_now=_power_now(root),
        power_before=_bits(root, SINCE_BOOT) or (),
        celsius=None if millidegrees is None else millidegrees / 1000,
        card_worn=_worn(root),
    )


def _power_now(root: Path) -> tuple[str, ...] | None:
    bits, alarm = _bits(root, NOW), _under_voltage(root)
    if bits is None and alarm is None:
        return None
    return tuple(dict.fromkeys((*(("under-voltage",) if alarm else ()), *(bits or ()))))


def _bits(root: Path, meanings: dict[int, str]) -> tuple[str, ...] | None:
    word = _number(root / THROTTLED, 16)
    return None if word is None else tuple(words for bit, words in meanings.items() if word >> bit & 1)


def _under_voltage(root: Path) -> bool | None:
    for sensor in sorted((root / UNDER_VOLTAGE).glob("hwmon*")):
        if _text(sensor / "name") == "rpi_volt":
            alarm = _number(sensor / "in0_lcrit_alarm", 10)
            return None if alarm is None else bool(alarm)
    return None


def _worn(root: Path) -> str | None:
    """The wear of the first card that reports it."""
    for card in sorted((root / "sys/block").glob("mmcblk*/device")):
        spare, used = _text(card / "pre_eol_info"), _text(card / "life_time")
        if spare is None and used is None:
            continue
        worn = [PRE_EOL[spare]] if spare in PRE_EOL else []
        tenths = [int(word, 16) for word in (used or "").split() if word.startswith("0x")]
        if max(tenths, default=0) > LIFE_USED_TENTH_MAX:
            worn.append("more than nine tenths of its life is used")
        return "; ".join(worn)
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip("\0 \n") or None
    except (OSError, UnicodeDecodeError):
        return None  # this board does not show it


def _number(path: Path, base: int) -> int | None:
    text = _text(path)
    try:
        return None if text is None else int(text, base)
    except ValueError:
        return None  # something else is there
