# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who may say what on the unit's socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import get_args

import pytest

from daemon import link, people, wire
from daemon.alarm.speakers import COMES, SAID_BY, FromUnit, Speaker, Speakers
from daemon.model.events import Forget, Lease
from daemon.model.rights import Person

RECORDER_UID, KEEPER_UID, OTHER_UID, OWN_UID = 64_401, 64_402, 64_403, 64_400
STATE = wire.RecorderState(())
KEEPER_STATE = wire.KeeperState(0, {}, None, None, None)
WORDS: dict[str, tuple[link.Word, ...]] = {
    "recorder": (
        STATE, wire.Started("r"), wire.Ended("r", "asked"), wire.Head("r", 1, ""), wire.Blocks((), ()),
        wire.Claps((), ()), wire.RecorderHealth({}, 0, {}, {}, {}, 0),
    ),
    "keeper": (
        KEEPER_STATE, wire.Receipt({}, ""), wire.HoldDue("h", "r", (), "incident", "i", "", 1, None),
        wire.Audited("j", 1),
    ),
    "nobody": (
        Lease("r", 1), Forget(), wire.Aim(1), wire.Request("reset"), wire.Reply(), wire.Acts("j", ()),
        wire.RingTime("s", {}),
    ),
}  # fmt: skip


def peer_of(uid: int) -> link.Peer:
    """A connection whose other end is this user's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.close()
    peer = link.Peer(ours)
    peer.person = Person(uid, frozenset({uid}))
    return peer


def speakers() -> Speakers:
    return Speakers({RECORDER_UID: "recorder", KEEPER_UID: "keeper"}, OWN_UID)


def test_every_message_has_its_speaker() -> None:
    """A2: a message that may cross a socket stands in the table, and nothing else does."""
    assert set(SAID_BY) == set(get_args(wire.Message))
    assert {speaker for said in SAID_BY.values() for speaker in said} == set(get_args(Speaker))


@pytest.mark.case("alarm 7")
@pytest.mark.parametrize(
    ("uid", "may"), [(RECORDER_UID, "recorder"), (KEEPER_UID, "keeper"), (OTHER_UID, ""), (0, "")],
    ids=["the recorder", "the keeper", "somebody of the group", "root"],
)  # fmt: skip
def test_a_word_counts_from_its_own_process_alone(uid: int, may: str) -> None:
    """A2: what the keeper says counts from the keeper's user, and from nobody else who reaches the socket."""
    for whose, words in WORDS.items():
        for word in words:
            table, peer = speakers(), peer_of(uid)
            said = table.word(peer, word)
            assert (said is not None) is (whose == may), (whose, word)
            assert said is None or said.speaker == may
            peer.release()


@pytest.mark.case("alarm 7")
def test_in_a_simulated_room_the_first_word_says_who_a_peer_is() -> None:
    """A2, H3: where all processes have one user a peer is the recorder or the keeper, and never both."""
    for first, second in ((STATE, KEEPER_STATE), (KEEPER_STATE, STATE)):
        table, peer = speakers(), peer_of(OWN_UID)
        said = table.word(peer, first)
        assert said is not None
        table.taken(said)
        assert table.word(peer, second) is None
        left = table.word(peer, link.Left())
        assert isinstance(left, FromUnit)
        assert left.speaker == said.speaker
        peer.release()


def test_the_end_of_a_connection_that_the_loop_never_heard_of_is_nothing() -> None:
    """A2: who comes and goes without a word takes no place."""
    table, peer = speakers(), peer_of(RECORDER_UID)
    assert table.word(peer, link.Joined()) is None
    assert table.word(peer, link.Left()) is None
    peer.release()


def test_the_services_users_are_the_tables() -> None:
    """A2: the users that the table names are those of the services and of sysusers, one each."""
    root = Path(__file__).parents[2] / "systemd"
    users = (root / "sysusers.d" / "spreekkamer.conf").read_text()
    for process in COMES:
        assert f"User=spreekkamer-{process}\n" in (root / f"spreekkamer-{process}.service").read_text()
        assert f"\nu spreekkamer-{process} " in users


def test_the_machine_s_users(tmp_path: Path) -> None:
    """A2: users are read from passwd(5) as it stands, whatever else is in it."""
    path = tmp_path / "passwd"
    path.write_bytes(b"root:x:0:0::/root:/bin/sh\n\xff\xfe\n::\nspreekkamer-keeper:x:991:991::/:/bin/false\na:x:b:c\n")
    assert people.user_ids(path) == {"root": 0, "spreekkamer-keeper": 991}
    assert people.user_ids(tmp_path / "none") == {}
    assert people.user_ids()["root"] == 0
    assert os.getuid() in people.user_ids().values()
