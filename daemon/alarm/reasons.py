# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Why there is no connection to a broker, for whoever mends it: whose certificate, which file, the clock."""

from __future__ import annotations

import re
import ssl
import time

from daemon.alarm.dialect import DECLINED
from daemon.tls import openssl_says, plainly

ENDED = "Unspecified error"
"""paho's text for a connection that ended without a reason."""
ALERT = re.compile(r"\[SSL: (?:SSLV3|TLSV1|TLSV13)_ALERT_(\w+)\]")
"""How OpenSSL names a TLS alert from the other side (RFC 8446, 6.2)."""
ERRNO = re.compile(r"on socket: \[Errno \d+\] (.*)")
CERTIFICATE_ALERTS = {
    "CERTIFICATE_EXPIRED": "it has expired",
    "BAD_CERTIFICATE": "it is not valid yet, or is damaged",
    "UNKNOWN_CA": "no authority that the broker knows has signed it",
    "CERTIFICATE_REVOKED": "it has been revoked",
    "CERTIFICATE_REQUIRED": "it asks for one",
}
"""By the alert's name. OpenSSL says `bad certificate` of one that is not valid yet."""


class Found:
    """What was heard before one connection ended. Filled by paho's callbacks."""

    def __init__(self) -> None:
        self._code, self._errno, self._alert, self._refused = "", "", "", ""

    def refused(self, text: str, code: int, *, is_5: bool) -> None:
        """The broker has refused the CONNECT: its reason code in words, and as MQTT 5 numbers it.

        paho reports the end that follows as a protocol error, or not at all.
        """
        if code == DECLINED:
            next_is = "3.1.1" if is_5 else "MQTT 5"
            spoken = "MQTT 5" if is_5 else "3.1.1"
            self._refused = f"the broker does not speak {spoken} (code {code:#x}); the next connection speaks {next_is}"
        else:
            self._refused = f"the broker refused the connection: {text} (code {code:#x})"

    def code(self, text: str) -> None:
        """A reason code, the broker's own or paho's."""
        self._code = text

    def logged(self, text: str) -> None:
        """A line of paho's log, the only place where it reports the socket's error."""
        if alert := ALERT.search(text):
            self._alert = alert[1]
        elif errno := ERRNO.search(text):
            self._errno = errno[1]

    def words(self, *, tls: bool, was_up: bool) -> str:
        """The whole reason, for the fault `broker`."""
        if self._alert in CERTIFICATE_ALERTS:
            why = CERTIFICATE_ALERTS[self._alert]
            return f"the broker refused this unit's certificate: {why} ({plainly(self._alert)})"
        if self._alert:
            return f"the broker ended TLS: {plainly(self._alert)}"
        if self._refused:
            return self._refused
        ended = f"the connection ended: {self._errno.lower()}" if self._errno else "the broker ended the connection"
        reason = ended if self._code == ENDED else self._code or "the broker did not answer"
        if tls and not was_up:
            # In TLS 1.3 a refused certificate may show only as a connection that ends.
            reason += "; perhaps it does not accept this unit's certificate: look at the broker's log"
        elif self._code == ENDED and not was_up:
            reason += "; perhaps it wants TLS, and `broker.tls` is not set: look at the broker's log"
        return reason


def why(error: OSError) -> str:
    """Why the broker could not be reached."""
    if isinstance(error, ssl.SSLCertVerificationError):
        year = time.gmtime().tm_year
        return (
            f"the broker's certificate does not hold: {error.verify_message}; the unit's clock says {year}, "
            "and a wrong clock makes a good certificate fail"
        )
    if isinstance(error, ssl.SSLError):
        return f"the broker refused this unit's certificate, or TLS failed: {openssl_says(error)}"
    return error.strerror or str(error)
