# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The operator's command, asked from a test: as a process, or without a start of Python's, which takes longer than most
of what is asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable

from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.errors import UnitError
from tests.waiting import PATIENCE_S

PLAIN = {"COLUMNS": "110", "TERM": "dumb", "NO_COLOR": "1"}
"""No terminal, no colour."""


def process(words: Iterable[object], *, module: str = "daemon") -> subprocess.CompletedProcess[str]:
    """What a command says that is started as a person starts it."""
    program, environment = [sys.executable, "-m", module, *map(str, words)], {**os.environ, **PLAIN}
    return subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment)


def spreekkamer(*words: object) -> subprocess.CompletedProcess[str]:
    """What the command says, in this process."""
    asked = [str(word) for word in words]
    done = CliRunner().invoke(app, asked, env=PLAIN)
    if not isinstance(done.exception, UnitError | SystemExit | None):
        raise done.exception
    code = done.exception.exit_code if isinstance(done.exception, UnitError) else done.exit_code
    error = f"spreekkamer: {done.exception}\n" if isinstance(done.exception, UnitError) else ""
    return subprocess.CompletedProcess(asked, code, done.stdout, done.stderr + error)
