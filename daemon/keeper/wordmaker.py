# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Seals words to holders' keys and ends: `python -m daemon.keeper.wordmaker`, the pairs on stdin.

Invariant: it opens nothing. The code that seals is loaded in this short-lived process and not in the keeper: a library
that fails ends this child, and no deletion waits for it.

    stdin   [["age1..", "spreekkamer-proof/1 abcd-efgh-.."], ..]
    stdout  ["<base64 of an age file>", ..]
"""

from __future__ import annotations

import base64
import sys

import msgspec
import pyrage


def main() -> None:
    """Read, seal, write."""
    pairs = msgspec.json.decode(sys.stdin.buffer.read(), type=list[tuple[str, str]])
    try:
        sealed = [pyrage.encrypt(f"{word}\n".encode(), [pyrage.x25519.Recipient.from_str(key)]) for key, word in pairs]
    except pyrage.RecipientError as error:
        sys.exit(f"a holder's key is not an age recipient: {error}")
    sys.stdout.buffer.write(msgspec.json.encode([base64.b64encode(one).decode() for one in sealed]))


if __name__ == "__main__":
    main()
