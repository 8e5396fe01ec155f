# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who may send which message on the alarm's sockets. A peer is identified by its user, from the kernel (SO_PEERCRED).

Invariant: a message counts only from the process it belongs to. A recorder that was taken over cannot speak as the
keeper, nor the other way round, and no other process can speak at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from daemon import link, log, people, wire
from daemon.model import events

Speaker = Literal["alarm", "recorder", "keeper", "operators", "desk"]
"""`desk`: whichever process an operator asks. Nobody sends it a reply."""
SAID_BY: Mapping[type, frozenset[Speaker]] = {
    events.StartRecording: frozenset({"alarm"}), events.SetEnd: frozenset({"alarm"}),
    events.Lease: frozenset({"alarm"}), events.Forget: frozenset({"alarm"}), events.Quiet: frozenset({"alarm"}),
    wire.Use: frozenset({"alarm"}), wire.Aim: frozenset({"alarm"}),
    wire.Acts: frozenset({"alarm"}), wire.RingTime: frozenset({"alarm"}),
    wire.RecorderState: frozenset({"recorder"}), wire.Started: frozenset({"recorder"}),
    wire.Ended: frozenset({"recorder"}), wire.Head: frozenset({"recorder"}),
    wire.RecorderHealth: frozenset({"recorder"}), wire.Blocks: frozenset({"recorder"}),
    wire.Claps: frozenset({"recorder"}),
    wire.KeeperState: frozenset({"keeper"}), wire.Receipt: frozenset({"keeper"}),
    wire.HoldDue: frozenset({"keeper"}), wire.Audited: frozenset({"keeper"}),
    wire.Request: frozenset({"operators"}), wire.Reply: frozenset({"desk"}),
}  # fmt: skip
"""Every message that may cross a socket, and who may send it."""
COMES = ("recorder", "keeper")
"""Processes that connect to the unit's socket."""
USERS: Mapping[str, Speaker] = {"spreekkamer-recorder": "recorder", "spreekkamer-keeper": "keeper"}
"""Their users (systemd/sysusers.d)."""


class FromUnit(msgspec.Struct, frozen=True):
    """A message of the recorder or the keeper, or the end of its connection."""

    peer: link.Peer
    message: link.Word
    speaker: Speaker


class FromOperator(msgspec.Struct, frozen=True):
    """A request of an operator."""

    peer: link.Peer
    message: wire.Request


class Speakers:
    """Used only by the thread that reads the unit's socket."""

    def __init__(self, users: Mapping[int, Speaker], own_uid: int) -> None:
        """`users`: user number to process. A peer with `own_uid`, the alarm process's own, may be either.

        In the field no other process has that user, and one that has it can end the alarm process anyway. In a
        simulated room it is the user who started the room: there the first message decides which process a peer is.
        """
        self._users, self._own_uid = dict(users), own_uid
        self._bound: dict[link.Peer, Speaker] = {}

    def word(self, peer: link.Peer, message: link.Word) -> FromUnit | None:
        """Return a message with its sender. None: the peer may not send it, and is disconnected."""
        if isinstance(message, link.Joined):
            return None
        if isinstance(message, link.Left):
            speaker = self._bound.pop(peer, None)
            return FromUnit(peer, message, speaker) if speaker is not None else None
        speaker = self._bound.get(peer) or self._by_user(peer, type(message))
        if speaker is None or speaker not in SAID_BY[type(message)]:
            refuse(peer, message)
            return None
        return FromUnit(peer, message, speaker)

    def taken(self, word: FromUnit) -> None:
        """The loop will hear this message: the peer stays this process until it leaves."""
        if not isinstance(word.message, link.Left):
            self._bound[word.peer] = word.speaker

    def _by_user(self, peer: link.Peer, kind: type) -> Speaker | None:
        speaker = self._users.get(peer.person.uid)
        if speaker is None and peer.person.uid == self._own_uid:
            return next((said for said in SAID_BY[kind] if said in COMES), None)
        return speaker


def refuse(peer: link.Peer, message: link.Word) -> None:
    """Log a message that its sender may not send, and disconnect the peer."""
    log.event("word_refused", "warning", word=type(message).__name__, uid=peer.person.uid, pid=peer.pid)
    peer.close()


def field_users() -> Mapping[int, Speaker]:
    """User number to process, on this machine; empty if the users do not exist."""
    return {uid: USERS[name] for name, uid in people.user_ids().items() if name in USERS}
