# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Wireless buttons: what a foreign message on a button's topic means, and whether the button is alive. Pure.

Invariant: no payload raises an exception. Only a value configured as pressed is a press. A retained message is neither
a press nor a sign of life. The same press received twice is one press. If in doubt it is a press.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.payload import Bound, NotUnderstoodError, Reader, is_clean, json_of, same, scalar, text_of
from daemon.model.unit import Mobile

NS = 1_000_000_000
HOUR_NS = 3600 * NS
PERCENT = 100
KEEPS_S = 60
"""How long the broker keeps a press for a unit that is away: a reboot takes half of it. A press that comes late has no
time of its own, and counts as pressed on arrival: an alarm that looks too fresh is better than one that nobody responds
to. Beyond this limit that would be misleading."""
WAITED = f"the broker has kept it for this unit: it was pressed up to {KEEPS_S} s earlier"
AGAIN = f"{WAITED}, and it may be an alarm that this unit sent before it was killed or cut off"
"""An alarm goes out before the disk has it. A unit that dies in between has told it, and does not know."""
ECHO_NS = 90 * NS
"""A sequence number heard again within this time is the same press. Gateways repeat an event every 30 s (Shelly), and
one repeat may be lost. Counters stop on a weak battery, wrap, and restart when a button rejoins its network: the same
number after this time is a new press."""
SHELLY_COUNT = "event_cnt"
"""A field beside the value: Shelly's first generation repeats its latest event every period, with this number. It
identifies an echo whether the settings name it or not."""
STATE_NS = 26 * HOUR_NS
"""A state not heard for longer is unknown. `silent_after_h` overrides this."""
STUCK_NS = 600 * NS
"""A pressed state for longer than this is reported: no new press can be told from it."""
TOLD_MAX = 32
"""Presses of one button that are remembered: more than a broker has in flight at once (mosquitto: 20)."""
KEY_MAX = 64
"""A number up to this length is remembered as it is; a longer one by its digest."""
LOW_WORDS = ("low", "critical", "empty")
GOOD_WORDS = ("ok", "good", "normal", "high", "full", "medium")
YES, NO = ("true", "yes", "on", "1", "1.0"), ("false", "no", "off", "0", "0.0")


class Told(Struct, frozen=True):
    """A press that has been heard, to recognise its echo."""

    key: str
    """`=` and the value, or `#` and its number."""
    press_ns: int
    heard_ns: int
    """The press itself or its latest echo."""


class Button(Struct, frozen=True):
    """State of one wireless button. Times are boot times of this boot."""

    settings: Mobile
    seen_ns: int
    """Its last message, or the start; silence counts from there."""
    told: tuple[Told, ...] = ()
    """The oldest first, at most TOLD_MAX."""
    state: str | None = None
    """With `edge`: the pressed value that it has; empty: it is at rest; None: not known."""
    state_ns: int = 0
    """When that was last heard."""
    since_ns: int = 0
    """Since when it has had this value."""
    deliveries: tuple[str, ...] = ()
    """Messages that reported a press, as named by `delivery`; the latest last, at most TOLD_MAX."""
    battery: float | None = None
    """Percent."""
    is_low: bool = False
    """It reports a low battery, as a word or a truth value."""
    unread: str = ""
    """Why its latest message was not understood; empty: it was."""


class Heard(Struct, frozen=True):
    """What a message means to one button."""

    pressed: bool = False
    alive: bool = False
    """It came from this button."""
    refused: str = ""
    """Why it means nothing; empty: it was understood."""


def delivery(mid: int, payload: bytes) -> str:
    """Return the name of a message within a session: a redelivery has the same packet identifier."""
    return f"{mid}:{hashlib.sha256(payload).hexdigest()[:16]}"


def heard(
    button: Button, payload: bytes, *, retained: bool, now_ns: int, mid: int = 0, again: bool = False,
) -> tuple[Button, Heard]:  # fmt: skip
    """Take a message on the button's topic. Never raises, whatever the payload is.

    `mid` is its packet identifier, 0 at QoS 0; `again`: the broker may have sent it before (MQTT's DUP flag).
    """
    mobile, name = button.settings, delivery(mid, payload)
    try:
        found = _values(mobile, payload)
    except NotUnderstoodError as error:
        why = str(error)
        return (button, Heard()) if retained else (replace(button, unread=why), Heard(refused=why))
    if found is None:
        return button, Heard()  # another button's message
    values, battery = found
    if retained:
        return _state_kept(button, values, now_ns), Heard()
    button = _charged(replace(button, seen_ns=now_ns, unread=""), battery)
    if again and name in button.deliveries:
        return button, Heard(alive=True)
    button, pressed = (_edge if mobile.edge else _event)(button, values, now_ns)
    if mid and any(_is_pressed(mobile, value) for value, _, _ in values):
        button = replace(button, deliveries=(*button.deliveries, name)[-TOLD_MAX:])
    return button, Heard(pressed=pressed, alive=True)


def wrong(button: Button, now_ns: int) -> str:
    """What is wrong with a button, for a person; empty: nothing. It has no growing figure, so it stays one fault."""
    mobile, found = button.settings, []
    if mobile.silent_after_h and now_ns - button.seen_ns > mobile.silent_after_h * HOUR_NS:
        found.append(f"silent for more than {mobile.silent_after_h} h")
    if button.battery is not None and button.battery < mobile.battery_low:
        found.append(f"its battery is below {mobile.battery_low} %")
    elif button.is_low:
        found.append("its battery is low")
    if button.unread:
        found.append(f"its latest message was not understood: {button.unread}")
    if _is_pressed(mobile, button.state) and now_ns - button.since_ns > STUCK_NS:
        found.append(
            f"it has said {button.state} for more than {STUCK_NS // NS // 60} minutes: no new press can be told"
        )
    return f"{mobile.name}: {', '.join(found)}" if found else ""


# --- reading a payload ------------------------------------------------------------------------------------------------

Value = tuple[str | None, str | None, str | None]
"""A value as JSON (None: null, or not a single value), its number by `repeat_field`, and Shelly's own."""


def _values(mobile: Mobile, payload: bytes) -> tuple[list[Value], Any] | None:
    """The values in the button's field, and its battery; None: `where` says that it is another button's.

    Raises NotUnderstoodError.
    """
    if not any((mobile.field, mobile.where, mobile.repeat_field, mobile.battery_field)):
        texts = list(_texts(payload))
        if not is_clean(payload) and not any(_is_pressed(mobile, text) for text in texts):
            raise NotUnderstoodError("bytes that are no text")
        return [(text, None, None) for text in texts], None
    if not payload:  # MQTT's way to clear a retained message
        return None
    reader, field = Reader(json_of(payload)), mobile.field
    found: list[Value] = []
    for value, bound in reader.all(field) if field else ((text, {}) for text in _texts(payload)):
        if _holds(mobile, reader, field, bound):
            number = scalar(reader.first(mobile.repeat_field, field, bound))
            count = None if mobile.repeat_field else scalar(reader.first(_beside(field, SHELLY_COUNT), field, bound))
            found.append((scalar(value), number, count))
    if not found and not _holds(mobile, reader):
        return None
    return found, _battery(mobile, reader)


def _battery(mobile: Mobile, reader: Reader) -> Any:
    """The first battery that an item of the button's tells; None: none does, or it takes too long to find."""
    path = mobile.battery_field
    told = ((value, bound) for value, bound in reader.all(path) if value is not None)
    try:
        return next((value for value, bound in told if _holds(mobile, reader, path, bound)), None)
    except NotUnderstoodError:
        return None  # what was found stands: a battery costs no press


def _texts(payload: bytes) -> Iterable[str]:
    """The whole text; if it is a JSON string, such as `"ON"` with its quotes, or half of one, the value too."""
    text = text_of(payload)
    return dict.fromkeys((text, text.strip('"')))


def _holds(mobile: Mobile, reader: Reader, like: str = "", bound: Bound | None = None) -> bool:
    """Whether the payload matches `where`, for the items of the path `like` that `bound` names."""

    def says(path: str, wanted: str) -> bool:
        texts = (scalar(value) for value, _ in reader.all(path, like, bound))
        return any(text is not None and same(text, wanted) for text in texts)

    return all(says(path, scalar(wanted) or "") for path, wanted in mobile.where.items())


def _beside(path: str, name: str) -> str:
    head, dot, _ = path.rpartition(".")
    return head + dot + name


def _is_pressed(mobile: Mobile, value: str | None) -> bool:
    return value is not None and any(same(value, pressed) for pressed in mobile.pressed)


# --- its meaning ------------------------------------------------------------------------------------------------------


def _event(button: Button, values: list[Value], now_ns: int) -> tuple[Button, bool]:
    """A button that reports each press: an unknown one is a press. One message is at most one press."""
    raised = False
    for value, number, count in values:
        if value is None or not _is_pressed(button.settings, value):
            continue
        # A gateway that left its number out counts as one without numbers.
        keys = [_key("=", value)] if number is None else [_key("#", number)]
        if number is None and count is not None:
            keys.append(_key("#", count))
        echo = any(_is_echo(told, button.settings, now_ns) for told in button.told if told.key in keys)
        button = _remember(button, keys, now_ns, echo=echo)
        raised = raised or not echo
    return button, raised


def _edge(button: Button, values: list[Value], now_ns: int) -> tuple[Button, bool]:
    """A button that reports its state: only a change to a pressed value is a press."""
    if not values:
        return button, False
    state = _state(button.settings, values)
    fresh_ns = button.settings.silent_after_h * HOUR_NS or STATE_NS
    known = button.state if now_ns - button.state_ns <= fresh_ns else None
    raised = False
    if state != known:
        button, raised = _event(replace(button, since_ns=now_ns), [(state, None, None)], now_ns)
    return replace(button, state=state, state_ns=now_ns), raised


def _state_kept(button: Button, values: list[Value], now_ns: int) -> Button:
    """A retained message is not a press. But it may say that the state is at rest, so that the next press is heard."""
    if not button.settings.edge or not values:
        return button
    return button if _state(button.settings, values) else replace(button, state="", state_ns=now_ns)


def _state(mobile: Mobile, values: list[Value]) -> str:
    """Of several values the pressed one; empty: it is at rest."""
    return next((value for value, _, _ in values if value and _is_pressed(mobile, value)), "")


def _is_echo(told: Told, mobile: Mobile, now_ns: int) -> bool:
    if told.key.startswith("#"):
        return now_ns - told.heard_ns < ECHO_NS
    # Counted from the press that raised, not from its echo: repeated presses are heard again after this time.
    return now_ns - told.press_ns < mobile.repeat_s * NS


def _remember(button: Button, keys: list[str], now_ns: int, *, echo: bool) -> Button:
    before = {told.key: told for told in button.told}
    others = tuple(told for told in button.told if told.key not in keys)
    now = tuple(Told(key, before[key].press_ns if echo and key in before else now_ns, now_ns) for key in keys)
    return replace(button, told=(*others, *now)[-TOLD_MAX:])


def _key(kind: str, value: str) -> str:
    clean = value.encode(errors="replace")
    return kind + (clean.decode() if len(clean) <= KEY_MAX else hashlib.sha256(clean).hexdigest())


def _charged(button: Button, said: Any) -> Button:
    """Take what the battery's field says: percent, as a number or a text; a word; or a truth.

    A truth means low, as in Home Assistant and BTHome, unless the field's name holds `ok`.
    """
    name = button.settings.battery_field.rpartition(".")[2].lower()
    text = (scalar(said) or "").strip().removesuffix("%").strip().lower()
    is_truth = "low" in name or "ok" in name or text in (*YES[:3], *NO[:3])
    if text in LOW_WORDS or text in GOOD_WORDS:
        return replace(button, battery=None, is_low=text in LOW_WORDS)
    if text and is_truth:
        return replace(button, battery=None, is_low=text in NO if "ok" in name else text in YES)
    try:
        percent = float(text)
    except ValueError:
        return button
    return replace(button, battery=percent, is_low=False) if 0 <= percent <= PERCENT else button
