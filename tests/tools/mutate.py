# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make mutants`: changes the core in each way that mutmut knows, and tries each change by the tests that reach it.

The modules are changed as they are imported, with every change in them behind mutmut's switch: no file is written. The
tests are collected once; each change has a fork of that process, and its tests until one fails, the quickest first.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatch
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType

import pytest
from mutmut.mutation import trampoline
from mutmut.mutation.file_mutation import mutate_file_contents

from tests.tools.mutants import Change, changes, compared, counted, kept

TESTS = ("tests/model", "tests/alarm/test_lines.py", "tests/alarm/test_lines_late.py")
"""The late edges of a line are told by the tests of who reads it."""
LEFT_OUT = ("tests/model/test_room_diagram.py", "tests/model/test_pure.py")
"""The page that is drawn from every room there is (minutes a change), and what reads the core's own sources."""
UNDER_TEST = "MUTANT_UNDER_TEST"
"""mutmut's switch: the name of a change, or `stats`: each call of a function is reported."""
CPU_S, CPU_TIMES = 3, 10
"""A test hangs that takes this much of a processor, and so many times what it takes without a change."""
WRITTEN: dict[str, dict[str, Change]] = {}
"""The changes of each module, by mutmut's name."""


class Changed(SourceFileLoader):
    """Imports a module with every change in it."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile what mutmut makes of the module, and remember the changes."""
        file = self.get_filename(fullname)
        text = mutate_file_contents(file, Path(file).read_text(encoding="utf-8")).code
        WRITTEN[fullname] = changes(text, fullname)
        code: CodeType = compile(text, file, "exec", dont_inherit=True)
        return code


class Finder:
    """First in sys.meta_path: has the wanted modules changed."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.wanted = wanted

    def find_spec(self, name: str, path: Sequence[str] | None, _target: object = None) -> ModuleSpec | None:
        """As the import system asks; None: not one of these."""
        spec = PathFinder.find_spec(name, path) if any(fnmatch(name, one) for one in self.wanted) else None
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = Changed(name, spec.loader.path)
        return spec


class Trials:
    """A plugin of pytest that tries the changes where pytest would run the tests."""

    def __init__(self) -> None:
        self.reasons = kept()
        self.good = True
        self.cost_s: dict[pytest.Item, float] = {}
        self.reaching = defaultdict[str, list[pytest.Item]](list)
        self._failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of a test's set-up, its call and its end."""
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once without a change, then try the changes of each module that they have imported."""
        self._look(session.items)
        gc.freeze()  # a fork copies what a collection touches
        for module, written in sorted((module, found) for module, found in WRITTEN.items() if found):
            unseen = [change for name, change in written.items() if not self._is_seen(name, change.where)]
            line, enough = counted(module, len(written), unseen, self.reasons)
            differences = compared(module, unseen, self.reasons)
            self.good &= enough and not differences
            sys.stdout.write(line + differences)
            sys.stdout.flush()
        return True

    def _look(self, items: list[pytest.Item]) -> None:
        """Learn which functions each test calls, and how long it takes."""
        os.environ[UNDER_TEST] = "stats"
        called = set[str]()
        trampoline.record_trampoline_hit = lambda name, **_: called.add(name)
        for item, following in pairwise([*items, items[0]]):
            called.clear()
            before_s = time.process_time()
            if not self._passes(item, following):
                raise pytest.UsageError(f"fails without a change: {item.nodeid}")
            self.cost_s[item] = time.process_time() - before_s
            for function in called:
                self.reaching[function].append(item)
        os.environ[UNDER_TEST] = ""

    def _is_seen(self, name: str, function: str) -> bool:
        """Whether a test fails, or hangs, with the change."""
        tests = sorted(self.reaching[function], key=self.cost_s.__getitem__)
        if not tests:
            return False
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.environ[UNDER_TEST] = name
            try:
                os._exit(not all(self._passes_in_time(*pair) for pair in pairwise([*tests, tests[0]])))
            finally:
                os._exit(1)
        return os.waitpid(child, 0)[1] != 0

    def _passes_in_time(self, item: pytest.Item, following: pytest.Item) -> bool:
        """Run a test. The kernel ends a process whose test hangs."""
        most_s = time.process_time() + CPU_S + CPU_TIMES * self.cost_s[item]
        resource.setrlimit(resource.RLIMIT_CPU, (round(most_s), resource.RLIM_INFINITY))
        return self._passes(item, following)

    def _passes(self, item: pytest.Item, following: pytest.Item) -> bool:
        """Run a test; what `following` shares with it stays."""
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._failed


def main() -> None:
    """Exit code 1 where a module has less than is wanted, or where the kept changes are not those that no test saw."""
    sys.meta_path.insert(0, Finder(sys.argv[1:] or ["daemon.model.*"]))
    options = ["-q", "-s", "--assert=plain", "--tb=no", "--hypothesis-profile=mutants", "-p", "no:cacheprovider"]
    options += [f"--ignore={file}" for file in LEFT_OUT]
    trials = Trials()
    code = pytest.main([*options, *TESTS], plugins=[trials])
    sys.exit(code or not trials.good)


if __name__ == "__main__":
    main()
