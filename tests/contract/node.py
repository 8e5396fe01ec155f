# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Runs a script of this directory under Node.js, with what `make` has installed below .node/."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parent.parent / ".node" / "node_modules"


def run(script: str, said: Any) -> Any:
    """Gives a script JSON on its standard input and returns the JSON on its standard output."""
    assert INSTALLED.is_dir(), "what checks the contract is not installed: run `make .node/.ready`"
    done = subprocess.run(
        ["node", str(HERE / script)], input=json.dumps(said), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]
    return json.loads(done.stdout)
