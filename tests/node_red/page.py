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


def witness_flow() -> list[dict[str, Any]]:
    """The flow of the witness's page."""
    found: list[dict[str, Any]] = json.loads((GUIDE / "node-red-witness.json").read_text(encoding="utf-8"))
    return found


def witness_access() -> str:
    """The lines of the access list on the witness's page, with this witness's own name."""
    text = (GUIDE / "witness.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```acl\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(block).replace("witness.getuige", "witness.node-red").replace("witness/getuige", "witness/node-red")


def nodes() -> dict[str, dict[str, Any]]:
    """The flow's nodes by their ids."""
    return {node["id"]: node for node in flow()}


def blocks(language: str) -> list[str]:
    """The page's blocks of a language."""
    text = (GUIDE / "node-red.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
