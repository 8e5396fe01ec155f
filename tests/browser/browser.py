# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Runs a story of this repository in Debian's Chromium, with what `make` has installed below .node/browser."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
INSTALLED = ROOT / ".node" / "browser" / "node_modules"


def story(script: Path, said: Any, within_s: float = 300) -> Any:
    """Gives a story JSON on its standard input and returns the JSON on its standard output.

    What the page says on its console, and where a wait did not end, stands in the failure.
    """
    assert INSTALLED.is_dir(), "what drives the browser is not installed: run `make .node/browser/.ready`"
    environment = {**os.environ, "NODE_PATH": f"{INSTALLED}:{ROOT / 'tests' / 'browser'}"}
    done = subprocess.run(
        ["node", str(script)], input=json.dumps(said), capture_output=True, text=True, check=False,
        env=environment, timeout=within_s,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout)
