# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The key that signs slips: an Ed25519 key that follows from the secret half of a recording key.

Invariant: nothing here signs, and nothing opens (decision 29). The child that makes a recording key asks for the public
half of the slip's key, once; whoever opens a recording has the secret it follows from, and nobody else has. On their
computer the secret half is made, for ssh-keygen.

    seed     SHA-256 of "spreekkamer-slip/1", a newline, "AGE-SECRET-KEY-1…"
    public   RFC 8032, 5.1.5: SHA-512 of the seed, clamped, times the base point
"""

from __future__ import annotations

import base64
import hashlib
import struct

LABEL = b"spreekkamer-slip/1\n"
"""Hashed before the secret: no other use of it gives the same seed."""
_KIND = b"ssh-ed25519"
_P = 2**255 - 19
_D2 = 2 * -121_665 * pow(121_666, -1, _P) % _P
_BASE_Y = 4 * pow(5, -1, _P) % _P
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
"""The base point of RFC 8032, 5.1; its x is the even root."""
Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T (RFC 8032, 5.1.4): x = X / Z, y = Y / Z, x y = T / Z."""


def seed(secret: str) -> bytes:
    """The seed for a recording's secret key, as it stands in an envelope."""
    return hashlib.sha256(LABEL + secret.strip().encode()).digest()


def public(seed_: bytes) -> str:
    """The public half of a seed, as in a `.pub` file; some 5 ms."""
    return f"{_KIND.decode()} {base64.b64encode(_texts(_KIND, _point(seed_))).decode()}"


def private(seed_: bytes) -> bytes:
    """The key of a seed as a file of OpenSSH's (PROTOCOL.key), without a passphrase."""
    point, check = _point(seed_), bytes(8)
    blob = _texts(_KIND, point)
    secret = check + _texts(_KIND, point, seed_ + point, b"slip")
    secret += bytes(range(1, 1 + -len(secret) % 8))
    text = base64.b64encode(b"openssh-key-v1\0" + _texts(b"none", b"none", b"") + b"\0\0\0\1" + _texts(blob, secret))
    return b"-----BEGIN OPENSSH PRIVATE KEY-----\n%b\n-----END OPENSSH PRIVATE KEY-----\n" % text


def _point(seed_: bytes) -> bytes:
    digest = hashlib.sha512(seed_).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    x, y, z, _ = _times(scalar, (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P))
    inverse = pow(z, -1, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _texts(*parts: bytes) -> bytes:
    """Each after its length (RFC 4251, 5)."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _times(scalar: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = _plus(found, point)
        point = _plus(point, point)
        scalar >>= 1
    return found


def _plus(left: Point, right: Point) -> Point:
    """RFC 8032, 5.1.4; it holds for a point and itself too."""
    a = (left[1] - left[0]) * (right[1] - right[0]) % _P
    b = (left[1] + left[0]) * (right[1] + right[0]) % _P
    c = left[3] * _D2 * right[3] % _P
    d = 2 * left[2] * right[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P
