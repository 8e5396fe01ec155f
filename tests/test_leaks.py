# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a test leaves behind fails it: the fixtures themselves, in a pytest of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests import leaks
from tests.waiting import PATIENCE_S

FIXTURES = """
from pathlib import Path
from tests import leaks
from tests.leaks import nothing_left, nothing_on_the_machine
leaks.HERE, leaks.PATIENCE_S = Path(__file__).parent, 0.5
"""
TESTS = """
import os, socket, subprocess, threading
import pytest
from tests import leaks

KEPT = []

def begin(name):
    event = threading.Event()
    thread = threading.Thread(target=event.wait, name=name, daemon=True)
    thread.start()
    return event, thread

def end(begun):
    event, thread = begun
    event.set()
    thread.join()

def test_nothing():
    with open(__file__) as file:
        subprocess.run(["true"], stdin=file, check=True)

def test_thread():
    KEPT.append(begin("mine"))

def test_thread_in_its_place():
    end(KEPT.pop())
    KEPT.append(begin("mine"))

def test_file():
    KEPT.append(open(__file__))

def test_file_in_its_place():
    KEPT.pop().close()
    KEPT.append(open(os.devnull))

def test_socket():
    KEPT.append(socket.socket())

def test_child():
    KEPT.append(subprocess.Popen(["sleep", "600"]))

def test_the_child_ends():
    KEPT[-1].kill()
    KEPT[-1].wait()

@pytest.fixture(scope="module")
def ended():
    with leaks.shared_room():
        yield

@pytest.fixture(scope="module")
def room(ended):
    threads = [begin("part")]
    yield threads
    for thread in threads:
        end(thread)
    KEPT.append(os.pipe())

def test_part_of_a_room_that_starts_anew(room):
    end(room.pop())
    room.append(begin("part"))

def test_pool_of_a_room(room):
    room.append(begin("asyncio_0"))

def test_thread_in_a_room(room):
    KEPT.append(begin("mine"))

def test_room(room):
    pass
"""


def test_what_is_left_is_found(tmp_path: Path) -> None:
    """H5: a thread, a file, a socket and a child are each an error of the test that left them, also where one of their
    kind ended; what a shared room leaves is one of the last in it; who leaves nothing has none.
    """
    (tmp_path / "conftest.py").write_text(FIXTURES)
    (tmp_path / "test_it.py").write_text(TESTS)
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path))
    done = subprocess.run([*words, str(tmp_path)], cwd=leaks.HERE.parent, capture_output=True, text=True,
                          timeout=PATIENCE_S * 4, check=False)  # fmt: skip
    found = dict(re.findall(r"ERROR at teardown of test_(\w+) .*?Error: left behind: \['(\w+)", done.stdout, re.DOTALL))
    assert found == {
        "thread": "thread", "thread_in_its_place": "thread", "file": "file", "file_in_its_place": "file",
        "socket": "file", "child": "child", "thread_in_a_room": "thread", "room": "file",
    }, done.stdout  # fmt: skip
    assert "12 passed, 8 errors" in done.stdout
