# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page in a real browser with its network off: Chromium, or Firefox where SPREEKKAMER_BROWSER says so."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.browser import INSTALLED, ROOT
from tests.node import Node
from tests.pulse import PulseAudio

PAGE = ROOT / "reader/dist/opname.html"
MODULES = ROOT / ".node/reader/node_modules"
"""What it is built of."""
FIREFOX = os.environ.get("SPREEKKAMER_BROWSER") == "firefox"


class Browser:
    """One browser. `open` begins with a fresh page, without anything of the one before."""

    def __init__(self) -> None:
        self._saved = tempfile.TemporaryDirectory()
        self._speaker: PulseAudio | None = None
        words = [str(ROOT / "tests/browser/drive.mjs"), str(INSTALLED)]
        if FIREFOX:
            modules, out = ROOT / ".node/firefox/node_modules", Path(self._saved.name) / "out"
            out.mkdir()
            words = [str(ROOT / "tests/browser/firefox/drive.mjs"), str(modules), str(out)]
            # Where there is nothing to sound from, Firefox ends a player that has sound alone.
            self._speaker = PulseAudio(Path(self._saved.name) / "pulse")
            self._speaker.start()
        environment = {**os.environ, **(self._speaker.environment if self._speaker else {})}
        self._driver = Node(*words, env=environment)

    @property
    def pid(self) -> int:
        """Of what drives it."""
        return self._driver.pid

    def do(self, act: str, **about: Any) -> Any:
        """One act. Raises AssertionError with the browser's words."""
        answer = self._driver.ask(json.dumps({"act": act, **about}))
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def open(self, page: Path = PAGE) -> None:
        """A fresh page."""
        self.do("open", url=page.as_uri())

    def give(self, at: str, *paths: Path) -> None:
        """Chooses files, or one directory, as a person does in a dialog; the page is in no state until it answers."""
        self.do("eval", js="void (document.body.dataset.state = '')")
        self.do("files", at=at, paths=[str(path) for path in paths])

    def state(self, *states: str, ms: int = 30_000) -> str:
        """Waits until the page is in one of these states, and says in which."""
        js = f"{json.dumps(states)}.find((one) => one === document.body.dataset.state)"
        return str(self.do("wait", js=js, ms=ms))

    def text(self, at: str) -> str:
        """What stands there."""
        return str(self.do("eval", js=f"document.querySelector({json.dumps(at)}).innerText"))

    def verdicts(self) -> list[dict[str, Any]]:
        """The verdict on each recording."""
        js = "[...document.querySelectorAll('.recording')].map(({dataset}) => ({...dataset}))"
        return [{**one, "faults": json.loads(one["faults"])} for one in self.do("eval", js=js)]

    def close(self) -> None:
        """Ends the browser; nothing of it may be left."""
        self._driver.close()
        if self._speaker is not None:
            self._speaker.stop()
        self._saved.cleanup()
