# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The machine's sound inputs: which there are, which one a name means, and which formats they support.

Every function takes an initialised PortAudio, as PyAudio wraps it: its list of devices never changes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from daemon.errors import DeviceError
from hardware.ports import AudioFormat

RATES_HZ = (48_000, 44_100, 32_000, 16_000)
"""Rates allowed in unit.toml, the best first. Every sound card has one of the first two; AAC has them all."""
FORMAT_ERRORS = (-9997, -9998, -9994)
"""PortAudio's errors for an unsupported rate, number of channels or sample format. Others are device errors."""


class Input(msgspec.Struct, frozen=True):
    """One sound input, as PortAudio lists it."""

    index: int
    name: str
    channels: int
    """Maximum number of channels."""
    rate_hz: int
    """Its default rate."""


class Offer(msgspec.Struct, frozen=True):
    """One sound input and its supported formats, for an engineer."""

    name: str
    rates_hz: tuple[int, ...]
    """Those allowed in unit.toml."""
    channels: tuple[int, ...]
    trouble: str = ""
    """Why it cannot be used now: perhaps another process has it."""


def inputs(audio: Any) -> list[Input]:
    """All inputs that can record, in PortAudio's order."""
    found = []
    for number in range(audio.get_device_count()):
        info = audio.get_device_info_by_index(number)
        if info["maxInputChannels"] > 0:
            rate_hz = round(info["defaultSampleRate"])
            found.append(Input(number, str(info["name"]), int(info["maxInputChannels"]), rate_hz))
    return found


def choose(audio: Any, name: str | None) -> Input:
    """The input with that name, else the first whose name contains it; None: the default. Raises DeviceError."""
    found = inputs(audio)
    names = ", ".join(f'"{one.name}"' for one in found) or "no input at all"
    if name is None:
        with suppress(OSError):  # PortAudio's error for none
            default = audio.get_default_input_device_info()["index"]
            found = [one for one in found if one.index == default]
            return found[0]
        raise DeviceError(f"microphone: this machine has no default input; expected one of these by name: {names}")
    for one in sorted(found, key=lambda one: one.name != name):
        if name in one.name:
            return one
    raise DeviceError(f'microphone "{name}" is not there; expected a part of one of these names: {names}')


def negotiate(audio: Any, one: Input, asked: AudioFormat, sample_format: int) -> AudioFormat:
    """The requested format if the input supports it, else the nearest. Raises DeviceError."""
    rates = dict.fromkeys((asked.rate_hz, *(rate for rate in (one.rate_hz,) if rate in RATES_HZ), *RATES_HZ))
    for rate_hz in rates:
        for channels in (asked.channels, 3 - asked.channels):
            if has(audio, one, rate_hz, channels, sample_format):
                return AudioFormat(rate_hz, channels, one.name)
    raise DeviceError(
        f'microphone "{one.name}" has {one.channels} channel(s) at {one.rate_hz} Hz; '
        f"expected one or two at {', '.join(map(str, RATES_HZ))} Hz"
    )


def has(audio: Any, one: Input, rate_hz: int, channels: int, sample_format: int) -> bool:
    """Whether an input supports this. Raises DeviceError if it cannot be used at all."""
    if channels > one.channels:
        return False
    try:
        audio.is_format_supported(rate_hz, input_device=one.index, input_channels=channels, input_format=sample_format)
    except ValueError as error:
        if error.args[-1] in FORMAT_ERRORS:
            return False
        raise DeviceError(
            f'microphone "{one.name}": {error.args[0]}; expected one that is connected and that nobody else uses'
        ) from error
    return True


def offer(audio: Any, one: Input, sample_format: int) -> Offer:
    """The formats that an input supports now."""
    try:
        rates = [rate_hz for rate_hz in RATES_HZ if has(audio, one, rate_hz, 1, sample_format)]
        rates = rates or [rate_hz for rate_hz in RATES_HZ if has(audio, one, rate_hz, 2, sample_format)]
        channels = [n for n in (1, 2) if rates and has(audio, one, rates[0], n, sample_format)]
    except DeviceError as error:
        return Offer(one.name, (), (), str(error))
    return Offer(one.name, tuple(rates), tuple(channels))
