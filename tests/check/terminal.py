# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A terminal in which a person's command runs: tmux, driven by keys and read from its screen."""

from __future__ import annotations

import shlex
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Self

from tests.rooms import wait_for


class Terminal:
    """One window of a tmux server of its own. Use as a context; what runs in it ends with it."""

    def __init__(self, home: Path, *command: str) -> None:
        self._socket = str(home / f"tmux-{uuid.uuid4().hex[:8]}")
        self._code = home / "exit-code"
        line = f"{shlex.join(command)}; echo $? > {shlex.quote(str(self._code))}; cat"  # cat: the screen stays
        self._tmux("new-session", "-d", "-x", "150", "-y", "70", "bash", "-c", line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)

    def screen(self) -> str:
        """What a person sees, lines that have scrolled away included."""
        return self._tmux("capture-pane", "-p", "-S", "-500")

    def waits_for(self, text: str, within_s: float = 30.0) -> str:
        """The screen as soon as it shows the text; the failure shows the screen."""
        try:
            return wait_for(
                f"`{text}` on the screen", lambda: shown if text in (shown := self.screen()) else "", within_s
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None

    def types(self, text: str) -> None:
        """Keys, and Enter."""
        self._tmux("send-keys", text, "Enter")

    def ended(self, within_s: float = 30.0) -> int:
        """The exit code of the command, when it has ended."""
        return int(wait_for("the end of the command", self._said_code, within_s))

    def _said_code(self) -> str:
        return self._code.read_text() if self._code.exists() else ""

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, *words], capture_output=True, text=True, check=True)
        return done.stdout


def _with(text: str, screen: str) -> str:
    return screen if text in screen else ""


def spreekkamer(*words: str) -> tuple[str, ...]:
    """The operator's command, as this Python runs it."""
    return sys.executable, "-m", "daemon", *words
