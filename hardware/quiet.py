# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Keeps out of the log what ALSA, JACK and PortAudio print to stderr while they look for devices.

Invariant: nobody else's output is lost. The event log goes to stdout and is not affected. Output of other threads and
libraries to file descriptor 2 is held back meanwhile, and appears in full afterwards (a line written at that very
moment may come before it); only known noise is dropped. A machine without JACK prints some eighty such lines at every
attempt to open a microphone.

A pipe is used because it has an end: a thread that is inside write(2) when stderr is restored still has the pipe open,
so that reading to the end waits for its line. A file in memory would lose it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import threading
from collections.abc import Iterator

NOISE = re.compile(
    rb"ALSA lib |Cannot connect to server |jack server is not running|JackShmReadWritePtr|"
    rb"connect\(2\) call to |attempt to connect to server failed|Expression '.*' failed in 'src/"
)
"""Start of such lines: alsa-lib 1.2, JACK 1.9 and 2, PortAudio 19."""
HELD_BYTES = 1_048_576
"""The largest pipe for an unprivileged process; eighty lines are seven thousand bytes. Writers do not wait at a full
pipe: what does not fit is lost."""
END_MS = 1000
"""Time for a thread inside write(2), which takes microseconds. A program started meanwhile with our stderr keeps the
pipe open as long as it runs, and is not waited for."""
_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
    """Meanwhile file descriptor 2 is a pipe, which is read at the end. Any thread; one at a time, others wait."""
    with _one_at_a_time:
        real, (held, end) = os.dup(2), os.pipe()
        with contextlib.suppress(OSError):  # a user with many pipes only gets 65,536 bytes
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, HELD_BYTES)
        os.set_blocking(end, False)
        os.dup2(end, 2)
        os.close(end)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            text = _read_to_the_end(held)
            os.close(held)
            _pass_on(text)


def _read_to_the_end(held: int) -> bytes:
    text, poll = b"", select.poll()
    poll.register(held, select.POLLIN)
    while poll.poll(END_MS) and (more := os.read(held, HELD_BYTES)):
        text += more
    return text


def _pass_on(text: bytes) -> None:
    kept = b"".join(line for line in text.splitlines(keepends=True) if line.strip() and not NOISE.match(line))
    if kept:
        os.write(2, kept)
