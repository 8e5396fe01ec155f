# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A card with a good settings file and its certificates, and a unit that is started with it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import pyrage

from daemon.card import process
from daemon.card.sheet import ANSWER, NAME
from daemon.cardstate import CardState
from daemon.config import shipped
from daemon.paths import Paths
from tests.certificates import UNIT as UNIT_NAME
from tests.certificates import Authority, Pair

BOARD, OTHER_BOARD = "0123456789abcdef", "fedcba9876543210"
ROOM = """\
# spreekkamer 1, begane grond
organisation = "voorbeeldstad"
site = "stadhuis"
room = "spreekkamer-1"
policy = '''
{policy}'''

[buttons.alarm]
pin = 5
[buttons.record]
pin = 6

[lamps]
status = 17
recording = 27

[broker]
host = "10.0.0.2"
port = 8883
[broker.tls]
ca = "ca.crt"
certificate = "unit.crt"
key = "unit.key"

[[mobile]]
name = "hal-1"
topic = "zigbee2mqtt/hal-1"
pressed = ["panic"]
[[mobile]]
name = "hal-2"
topic = "zigbee2mqtt/hal-2"
pressed = ["panic"]

[end]
"""


@functools.cache
def policy() -> str:
    """Heusden's, with two holders for each role."""
    text = (shipped() / "policies" / "heusden-2020.toml").read_text(encoding="utf-8")
    for role in ("manager", "secretary", "hr-manager"):
        for n in (1, 2):
            key = pyrage.x25519.Identity.generate().to_public()
            text += f'[[holders]]\nrole = "{role}"\nlabel = "{role}-{n}"\nrecipient = "{key}"\n'
    return text


def good() -> str:
    """A whole spreekkamer.toml."""
    return ROOM.format(policy=policy())


class Files(NamedTuple):
    """The certificates of one room."""

    ca: Path
    unit: Pair
    renewed: Pair
    """The same name, another key."""

    @classmethod
    def make(cls, home: Path) -> Files:
        """Makes them: half a second."""
        authority = Authority(home)
        return cls(authority.certificate, authority.client(UNIT_NAME), authority.client(UNIT_NAME))


class Bench:
    """A card and a unit, below one directory."""

    def __init__(self, home: Path, files: Files, boot: Path | None = None) -> None:
        self.paths = Paths.below(home)
        self.boot = boot or home / "boot"
        self.files = files
        for place in (self.paths.etc, self.boot, self.paths.store):
            place.mkdir(parents=True, exist_ok=True)

    def put(self, text: str | bytes = "", *, files: bool = True) -> None:
        """Puts a settings file on the card, the good one by default, and the certificates that it names."""
        data = text if isinstance(text, bytes) else (text or good()).encode()
        (self.boot / NAME).write_bytes(data)
        if files:
            self.put_pair(self.files.unit)
            (self.boot / "ca.crt").write_bytes(self.files.ca.read_bytes())

    def put_pair(self, pair: Pair) -> None:
        """A certificate and its key, by the names that the settings have for them."""
        (self.boot / "unit.crt").write_bytes(pair.certificate.read_bytes())
        (self.boot / "unit.key").write_bytes(pair.key.read_bytes())

    def start(self, board: str = BOARD) -> CardState:
        """The first act of a start."""
        return process.take(self.paths, self.boot, board)

    def answer(self) -> str:
        """What stands on the card, as Notepad shows it."""
        return (self.boot / ANSWER).read_bytes().decode().replace("\r\n", "\n")

    def settings(self) -> dict[str, bytes]:
        """What is in force, by name: settings and certificates."""
        etc = self.paths.etc
        found = [*etc.glob("*.toml"), *etc.glob("tls/*")]
        return {str(path.relative_to(etc)): path.read_bytes() for path in found}

    def everything(self) -> dict[str, bytes]:
        """Every file of the unit's settings, keys included."""
        etc = self.paths.etc
        return {str(path.relative_to(etc)): path.read_bytes() for path in etc.rglob("*") if path.is_file()}
