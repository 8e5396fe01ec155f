# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the broker refuses this unit, for the fault `refused_by_broker`: to raise alarms, or to hear answers."""

from __future__ import annotations

from daemon.alarm.mqtt import Unheard

REFUSED = 0x80
"""First reason code of MQTT 5 that means refusal."""

ALARM_BYTES = 4096
"""An alarm event with its topic takes some 900 bytes; with the longest names and texts, four times that."""


class Denied:
    """Refusals by connection. Owned by the loop."""

    def __init__(self) -> None:
        self._alarms: dict[str, int] = {}
        self._topics: dict[tuple[str, str], int] = {}
        self._narrow: dict[str, int] = {}

    def answered(self, client: str, code: int) -> str:
        """The broker has answered an alarm. Return all that is refused, in words."""
        if code >= REFUSED:
            self._alarms[client] = code
        else:
            self._alarms.pop(client, None)
        return self.words()

    def unheard(self, word: Unheard) -> str:
        """The broker has refused a subscription. Return all that is refused, in words."""
        self._topics[word.client, word.topic] = word.code
        return self.words()

    def heard(self, client: str, packet_bytes: int | None = None) -> str:
        """Every subscription of a connection is granted. Return all that is still refused, in words.

        `packet_bytes`: the largest packet that the broker accepts. Answered polls prove nothing about larger ones.
        """
        self._narrow.pop(client, None)
        if packet_bytes is not None and packet_bytes < ALARM_BYTES:
            self._narrow[client] = packet_bytes
        self._topics = {key: code for key, code in self._topics.items() if key[0] != client}
        return self.words()

    def lost(self, client: str) -> str:
        """A connection is lost, with its subscriptions. A refused alarm stays refused until one is accepted."""
        self._narrow.pop(client, None)
        self._topics = {key: code for key, code in self._topics.items() if key[0] != client}
        return self.words()

    def words(self) -> str:
        """All that is refused; empty: nothing."""
        alarms = [f"the broker refuses alarms: code {code:#x}" for code in dict.fromkeys(self._alarms.values())]
        deaf = "the broker does not let this unit hear"
        topics = [f"{deaf} {topic}: code {code:#x}" for (_, topic), code in self._topics.items()]
        small = "the broker takes no packet of more than {} bytes; an alarm may have up to {}"
        narrow = [small.format(size, ALARM_BYTES) for size in self._narrow.values()]
        return "; ".join(dict.fromkeys([*alarms, *narrow, *topics]))
