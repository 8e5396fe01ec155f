# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What makes the alarm process ready sooner: imported first by its composition roots, for what it keeps from happening.

While a program is being loaded nothing is garbage, and each of the collections that loading sets off walks through all
that is there: a tenth of the time until a press is seen. msgspec asks `typing_extensions` for names that Python 3.11
has itself, and takes those when it is told that there is no such module: a twentieth.
"""

from __future__ import annotations

import gc
import sys

ROOTS = ("daemon.alarm.__main__", "tests.benchmarks.alarm_root")
"""A process that merely imports one of them, such as a test's, is left alone."""


def over() -> None:
    """The process is ready: what stands now stays, for a collection of all of it takes longer than an alarm."""
    gc.freeze()
    gc.enable()
    if sys.modules.get("typing_extensions", gc) is None:
        del sys.modules["typing_extensions"]


_spec = getattr(sys.modules["__main__"], "__spec__", None)
if _spec is not None and _spec.name in ROOTS:
    gc.disable()
    sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type]  # None: "not installed" to the import system
