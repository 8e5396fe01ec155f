# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The event log: events with fields, to stdout, written by a thread of its own.

The law here: a full pipe, a stopped journald or a slow terminal holds up this thread and nobody else (promise A2).
`event` only enqueues; what does not fit is counted, and the count is the next thing that is logged. A terminal's lines
are structlog's; for the journal an event is one line of JSON, and structlog is not imported (decision 22): with what it
brings (asyncio, ssl) it is 8 MB in each process, and as much work as getting ready.
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
    """Logs one event. Never blocks, never raises. Any thread."""
    try:
        _queue.put_nowait((level, name, time.time(), fields))
    except queue.Full:
        _lost[0] += 1


def start(process: str) -> None:
    """Starts the writing thread: JSON under systemd, readable on a terminal. Once a process."""
    thread = threading.Thread(target=_write_all, args=(process,), name="log", daemon=True)
    _thread.append(thread)
    thread.start()


def stop() -> None:
    """Writes what is waiting, for a second at most (stdout may be the thing that is stuck)."""
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
    """As structlog's JSONRenderer has it, byte for byte."""
    import json  # noqa: PLC0415 - by this thread, at its first event: 2 ms of what a start may take

    sys.stdout.write(json.dumps({**fields, "event": name, "level": level}, default=repr) + "\n")
    sys.stdout.flush()


def _terminal() -> Callable[[Level, str, dict[str, Any]], None]:
    # structlog imports rich wherever rich is installed, for tracebacks that nobody reads here. None in sys.modules
    # means "not installed" to the import system.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    import structlog  # noqa: PLC0415 - for a person at a terminal alone, see the law above

    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.dev.ConsoleRenderer(pad_event_to=28)],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    logger = structlog.get_logger()
    return lambda level, name, fields: getattr(logger, level)(name, **fields)
