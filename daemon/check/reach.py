# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How far an alarm and a recording get: broker, receivers, the holders' keys, a test alarm, a test recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.check.asking import UNUSED, CheckedRoom, wait
from daemon.check.finding import Finding
from daemon.model import faults
from daemon.model.policy import fingerprint

SETTLED_S = 5.0
"""How long a broker's fault has to stand. A connection on which no receiver answered is made anew within a second, and
for that second nothing is wrong with the broker; three seconds after that it is known whether a receiver is there."""
ALARM_S = 20.0
"""How long a test alarm may take to be stored: two attempts, and a new connection in between."""
RECORDING_S = 25.0
"""Recording takes five seconds, waiting for a silent track as long again, and the keeper looks every second."""
LEVELS = ("kept", "broker", "stored", "accepted")


def broker(room: CheckedRoom) -> Iterator[Finding]:
    """Whether alarms can leave, and whether a receiver listens."""
    if not room.health():
        return
    health = wait(lambda: _settled(room), SETTLED_S) or room.health()
    if not health:
        return
    address = room.settings.unit.broker
    where = f"{address.host}:{address.port}" + (" with TLS" if address.tls else "")
    for name in ("broker", "second_broker"):
        if name in health["faults"]:
            yield Finding(name.replace("_", " "), "fault", f"{where}: {health['faults'][name]}", faults.todo(name))
        elif health[name] is not None:
            yield Finding(name.replace("_", " "), "ok", f"{where}, {health[name]}")
    yield from _secured(health)
    if "broker" not in health["faults"]:
        yield _receivers(health)


def _settled(room: CheckedRoom) -> dict[str, Any] | None:
    """Health, once the broker is there and the unit knows whether a receiver is."""
    health = room.health()
    wrong = health.get("faults", {}).keys()
    if "broker" in wrong:
        return None
    is_known = health.get("consoles") or health.get("receiver") == "listens" or wrong & set(faults.told_in("receivers"))
    return health if is_known else None


def _secured(health: dict[str, Any]) -> Iterator[Finding]:
    """Whether others on the network can read and answer alarms, and for how long the certificates are valid."""
    for name, path in health["paths"].items():
        if path["secured"] == "open":
            where, todo = name.replace("_", " "), f"Set [{name}.tls] in unit.toml: docs/guide/broker.md."
            text = "no TLS: anybody on the network can read alarms, and can answer them in a receiver's name"
            yield Finding(f"{where} security", "warning", text, todo)
    days = [path["certificate_days"] for path in health["paths"].values() if path["certificate_days"] is not None]
    if "certificate" in health["faults"]:
        yield Finding("certificates", "fault", health["faults"]["certificate"], faults.todo("certificate"))
    elif days:
        yield Finding("certificates", "ok", f"the first ends in {min(days)} days", figures={"days": min(days)})


def _receivers(health: dict[str, Any]) -> Finding:
    for name in faults.told_in("receivers"):
        if name in health["faults"]:
            return Finding("receivers", "fault", health["faults"][name], faults.todo(name))
    if health["receiver"] == "listens":
        todo = "A receiver that stores and answers makes it certain: docs/guide/receivers.md."
        return Finding("receivers", "warning", "they only listen: an alarm counts as delivered at the broker", todo)
    if not health["consoles"]:
        todo = "Let the receiver say that it is there: docs/guide/receivers.md, presence."
        return Finding("receivers", "warning", "none says that it is there", todo)
    return Finding("receivers", "ok", ", ".join(health["consoles"]), figures={"consoles": health["consoles"]})


def keys(room: CheckedRoom) -> Iterator[Finding]:
    """Who can open recordings, by the fingerprints of their public keys."""
    policy = room.settings.policy
    if not policy.tracks():
        yield Finding("keys", "skipped", "the policy records nothing")
        return
    for number, group in enumerate(policy.opening.groups, 1):
        holders = [holder for holder in policy.holders if holder.role in group]
        prints = {holder.label: fingerprint(holder.recipient) for holder in holders}
        text = ", ".join(f"{label} {text}" for label, text in prints.items())
        yield Finding(f"keys group {number}", "ok", f"{' or '.join(group)}: {text}", figures=prints)
    wrong = room.health().get("faults", {}).get("keys")
    if wrong:
        yield Finding("keys", "fault", wrong, faults.todo("keys"))


def test_alarm(room: CheckedRoom) -> Iterator[Finding]:
    """Send a marked test alarm the whole way, and show the time of each part."""
    now = room.health().get("faults", {})
    unheard = [now[name] for name in faults.spoiling("test alarm") if name in now]
    if unheard:
        todo = "Put broker and receivers right first; then: spreekkamer alarm test"
        yield Finding("test alarm", "fault", f"not sent, for nobody would store it: {'; '.join(unheard)}", todo)
        return
    test_id = room.alarm("test")

    def stored() -> dict[str, Any] | None:
        line = next((line for line in room.alarm("alarms") if line["id"] == test_id), None)
        return line if line is not None and line["delivered"] else None

    line = wait(stored, ALARM_S)
    if line is None:
        wrong = "; ".join(room.health().get("faults", {}).values()) or "no receiver has answered"
        todo = "Put the faults of broker and receivers right first; then: spreekkamer alarm test"
        yield Finding("test alarm", "fault", f"not stored within {ALARM_S:.0f} s: {wrong}", todo)
        return
    figures = {f"{level}_ms": line[f"{level}_ms"] for level in LEVELS}
    text = ", ".join(f"{level} {line[f'{level}_ms']} ms" for level in LEVELS if line[f"{level}_ms"] is not None)
    by = f" by {line['stored_by']}" if line["stored_by"] else ""
    yield Finding("test alarm", "ok", text + by, figures=figures)


def test_recording(room: CheckedRoom) -> Iterator[Finding]:
    """Record a few seconds, lamp lit: sealed, closed, inspected by the keeper without a key, and deleted at once."""
    if not room.settings.policy.tracks():
        yield Finding("test recording", "skipped", "the policy records nothing")
        return
    now = room.health().get("faults", {})
    if missing := [now[name] for name in faults.spoiling("test recording") if name in now]:
        todo = "Put that right first, and check again: without it nothing is recorded."
        yield Finding("test recording", "fault", f"not made: {'; '.join(missing)}", todo)
        return
    if room.is_unused():
        yield Finding("test recording", "skipped", UNUSED)
        return
    was_dark = False

    def dark() -> bool:
        """Whether the room has been through it with its lamp dark."""
        nonlocal was_dark
        health = room.health()
        is_going = health.get("recording_id") == recording_id
        was_dark = was_dark or (is_going and not health["lamps"].get("recording"))
        return was_dark and not is_going

    recording_id = room.alarm("recording_test")
    told = wait(lambda: room.keeper("recording_tested", recording_id=recording_id) or dark(), RECORDING_S)
    if told is True:
        text = "not made: the recording lamp does not light; nothing is written without it"
        yield Finding("test recording", "fault", text, faults.todo("lamp"))
        return
    if told is None and room.keeper("recording", recording_id=recording_id)["state"] == "asked":
        yield Finding("test recording", "skipped", "somebody pressed meanwhile: it is kept as a recording of theirs")
        return
    if told is None:
        todo = "Look at the faults of recorder, store and keys; the recording goes by its term, if there is one."
        yield Finding("test recording", "fault", f"not closed and inspected within {RECORDING_S:.0f} s", todo)
        return
    figures = {"files": told["files"], "bytes": told["bytes"]}
    text = f"{told['files']} files, {told['bytes'] / 1e6:.1f} MB, sealed and signed"
    if told["findings"]:
        todo = "Nothing of it is deleted before its term: show it to who looks after the software."
        yield Finding("test recording", "fault", "; ".join(told["findings"]), todo, figures)
    elif not told["deleted"]:
        yield Finding("test recording", "fault", f"{text}, and not deleted", "Look at the keeper's fault.", figures)
    else:
        yield Finding("test recording", "ok", f"{text}, verified, deleted", figures=figures)
