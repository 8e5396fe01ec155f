# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The certificates of a path to a broker, as OpenSSL loads them, and what is wrong with those that it refuses."""

from __future__ import annotations

import ssl
from pathlib import Path

from daemon.errors import UnitError
from daemon.model.unit import Tls


class UnusableFileError(UnitError):
    """A certificate file that cannot be used."""


def context(tls: Tls) -> ssl.SSLContext:
    """The TLS context of a connection. Raises UnusableFileError, which names the file."""
    for path in (tls.ca, tls.certificate, tls.key):
        try:
            Path(path).open("rb").close()
        except OSError as error:
            raise UnusableFileError(f"{path}: {error.strerror}") from error
    try:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_verify_locations(tls.ca)
    except ssl.SSLError as error:
        raise UnusableFileError(f"{tls.ca}: {openssl_says(error)}; expected certificates in PEM") from error
    try:
        made.load_cert_chain(tls.certificate, tls.key, password="")  # or OpenSSL would ask for one on a terminal
    except ssl.SSLError as error:
        files, expected = (
            f"{tls.certificate}, {tls.key}",
            "; expected a certificate in PEM, and its key without a password",
        )
        raise UnusableFileError(f"{files}: {openssl_says(error)}{expected}") from error
    return made


def openssl_says(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason as words."""
    return plainly(error.reason or str(error))


def plainly(name: str) -> str:
    """Return one of OpenSSL's names as words."""
    return name.lower().replace("_", " ")
