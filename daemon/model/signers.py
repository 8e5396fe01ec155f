# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who may sign the municipality's policy, the short code of a key, and why a signature does not count."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct, convert

SIGNERS_MAX = 8
"""An officer, a secretary, their deputies, and each of them once more while a key is replaced."""
Why = Literal[
    "unsigned", "unreadable", "not_whole", "namespace", "kind", "other_key", "changed", "expired", "unanswered"
]
REASONS: Mapping[Why, str] = {
    "unsigned": "a signature file beside it (.sig), by one of policy.signers: ssh-keygen -Y sign -n spreekkamer-policy",
    "unreadable": "a file that can be read",
    "not_whole": "a whole signature file, as ssh-keygen -Y sign writes it: its first or its last line is missing",
    "namespace": "a signature for spreekkamer-policy (-n); this one is for something else",
    "kind": "a signature by an Ed25519 key (ssh-ed25519): no other kind counts",
    "other_key": "a signature by one of policy.signers; this key is none of them",
    "changed": "the signature of this text: it was changed after it was signed, or the signature is another file's",
    "expired": "a signature by a key that is valid on the policy's first day",
    "unanswered": "an answer of ssh-keygen (package openssh-client); it gave none",
}
"""What was expected, as in a fault of the settings."""
WHYS: tuple[Why, ...] = get_args(Why)


class Signer(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who may sign a policy; the unit knows only the public half of the key."""

    role: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z", description="a role such as officer or secretary, no name")
    ]
    key: Annotated[
        str,
        Meta(
            pattern=r"^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}( [ -~]{0,100})?\Z",
            description="an Ed25519 public key as in its .pub file, `ssh-ed25519 AAAA...`; no other kind counts",
        ),
    ]
    """[How one is made](policy-signing.md)."""
    until: datetime.date | None = None
    """Policies that begin later do not count when this key signed them. Those that began earlier stay signed."""

    def blob(self) -> bytes:
        """The key as a signature has it."""
        return convert(self.key.split()[1], bytes)

    def code(self) -> str:
        """The key's short code."""
        return codes((self.blob(),))[0]


class PolicyOwner(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose the policy is."""

    signers: Annotated[
        tuple[Signer, ...], Meta(max_length=SIGNERS_MAX, description="who may sign the policy; none: it is not signed")
    ] = ()
    """Set when the unit is commissioned: [a signed policy](policy-signing.md)."""

    def codes(self) -> tuple[str, ...]:
        """Short codes of the signers' keys, sorted: the order in the file means nothing."""
        return tuple(sorted({one.code() for one in self.signers}))


def codes(keys: Iterable[bytes]) -> tuple[str, ...]:
    """Short codes of public keys: sixteen digits of the SHA-256, as of holders' keys.

    Eight would do for a slip of the pen; another key with the same eight can be found in some days on a desk computer.
    """
    digests = (hashlib.sha256(key).hexdigest() for key in keys)
    return tuple("-".join(digest[at : at + 4] for at in range(0, 16, 4)) for digest in digests)


def changed(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """What is wrong where others may sign than before, for a person; empty: they are the same, or there were none."""
    if not before or before == now:
        return ""
    left = ", ".join(now) or "nobody"
    return f"who may sign the policy was changed in unit.toml: before {', '.join(before)}, now {left}"
