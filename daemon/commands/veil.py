# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What may leave a unit in a file for support: figures and words of a closed set; texts written by people stay.

Two walls. Only fields listed here leave as text: any other is replaced by its length. And in those texts, anything
somebody once typed as a label, an incident, a reason or a button's name is removed wherever it occurs. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from daemon.model.fitted import BUTTONS

GONE = "[left out]"
CHARS_MIN = 3
"""A shorter text occurs inside too many words: it is removed where it stands as a word, if it has a letter."""
KNOWN_MAX = 20_000
"""Texts to look for: ten years of a room with five incidents a day."""
TYPED = frozenset({
    "incident", "file", "number", "police_report", "reason", "on_behalf_of", "role", "holder_role", "label",
    "recipient", "decision", "by", "same_disk", "unreadable", "source", "criteria", "criteria_by",
})  # fmt: skip
"""Fields of the audit log that contain something typed, or identify somebody."""
PLAIN = frozenset({*BUTTONS, "custodian", "engineer", "owner", "operator", "policy"})
"""Words of ours that also occur in those fields, and reveal nothing."""
JOURNAL = frozenset({
    "act", "at", "client", "code", "detail", "device", "error", "event", "fault", "faults", "kind", "lamp",
    "level", "line", "order", "process", "protocol", "reads", "says", "state", "table", "track", "tracks",
    "unit", "verb", "what", "why", "word",
})  # fmt: skip
"""Fields of an event in the unit's own log that leave as text. File names, topics and names of persons stay,
and so does what the card's file says (`lines`, `answer`): if it was refused, nobody here knows its texts."""
NAMED = frozenset({"fault", "fault_over", "policy_over"})
"""Events whose `name` is a fault's or a policy's, and nobody's."""
QUOTING = frozenset({"card", "settings"})
"""Faults that quote a settings file, cut to fit a line: of these only the name leaves."""
HEALTH = frozenset({
    "at", "unit", "policy", "policy_sha256", "boot_id", "clock", "phase", "broker", "second_broker", "receiver",
    "faults", "devices", "sound", "keys", "store", "full", "mqtt", "last_press", "last_test", "alarms",
})  # fmt: skip
"""The same for the unit's health."""
SETTINGS = re.compile(
    r"(organisation|site|room|name|in_force_from|(second_)?broker\.(host|tls\.\w+)"
    r"|camera\.(device|encoder|kind|flip|metering)|microphone\.device|alarm\.receiver|home_assistant\.discovery_prefix|buttons\.\w+\.(contact|pull)|.*\.on_press)\Z"
)
"""Settings that leave as text."""


class Veil:
    """The texts of one unit that stay there."""

    def __init__(self, known: Iterable[str]) -> None:
        """`known`: texts that somebody typed."""
        texts = {form for text in known if text.strip().lower() not in PLAIN for form in _forms(text.strip())}
        parts = [
            re.escape(one) if len(one) >= CHARS_MIN else rf"(?<!\w){re.escape(one)}(?!\w)"
            for one in sorted(texts, key=len, reverse=True)[:KNOWN_MAX]
            if len(one) >= CHARS_MIN or re.search(r"[^\W\d]", one)
        ]
        self._pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def text(self, said: str) -> str:
        """A text without them."""
        return self._pattern.sub(GONE, said) if self._pattern else said

    def fields(self, told: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
        """A table: figures unchanged, the allowed texts without what stays, any other text by its length."""
        return {self.text(str(name)): self._value(name, value, allowed) for name, value in told.items()}

    def _value(self, name: str, value: Any, allowed: frozenset[str]) -> Any:
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): self._value(
                    str(key) if name not in allowed or key in QUOTING else name, one, allowed
                )
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._value(name, one, allowed) for one in value]
        if isinstance(value, str):
            return self.text(value) if name in allowed else _length(value)
        return value if name != "uid" else GONE

    def line(self, message: str) -> str:
        """A line of the journal: an event of ours, or a message of the service manager."""
        try:
            told = json.loads(message)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            allowed = JOURNAL | {"name"} if str(told.get("event")) in NAMED else JOURNAL
            quotes = str(told.get("name")) in QUOTING
            return json.dumps(self.fields(told, allowed - {"detail"} if quotes else allowed), ensure_ascii=False)
        return self.text(message)

    def setting(self, key: str, value: Any) -> Any:
        """The value of a setting."""
        if isinstance(value, bool | int | float) or value is None:
            return value
        plain = re.sub(r"\[\d+\]", "", key)
        if isinstance(value, list | tuple):
            return f"[{len(value)} left out]"
        return self.text(str(value)) if SETTINGS.match(plain) and "[" not in key else _length(str(value))


def _forms(text: str) -> tuple[str, ...]:
    """A text, and as quoted by an error or a log."""
    return text, repr(text)[1:-1], ascii(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _length(text: str) -> str:
    return f"[{len(text)} characters left out]" if text else ""


def written(policy: Mapping[str, Any], *, deep: bool = False) -> Iterator[str]:
    """Texts that somebody wrote in a policy file, as TOML: holders, notices, decisions, every sentence."""
    for name, value in policy.items():
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, Mapping):
                yield from written(part, deep=deep or name in {"holders", "notice", "cover"})
            elif isinstance(part, str) and (deep or " " in part):
                yield part


def typed(line: Mapping[str, Any]) -> Iterator[str]:
    """Texts that somebody typed, in a line of the audit log."""
    return (value for name, value in line.items() if name in TYPED and isinstance(value, str))
