"""A process that dies at its n-th call that touches the disk, as a power cut or kill -9 would have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DYING = """
import os, sys
sys.path.insert(0, {root!r})
count = 0
def dying(call):
    def act(*args, **kwargs):
        global count
        count += 1
        if count == {point}: os._exit(9)
        return call(*args, **kwargs)
    return act
for name in {calls!r}: setattr(os, name, dying(getattr(os, name)))
from pathlib import Path
{story}
"""


def die_at(point: int, calls: tuple[str, ...], story: str) -> bool:
    """Runs a story in a process of its own that ends hard at its n-th of these calls of `os`; False: it lived on."""
    code = DYING.format(root=str(Path.cwd()), point=point, calls=calls, story=story)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode in {0, 9}, done.stderr
    return done.returncode == 9
