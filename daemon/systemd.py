# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What systemd wants to hear: ready, alive, stopping.

sd_notify(3) is one datagram to one socket; the libraries for it on the registry need a compiler or have been left
alone for years, so these few lines are ours.
"""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Sends one state such as `READY=1`; False where nobody listens (no NOTIFY_SOCKET, or it is gone). Any thread."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)  # a full socket of systemd's must not hold back a press
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return False  # systemd is restarting or gone; its watchdog judges us, there is nobody to tell
    return True


def watchdog_interval_s() -> float | None:
    """Half of what systemd allows between two signs of life; None where no watchdog is set for this process."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000
