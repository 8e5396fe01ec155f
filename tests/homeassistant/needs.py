# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Prints what pip has to install for the parts of Home Assistant that we start: run in its own environment by make.

Home Assistant itself would install them while it starts; `make home-assistant` starts it with nothing left to fetch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import homeassistant  # type: ignore[import-not-found]  # is in an environment of its own

STARTED = (
    "mqtt", "frontend", "automation", "script", "shell_command", "persistent_notification", "recorder", "backup",
)  # fmt: skip
"""What the guide's package uses; and the page with what it stands on unsaid: without it, a recovery mode only."""


def needs(started: tuple[str, ...], components: Path) -> list[str]:
    """Requirements of parts and of all that those stand on, as their manifests pin them."""
    todo, seen, found = list(started), set(started), []
    while todo:
        manifest = json.loads((components / todo.pop() / "manifest.json").read_text())
        found += manifest.get("requirements", [])
        fresh = set(manifest.get("dependencies", [])) - seen
        seen |= fresh
        todo += sorted(fresh)
    return sorted(set(found))


if __name__ == "__main__":
    sys.stdout.write("\n".join(needs(STARTED, Path(homeassistant.__file__).parent / "components")))
