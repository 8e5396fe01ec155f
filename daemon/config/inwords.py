# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Unit and policy in plain words, at the end of `settings check`: what the settings will do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from daemon.config import Settings
from daemon.model import fitted
from daemon.model.policy import Policy, TrackPolicy
from daemon.model.unit import Broker, ButtonUnit, Mobile, Unit

DAY_H = 24
WEEK_H = 168
SHORT_H = 48
"""Shorter terms are highlighted: nobody is back from a weekend by then, and days may have been meant."""


class Line(NamedTuple):
    """One sentence."""

    text: str
    strikes: bool = False
    """To be highlighted: most people who write this did not mean it."""


def unit_lines(unit: Unit) -> Iterator[Line]:
    """What is fitted, and where alarms go."""
    for button, wired in fitted.buttons(unit):
        yield _button(button.words, wired, is_alarm=button.raises)
    pins = {output.name: pin for output, pin in fitted.outputs(unit)}
    for name, output in fitted.OUTPUTS.items():
        where = f"GPIO {pins[name]}" if name in pins else "none"
        more = f", on for at most {unit.relay.maximum_s} seconds" if name == "relay" and unit.relay else ""
        yield Line(f"{output.words}: {where}{more}", strikes=name == "status" and name not in pins)
    yield _broker("broker", unit.broker)
    if unit.second_broker is not None:
        yield _broker("second broker", unit.second_broker)
    if unit.alarm.receiver == "listens":
        yield Line("an alarm counts as delivered when the broker has it; no receiver has to store it", strikes=True)
    if unit.microphone.channel_names:
        left, right = unit.microphone.channel_names
        yield Line(f"microphone: two sides of a call, {left} on the left channel and {right} on the right")
    every = unit.alarm.test_every_d
    yield Line(
        f"each button is tested every {every} days" if every else "no button has to be tested", strikes=not every
    )
    for mobile in unit.mobile:
        yield _mobile(mobile)


def _button(words: str, button: ButtonUnit, *, is_alarm: bool) -> Line:
    if button.nc_pin is not None:
        return Line(f"{words}: GPIO {button.pin} (NO) and {button.nc_pin} (NC); a cut wire and a short are seen")
    contact = (
        "NO alone; a cut wire is not seen"
        if button.contact == "no"
        else "NC alone; a cut wire raises, a short is not seen"
    )
    return Line(f"{words}: GPIO {button.pin}, {contact}", strikes=is_alarm and button.contact == "no")


def _broker(words: str, broker: Broker) -> Line:
    local = broker.host in ("localhost", "::1") or broker.host.startswith("127.")
    tls = (
        "with TLS"
        if broker.tls is not None
        else "without TLS" + ("" if local else ": anyone on the way reads and speaks")
    )
    return Line(f"{words}: {broker.host}, port {broker.port}, {tls}", strikes=broker.tls is None and not local)


def _mobile(mobile: Mobile) -> Line:
    what = f"`{mobile.field}` is" if mobile.field else "its text is"
    more = "".join(f" and `{path}` is {value}" for path, value in mobile.where.items())
    how = "changes to" if mobile.edge else ""
    said = f"{what} {how} {' or '.join(mobile.pressed)}".replace("is changes", "changes").replace("  ", " ")
    place = "an alarm of this room" if mobile.place == "room" else "an outside worker's alarm, nothing is recorded"
    return Line(f"wireless button {mobile.name}: pressed when on {mobile.topic} {said}{more}; {place}")


def policy_lines(policy: Policy) -> Iterator[Line]:
    """What is recorded, for how long, and who opens it."""
    yield _track("image", policy.video)
    yield _track("sound", policy.audio)
    if not policy.tracks():
        yield Line("nothing is recorded; alarms go out")
        return
    if policy.place.kind == "desk":
        yield Line("a desk for telephone calls; the notices speak of calls")
    timing = policy.timing
    yield Line(f"{timing.pre_event_s} seconds before a press are kept with it, and {timing.post_event_s} after its end")
    yield Line(f"a forgotten recording ends after {span_s(timing.maximum_s)}")
    if not policy.alarm.records:
        yield Line("an alarm records nothing", strikes=True)
    for group in policy.opening.groups:
        holders = sum(holder.role in group for holder in policy.holders)
        yield Line(f"opened with a key of {' or '.join(group)} ({holders} keys)")
    if len(policy.opening.groups) > 1:
        yield Line("a key of each of these groups is needed")


def _track(name: str, track: TrackPolicy) -> Line:
    if not track.record:
        return Line(f"{name}: off; its device is never opened")
    term = f"{name}: deleted {track.term_h} HOURS after its oldest second: {span_h(track.term_h)}"
    return Line(term, strikes=track.term_h < SHORT_H)


def span_h(hours: int) -> str:
    """Hours in weeks, days and hours."""
    weeks, rest = divmod(hours, WEEK_H)
    days, left = divmod(rest, DAY_H)
    parts = [f"{n} {word}{'s'[: n != 1]}" for n, word in ((weeks, "week"), (days, "day"), (left, "hour")) if n]
    less = ", less than two days" if hours < SHORT_H else ""
    return " and ".join(parts) + less


def span_s(seconds: int) -> str:
    """Seconds in hours and minutes."""
    parts = [(seconds // 3600, "hour"), (seconds % 3600 // 60, "minute"), (seconds % 60, "second")]
    return " and ".join(f"{n} {word}{'s'[: n != 1]}" for n, word in parts if n)


def lines(settings: Settings) -> Iterator[tuple[str, list[Line]]]:
    """A heading and its sentences: the unit, then each policy in the order of their dates."""
    yield f"unit {settings.unit.name()}", list(unit_lines(settings.unit))
    for one in settings.policies:
        yield f"policy {one.policy.name}, from {one.policy.in_force_from}", list(policy_lines(one.policy))
