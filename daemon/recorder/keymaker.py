# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Makes one recording key and ends: `python -m daemon.recorder.keymaker`, the holders' keys on stdin.

Invariant: the secret half exists in this short-lived process only. It outputs the public half, to seal segments to, and
the envelope: the secret half sealed to every group in turn, age in age, so that one holder of EVERY group must agree to
open it (promise R6). The first group is the outermost layer. With it goes the public half of the key that signs slips:
whoever has opened the envelope has its secret half (decision 29).

    stdin   {"groups": [["age1..", ..], ["age1..", ..]]}
    stdout  {"recipient": "age1..", "envelope": "<base64 of age( group 1, age( group 2, AGE-SECRET-KEY-1.. ))>",
             "slip": "ssh-ed25519 .."}
"""

from __future__ import annotations

import base64
import sys

import msgspec
import pyrage

from daemon import slipkey
from daemon.errors import WallError
from daemon.recorder import memory


class Ask(msgspec.Struct, frozen=True):
    """Input of the child."""

    groups: tuple[tuple[str, ...], ...]


class Made(msgspec.Struct, frozen=True):
    """Output of the child."""

    recipient: str
    envelope: str
    slip: str = ""
    """Empty: the child is an earlier release's, during a return to it. A recording without slips is one as well."""


def make(ask: Ask) -> Made:
    """Return a fresh key. Raises pyrage.RecipientError for an invalid holder's key."""
    identity = pyrage.x25519.Identity.generate()
    sealed = str(identity).encode() + b"\n"
    slip = slipkey.public(slipkey.seed(str(identity)))
    for group in reversed(ask.groups):
        sealed = pyrage.encrypt(sealed, [pyrage.x25519.Recipient.from_str(key) for key in group])
    return Made(str(identity.to_public()), base64.b64encode(sealed).decode(), slip)


def main() -> None:
    """Read, make, write. The recorder's protection of its memory ended with exec: repeat it before making a key."""
    try:
        memory.keep_in_memory()
    except WallError as error:
        sys.exit(str(error))
    ask = msgspec.json.decode(sys.stdin.buffer.read(), type=Ask)
    try:
        made = make(ask)
    except pyrage.RecipientError as error:
        sys.exit(f"a holder's key is not an age recipient: {error}")
    sys.stdout.buffer.write(msgspec.json.encode(made))


if __name__ == "__main__":
    main()
