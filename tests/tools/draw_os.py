# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws what docs/guide/install.md does to the operating system, from deploy/ansible/os.yml: `make docs`.

The role of Ansible applies the same list; `make fleet-test` shows that it finds nothing to do behind these commands.
"""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "guide" / "install.md"
LIST = ROOT / "deploy" / "ansible" / "os.yml"
HEAD = "<!-- Drawn from deploy/ansible/os.yml by `make docs`, to the next heading. -->\n"
END = "\n## 2. The package\n"


def listed() -> dict[str, list[dict[str, str]]]:
    """The list."""
    found: dict[str, list[dict[str, str]]] = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    return found


def commands(of: dict[str, list[dict[str, str]]]) -> str:
    """The same in a shell, for root. A second run changes nothing."""
    files = of["os_files"]
    directories = sorted({str(PurePosixPath(one["path"]).parent) for one in files})
    off = " ".join(one["unit"] for one in of["os_masked"])
    lines = [
        "boot=/boot/firmware",
        f"for line in {_words(of['os_boot_lines'], 'line')}; do",
        '  grep -qx "$line" $boot/config.txt || echo "$line" >> $boot/config.txt',
        "done",
        f"for word in {_words(of['os_boot_words'], 'word')}; do",
        '  grep -q "$word" $boot/cmdline.txt || sed -i "s/$/ $word/" $boot/cmdline.txt',
        "done",
        f"mkdir -p {' '.join(directories)}",
        *(f"cat > {one['path']} <<'END'\n{one['text']}END" for one in files),
        *(one["then"] for one in files if one["then"] != "reboot"),
        f"systemctl mask {off}",
        f"systemctl stop {off} 2>/dev/null || true  # some are not there",
        f"systemctl --global mask {' '.join(one['unit'] for one in of['os_masked_for_users'])}",
        *(f"systemctl enable --now {one['unit']}" for one in of["os_enabled"]),
        *(f"if id {one['user']} >/dev/null 2>&1; then userdel {one['user']}; fi" for one in of["os_no_users"]),
    ]
    return "\n".join(lines) + "\n"


def _words(items: list[dict[str, str]], key: str) -> str:
    return " ".join(shlex.quote(one[key]) for one in items)


def table(of: dict[str, list[dict[str, Any]]]) -> str:
    """What each of them is for."""
    rows = []
    for items in of.values():
        for one in items:
            (what,) = (one[key] for key in ("line", "word", "path", "unit", "user") if key in one)
            rows.append(f"| `{what}` | {one['why']} |\n")
    return "| | why |\n|---|---|\n" + "".join(rows)


def page() -> str:
    """The whole page: what is written by hand, and the commands with their reasons."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(HEAD)
    after = rest.partition(END)[2]
    of = listed()
    return f"{before}{HEAD}\n```sh\n{commands(of)}```\n\n{table(of)}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
