# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Keeps what ALSA, JACK and PortAudio say on stderr while they look for devices out of the log.

Invariant: nobody else's word is lost. The event log goes to stdout and is not touched. What other threads and libraries
write to file descriptor 2 meanwhile is held back, and comes out whole when the look is over (a line that is written at
that very moment may come before it); only lines that are known noise stay away. A machine without JACK gets some eighty
of them at every try to open a microphone.

It is held in a pipe because a pipe has an end: a thread that is inside write(2) when stderr is given back still has the
pipe open, so that reading to its end waits for that line. A file in memory would keep it for nobody.
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
"""How such lines begin: alsa-lib 1.2, JACK 1.9 and 2, PortAudio 19."""
HELD_BYTES = 1_048_576
"""The most that a pipe takes from a process without privileges; eighty lines are seven thousand. Nobody waits at a full
one: what does not fit is lost."""
END_MS = 1000
"""For a thread that is inside write(2), which takes microseconds. A program that was started meanwhile with our stderr
has the pipe open for as long as it runs, and is not waited for."""
_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
    """While it lasts, file descriptor 2 is a pipe, read when it is over. Any thread; one at a time, others wait."""
    with _one_at_a_time:
        real, (held, end) = os.dup(2), os.pipe()
        with contextlib.suppress(OSError):  # a user who has many pipes gets 65,536 bytes
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
