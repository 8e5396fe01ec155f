# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The event log: events with fields, written to stdout by a separate thread.

Invariant: a full pipe, a stopped journald or a slow terminal holds up this thread and nothing else (promise A2).
`event` only enqueues; events that do not fit are counted, and the count is logged next. On a terminal structlog formats
the lines. For the journal an event is one line of JSON, without structlog (decision 22): with its imports (asyncio,
ssl) it takes 8 MB in each process, and as much work as the rest of the start.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

QUEUE_MAX = 1000
"""Events that may wait for stdout: some minutes of a busy unit, under a megabyte."""

Level = Literal["debug", "info", "warning", "error"]
Item = tuple[Level, str, float, dict[str, Any]]

_queue: queue.Queue[Item | None] = queue.Queue(QUEUE_MAX)
_lost = [0]
_thread: list[threading.Thread] = []


def event(name: str, /, level: Level = "info", **fields: Any) -> None:
    """Log an event. Never blocks, never raises. Any thread."""
    try:
        _queue.put_nowait((level, name, time.time(), fields))
    except queue.Full:
        _lost[0] += 1


def start(process: str) -> None:
    """Start the writing thread: JSON under systemd, readable on a terminal. Once per process."""
    thread = threading.Thread(target=_write_all, args=(process,), name="log", daemon=True)
    _thread.append(thread)
    thread.start()


def stop() -> None:
    """Write what is waiting, for at most a second (stdout itself may be stuck)."""
    if _thread:
        _queue.put(None)
        _thread.pop().join(timeout=1.0)


def _write_all(process: str) -> None:
    write = _line if "JOURNAL_STREAM" in os.environ or not sys.stdout.isatty() else _terminal()
    while (item := _queue.get()) is not None:
        level, name, at_s, fields = item
        try:
            if _lost[0]:
                lost, _lost[0] = _lost[0], 0
                write("warning", "log_events_lost", {"process": process, "count": lost})
            write(level, name, {"process": process, "at": _utc(at_s), **fields})
        except Exception:  # noqa: BLE001 - stdout is closed or full, or a field cannot be written: counted, and logged then
            _lost[0] += 1


def _utc(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s)) + f".{int(at_s * 1000) % 1000:03d}Z"


def _line(level: Level, name: str, fields: dict[str, Any]) -> None:
    """The same output as structlog's JSONRenderer, byte for byte."""
    import json  # noqa: PLC0415 - in this thread, at its first event: 2 ms that a start would take

    sys.stdout.write(json.dumps({**fields, "event": name, "level": level}, default=repr) + "\n")
    sys.stdout.flush()


def _terminal() -> Callable[[Level, str, dict[str, Any]], None]:
    # structlog imports rich wherever rich is installed, for tracebacks that nobody reads here. None in sys.modules
    # means "not installed" to the import system.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    import structlog  # noqa: PLC0415 - only for a person at a terminal, see the module's docstring

    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.dev.ConsoleRenderer(pad_event_to=28)],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    logger = structlog.get_logger()
    return lambda level, name, fields: getattr(logger, level)(name, **fields)
