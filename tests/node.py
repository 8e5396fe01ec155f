# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A program in Node.js that answers each line of JSON, or of a path, with one of JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.waiting import PATIENCE_S


class Node:
    """`close` it: nothing of it may be left."""

    def __init__(self, *words: str, env: Mapping[str, str] | None = None) -> None:
        self._child = subprocess.Popen(
            ["node", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """Of the program."""
        return self._child.pid

    def ask(self, line: str) -> dict[str, Any]:
        """The answer; when the program has ended, that it is gone, as its own answers say what went wrong."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{line}\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        told: dict[str, Any] = json.loads(answer or '{"error": "it is gone", "crash": "it is gone"}')
        return told

    def close(self) -> None:
        """Ends it."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait(timeout=PATIENCE_S)
        self._child.stdout.close()
