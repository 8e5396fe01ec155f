# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The machine: power, temperature, clock, disk, processes. Nobody has to be in the room for these."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.check.asking import CheckedRoom, board_root
from daemon.check.finding import Finding, Verdict
from daemon.model import faults, space
from daemon.times import local_of
from hardware import board, discard, machine

HOT_C = (70.0, 80.0)
"""Warm for a wall box, and where a Pi begins to throttle its processor (Raspberry Pi documentation, Frequency
management and thermal control)."""
MARGIN = 3
"""The disk has to be this much faster than a recording: it deletes and journals at the same time, and flash stalls."""
HOURS_MIN = 24
"""Less free disk than these hours of recording is a warning: a weekend of alarms on a card that was nearly full."""


def power(room: CheckedRoom) -> Iterator[Finding]:
    """Under-voltage and throttling, now and since the start."""
    found = board.read(board_root(room.paths))
    figures = {"now": found.power_now, "before": found.power_before}
    if found.power_now is None:
        yield Finding("power", "skipped", "this board does not tell", figures=figures)
    elif found.power_now:
        todo = "Use the Pi's own power supply and a short cable; take USB devices off that draw much."
        yield Finding("power", "fault", "; ".join(found.power_now), todo, figures)
    elif found.power_before:
        todo = "Look at supply and cooling; start the unit anew and check again after an hour's recording."
        yield Finding("power", "warning", "; ".join(found.power_before), todo, figures)
    else:
        yield Finding("power", "ok", "no under-voltage, no throttling", figures=figures)


def temperature(room: CheckedRoom) -> Iterator[Finding]:
    """The temperature of the processor."""
    celsius = board.read(board_root(room.paths)).celsius
    if celsius is None:
        yield Finding("temperature", "skipped", "this board does not tell")
        return
    warm, hot = HOT_C
    verdict: Verdict = "ok" if celsius < warm else "warning" if celsius < hot else "fault"
    todo = "" if celsius < warm else "Give the box air, or the Pi a cooler: from 80 degrees on it slows down."
    yield Finding("temperature", verdict, f"{celsius:.0f} degrees", todo, {"celsius": celsius})


def clock(room: CheckedRoom) -> Iterator[Finding]:
    """Whether the clock is kept synchronised: terms and times depend on it."""
    health = room.health()
    if not health:
        yield Finding("clock", "skipped", "the alarm process is not there to ask")
    elif health["clock"] == "synchronised":
        yield Finding("clock", "ok", f"{local_of(health['at'], room.place, 'seconds')}, synchronised")
    else:
        todo = "Let the unit reach a time server: timedatectl timesync-status, and port 123 of the firewall."
        yield Finding("clock", "fault", f"{local_of(health['at'], room.place, 'seconds')}, not synchronised", todo)


def time_zone(room: CheckedRoom) -> Iterator[Finding]:
    """In which zone the policy's days begin, and the machine's own where it is another."""
    days, own = room.settings.policy.zone, machine.time_zone(board_root(room.paths))
    if own in {None, days}:
        yield Finding("time zone", "ok", f"{days}, by the policy", figures={"machine": own})
        return
    text = f"{days}, by the policy; the machine's own is {own}: its journal shows other times, and nothing else"
    yield Finding("time zone", "ok", text, figures={"machine": own})


def disk(room: CheckedRoom) -> Iterator[Finding]:
    """Space, speed and wear of the store's disk."""
    recorder = room.health().get("recorder")
    if room.settings.policy.tracks() and recorder:
        yield _free(room, int(recorder["free_bytes"]))
    yield _discard(room)
    worn = board.read(board_root(room.paths)).card_worn
    if worn is None:
        yield Finding("card", "skipped", "this card does not tell of its wear")
    elif worn:
        yield Finding("card", "fault", worn, "Replace the card; set the unit up anew on it.")
    else:
        yield Finding("card", "ok", "not worn")


def _discard(room: CheckedRoom) -> Finding:
    """Whether deleted data is discarded from the flash too: at once, or within a week."""
    try:
        found = discard.read(room.paths.store, board_root(room.paths))
    except OSError as error:
        return Finding("discard", "skipped", f"the store cannot be looked at: {error.strerror}")
    if found is None:
        return Finding("discard", "skipped", "this machine does not tell how its disk is mounted")
    figures = {"mount": found.mount, "kind": found.kind, "discard": found.is_mounted_with, "timer": found.has_timer}
    if found.is_done:
        how = "at once" if found.is_mounted_with else "once a week"
        return Finding("discard", "ok", f"{found.mount}: what is deleted is discarded {how}", figures=figures)
    if found.is_possible is False:
        text = f"{found.mount}: this disk takes no discards: what is deleted stays until it is written over"
        return Finding(
            "discard", "warning", text, "Destroy the disk when the unit goes; keys are never on it.", figures
        )
    text = f"{found.mount}: what is deleted is never discarded"
    return Finding("discard", "fault", text, "systemctl enable --now fstrim.timer, or mount it with discard.", figures)


def _free(room: CheckedRoom, free_bytes: int) -> Finding:
    """The free space, in hours of what this room records."""
    unit = room.settings.unit
    hours = free_bytes / (_bits_s(room) / 8) / 3600
    figures = {"free_bytes": free_bytes, "hours": round(hours, 1)}
    text = f"{free_bytes / 1e9:.1f} GB free: {hours:.0f} hours of recording"
    if space.thresholds(unit, room.settings.policy).refusal(free_bytes):
        todo = "No conversation is recorded now. Look at holds (hold list), or fit a larger disk."
        return Finding("disk", "fault", text, todo, figures)
    if hours < HOURS_MIN:
        return Finding("disk", "warning", text, "Look at holds (hold list), or fit a larger disk.", figures)
    return Finding("disk", "ok", text, figures=figures)


def _bits_s(room: CheckedRoom) -> int:
    """Bit rate of a recording in this room, plus a tenth for containers and seals."""
    unit, policy = room.settings.unit, room.settings.policy
    bits = (unit.camera.bitrate_bps if policy.video.record else 0) + (
        unit.microphone.bitrate_bps if policy.audio.record else 0
    )
    return round(bits * 1.1) or 1


def speed(room: CheckedRoom) -> Iterator[Finding]:
    """Whether the disk writes as fast as a recording needs, by writing to it."""
    if not room.settings.policy.tracks():
        yield Finding("disk speed", "skipped", "the policy records nothing")
        return
    measured = room.keeper("disk_speed")
    needed = _bits_s(room) / 8 * MARGIN
    text = f"{measured['bytes_s'] / 1e6:.1f} MB/s, slowest write {measured['slowest_ms']} ms"
    text += f"; needed {needed / 1e6:.1f} MB/s"
    if measured["bytes_s"] < needed:
        yield Finding("disk speed", "fault", text, "Fit a faster card (A2, U3) or a disk on USB.", measured)
    else:
        yield Finding("disk speed", "ok", text, figures=measured)


def processes(room: CheckedRoom) -> Iterator[Finding]:
    """Whether the three processes are there, and which faults they report that no other check covers."""
    health = room.health()
    if not health:
        todo = "systemctl status spreekkamer-alarm, and its log: journalctl -u spreekkamer-alarm"
        yield Finding("processes", "fault", "the alarm process is not there: no alarm can be given", todo)
        return
    missing = [name for name in ("recorder", "keeper") if health[name] is None]
    if not room.settings.policy.tracks():
        missing = [name for name in missing if name != "recorder"]
    for name in missing:
        yield Finding("processes", "fault", f"the {name} is not there", faults.todo(name))
    if not missing:
        yield Finding("processes", "ok", f"all are there, up {health['uptime_s']} s")
