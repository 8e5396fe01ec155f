# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Puts the licence's two lines at the top of each file of code that has none; ruff refuses a Python file without them.

Everything else has its licence in REUSE.toml; `reuse lint` reads both.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TAG = "SPDX-"
"""By itself: a whole word of the licence's would be taken for this file's own."""
HOLDER = "2026 the Spreekkamer authors"
COMMENT = {".py": "#", ".sh": "#", ".service": "#", ".target": "#", ".mjs": "//", ".js": "//", ".cjs": "//", ".c": "//"}
ELSEWHERE = ("reader/",)
"""What is built into one page whose bytes are published: REUSE.toml speaks for it."""


def headed(text: str, comment: str) -> str:
    """The text with its header, below a first line that the kernel reads."""
    if f"{TAG}License-Identifier:" in text[:400]:
        return text
    header = f"{comment} {TAG}FileCopyrightText: {HOLDER}\n{comment} {TAG}License-Identifier: EUPL-1.2\n"
    first, newline, rest = text.partition("\n")
    if first.startswith("#!"):
        return first + newline + header + rest
    return header + ("\n" if text else "") + text


def main() -> None:
    """Writes the headers that are missing, and names the files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix not in COMMENT or name.startswith(ELSEWHERE) or path.is_symlink():
            continue
        text = path.read_text(encoding="utf-8")
        if (found := headed(text, COMMENT[path.suffix])) != text:
            path.write_text(found, encoding="utf-8")
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
