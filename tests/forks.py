# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Code in processes of its own, without a start of Python for each: they are forked from one that has loaded what the
code imports. That one is no test's own process: a fork of threads can hang.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests import leaks

SERVER = """
import ast, importlib, json, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the code prints is no answer
for line in sys.stdin:
    code, given = json.loads(line)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom): importlib.import_module(node.module)
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        names = {{"Path": Path, "said": None, **given}}
        exec(code, names)
        with os.fdopen(theirs, "w") as file: json.dump(names["said"], file)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as file: said = file.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps([code, json.loads(said or "null")]), file=answers, flush=True)
"""


class Ended(NamedTuple):
    """How the code ended."""

    code: int
    """As its process's; 1 for an error, which stands among what the test wrote to stderr."""
    said: Any
    """What its name `said` was at its end."""


@cache
def _server() -> subprocess.Popen[str]:
    code = SERVER.format(root=str(Path.cwd()))
    with leaks.shared():
        server = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    atexit.register(server.communicate)
    return server


def forked(code: str, **given: Any) -> Ended:
    """Runs code that finds `given` (what JSON can say) as names, and Path."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps([code, given]) + "\n")
    server.stdin.flush()
    return Ended(*json.loads(server.stdout.readline()))
