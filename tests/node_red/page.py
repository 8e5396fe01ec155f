# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""docs/guide/node-red.md and its flow, taken apart; nothing here imports the daemon."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide"


def flow() -> list[dict[str, Any]]:
    """The flow that the page links to, node by node."""
    found: list[dict[str, Any]] = json.loads((GUIDE / "node-red-flow.json").read_text(encoding="utf-8"))
    return found


def nodes() -> dict[str, dict[str, Any]]:
    """The flow's nodes by their ids."""
    return {node["id"]: node for node in flow()}


def blocks(language: str) -> list[str]:
    """The page's blocks of a language."""
    text = (GUIDE / "node-red.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
