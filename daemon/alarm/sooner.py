# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Speeds up the start of the alarm process. Its composition roots import this first.

While a program is being loaded nothing is garbage, yet each collection walks through everything: a tenth of the time
until a press is seen. msgspec asks `typing_extensions` for names that Python 3.11 has itself, and uses those when told
that there is no such module: a twentieth.
"""

from __future__ import annotations

import gc
import sys

ROOTS = ("daemon.alarm.__main__", "tests.benchmarks.alarm_root")
"""A process that merely imports one of them, such as a test's, is not affected."""


def over() -> None:
    """The process is ready. Exempt all present objects from collection: collecting them takes longer than an alarm."""
    gc.freeze()
    gc.enable()
    if sys.modules.get("typing_extensions", gc) is None:
        del sys.modules["typing_extensions"]


_spec = getattr(sys.modules["__main__"], "__spec__", None)
if _spec is not None and _spec.name in ROOTS:
    gc.disable()
    sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type]  # None: "not installed" to the import system
