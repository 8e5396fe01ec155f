# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Notifications to systemd: ready, alive, stopping.

sd_notify(3) is one datagram to one socket. The libraries for it on PyPI need a compiler or have not been maintained for
years, so these few lines are ours.
"""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send one state such as `READY=1`; False: nothing listens (no NOTIFY_SOCKET, or it has gone). Any thread."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)  # a full socket of systemd's must not delay a press
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return False  # systemd is restarting or gone; its watchdog will notice
    return True


def watchdog_interval_s() -> float | None:
    """Half of systemd's watchdog interval; None: no watchdog is set for this process."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000
