"""Keeps what ALSA, JACK and PortAudio say on stderr while they look for devices out of the log.

The law here: nobody else's word is lost. The event log goes to stdout and is not touched. What other threads and
libraries write to file descriptor 2 meanwhile is held back, and comes out whole when the look is over (a line that is
written at that very moment may come before it); only lines that are known noise stay away. A machine without JACK gets
some eighty of them at every try to open a microphone.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOISE = re.compile(
    rb"ALSA lib |Cannot connect to server |jack server is not running|JackShmReadWritePtr|"
    rb"connect\(2\) call to |attempt to connect to server failed|Expression '.*' failed in 'src/"
)
"""How such lines begin: alsa-lib 1.2, JACK 1.9 and 2, PortAudio 19."""
_one_at_a_time = threading.RLock()


@contextmanager
def without_noise() -> Iterator[None]:
    """While it lasts, file descriptor 2 is a piece of memory. Any thread; one at a time, others wait."""
    with _one_at_a_time:
        real, held = os.dup(2), os.memfd_create("stderr")
        os.dup2(held, 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            _pass_on(held)
            os.close(held)


def _pass_on(held: int) -> None:
    size = os.fstat(held).st_size
    text = os.pread(held, size, 0)
    kept = b"".join(line for line in text.splitlines(keepends=True) if line.strip() and not NOISE.match(line))
    if kept:
        os.write(2, kept)
