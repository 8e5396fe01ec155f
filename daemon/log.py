"""The event log: events with fields, to stdout, written by a thread of its own.

The law here: a full pipe, a stopped journald or a slow terminal holds up this thread and nobody else (promise A2).
`event` only enqueues; what does not fit is counted, and the count is the next thing that is logged. structlog is
imported by the thread as well, and only when the process is ready: with what it pulls in it takes as long as the alarm
process takes to get there, and both want the one lock that Python has.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from typing import Any, Literal

QUEUE_MAX = 1000
"""Events that may wait for stdout: some minutes of a busy unit, under a megabyte."""

READY_S = 5.0
"""Events wait this long at most for a process that does not say that it is ready: then something is wrong with it."""

Level = Literal["debug", "info", "warning", "error"]
Item = tuple[Level, str, float, dict[str, Any]]

_queue: queue.Queue[Item | None] = queue.Queue(QUEUE_MAX)
_lost = [0]
_thread: list[threading.Thread] = []
_may_write = threading.Event()


def event(name: str, /, level: Level = "info", **fields: Any) -> None:
    """Logs one event. Never blocks, never raises. Any thread."""
    try:
        _queue.put_nowait((level, name, time.time(), fields))
    except queue.Full:
        _lost[0] += 1
    if (name == "ready" or level == "error") and not _may_write.is_set():
        _may_write.set()


def start(process: str) -> None:
    """Starts the writing thread: JSON under systemd, readable on a terminal. Once a process."""
    thread = threading.Thread(target=_write_all, args=(process,), name="log", daemon=True)
    _thread.append(thread)
    thread.start()


def stop() -> None:
    """Writes what is waiting, for a second at most (stdout may be the thing that is stuck)."""
    if _thread:
        _may_write.set()
        _queue.put(None)
        _thread.pop().join(timeout=1.0)


def _write_all(process: str) -> None:
    _may_write.wait(READY_S)
    logger = _logger().bind(process=process)
    while (item := _queue.get()) is not None:
        level, name, at_s, fields = item
        try:
            if _lost[0]:
                lost, _lost[0] = _lost[0], 0
                logger.warning("log_events_lost", count=lost)
            getattr(logger, level)(name, at=_utc(at_s), **fields)
        except Exception:  # noqa: BLE001 - stdout is closed or full, or a field cannot be written: counted, and logged then
            _lost[0] += 1


def _utc(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s)) + f".{int(at_s * 1000) % 1000:03d}Z"


def _logger() -> Any:
    # structlog imports rich wherever rich is installed, for tracebacks that nobody reads here: 10 MB of the
    # 40 MB that the alarm process may take. None in sys.modules means "not installed" to the import system.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    import structlog  # noqa: PLC0415 - by this thread, see the law above

    machine = "JOURNAL_STREAM" in os.environ or not sys.stdout.isatty()
    renderer: Any = structlog.processors.JSONRenderer() if machine else structlog.dev.ConsoleRenderer(pad_event_to=28)
    structlog.configure(
        processors=[structlog.processors.add_log_level, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger()
