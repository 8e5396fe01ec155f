"""The alarm journal: kept before it counts, by a thread that nobody waits for."""

from __future__ import annotations

import queue
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from daemon.alarm.journal import AtBroker, CloseAlarms, Journal, Keep, Kept, Opened, Row, Said, Trouble


def row(n: int, kind: str = "raised") -> Row:
    return Row(f"event-{n}", f"event-{n}", kind, '{"n": 1}', "boot", n, n, n)


def opened(path: Path) -> tuple[Journal, queue.Queue[Said], Opened]:
    said: queue.Queue[Said] = queue.Queue()
    journal = Journal(path, said.put)
    journal.start()
    first = said.get(timeout=10)
    assert isinstance(first, Opened)
    return journal, said, first


def test_what_was_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    """A1: an event whose `Kept` was said is in the journal after kill -9 of the process, open and undelivered."""
    code = f"""
import os, signal, sys; sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from tests.alarm.test_journal import *
journal, said, _ = opened(Path({str(tmp_path / "j.sqlite3")!r}))
for n in range(1, 4): journal.give(Keep(row(n)))
for n in range(1, 4): assert said.get(timeout=10) == Kept(f"event-{{n}}")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    journal, _, found = opened(tmp_path / "j.sqlite3")
    assert [r.event_id for r in found.undelivered] == ["event-1", "event-2", "event-3"]
    assert [r.event_id for r in found.open_alarms] == ["event-1", "event-2", "event-3"]
    assert found.next_n == 4
    journal.close()


def test_delivered_and_closed_events_are_not_found_again(tmp_path: Path) -> None:
    """A1: what the broker took is not sent again, what was reset is not open; a refusal, and nobody listening, are no
    delivery.
    """
    path = tmp_path / "j.sqlite3"
    journal, said, _ = opened(path)
    for n, code in ((1, 0), (2, 0x87), (3, 0x10)):
        journal.give(Keep(row(n)))
        journal.give(AtBroker(f"event-{n}", code, 5))
    journal.give(CloseAlarms(("event-1", "event-2"), 6))
    for _ in range(3):
        assert isinstance(said.get(timeout=10), Kept)
    journal.close()
    again, _, found = opened(path)
    assert [r.event_id for r in found.undelivered] == ["event-2", "event-3"]
    assert [r.event_id for r in found.open_alarms] == ["event-3"]
    again.close()


def test_a_stalled_disk_holds_up_nobody(tmp_path: Path) -> None:
    """A3: while another writer holds the database locked, giving orders returns at once; they are kept when it lets go,
    and the trouble is said once.
    """
    path = tmp_path / "j.sqlite3"
    journal, said, _ = opened(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    for n in range(1, 101):
        assert journal.give(Keep(row(n)))
    assert time.monotonic() - began < 1.0, "a bound on hanging, not a speed: sqlite waits five seconds for its lock"
    trouble = said.get(timeout=20)
    assert isinstance(trouble, Trouble)
    assert "locked" in trouble.reason
    other.execute("ROLLBACK")
    other.close()
    words = [said.get(timeout=20) for _ in range(101)]
    assert [word for word in words if isinstance(word, Trouble)] == [Trouble("")]
    assert len([word for word in words if isinstance(word, Kept)]) == 100
    journal.close()


def test_a_journal_that_cannot_be_opened_is_trouble_and_not_the_end(tmp_path: Path) -> None:
    """A3: with the journal's directory in the way of a file the process hears of trouble, and the journal opens as soon
    as the way is free.
    """
    said: queue.Queue[Said] = queue.Queue()
    (tmp_path / "journal").write_text("in the way")
    journal = Journal(tmp_path / "journal" / "j.sqlite3", said.put)
    journal.start()
    assert isinstance(said.get(timeout=10), Trouble)
    assert journal.give(Keep(row(1)))
    (tmp_path / "journal").unlink()
    assert [type(said.get(timeout=10)) for _ in range(3)] == [Trouble, Opened, Kept]
    journal.close()
