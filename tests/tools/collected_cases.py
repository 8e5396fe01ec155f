# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A plug-in for pytest that prints, after the collection, which tests pin which case, as one line of JSON."""

from __future__ import annotations

import json
import sys
from collections import defaultdict

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """After the collection, before anything runs."""
    found: dict[str, set[str]] = defaultdict(set)
    for item in session.items:
        for mark in item.iter_markers("case"):
            for case in mark.args:
                name = item.originalname if isinstance(item, pytest.Function) else item.name
                found[case].add(f"`{item.location[0]}` `{name}`")
    sys.stdout.write("\n" + json.dumps({case: sorted(tests) for case, tests in found.items()}) + "\n")
