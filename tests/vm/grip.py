# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""This side's end of the machine's `hands`."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

from daemon.errors import UnitError
from tests.vm.hands import PORT
from tests.vm.machine import Machine


class Grip:
    """A connection that is made when it is needed. One thread."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._wire: subprocess.Popen[str] | None = None

    def ask(self, **asked: Any) -> Any:
        """What was found. Raises UnitError with what the hands said."""
        if self._wire is None:
            self._wire = self._machine.wire(PORT)
        assert self._wire.stdin is not None
        assert self._wire.stdout is not None
        self._wire.stdin.write(json.dumps(asked) + "\n")
        self._wire.stdin.flush()
        said = json.loads(self._wire.stdout.readline() or '{"ok": false, "text": "the machine does not answer"}')
        if not said["ok"]:
            raise UnitError(f"{shlex.join(map(str, asked.values()))}: {said['text']}")
        return said["found"]

    def leave(self) -> None:
        """Lets go."""
        found, self._wire = self._wire, None
        if found is not None:
            found.kill()
            found.communicate()
