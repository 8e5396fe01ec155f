# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fixtures of every test, and how long properties are searched: `ci` is the same search every time,
`--hypothesis-profile deep` looks further.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal import constants_ast
from hypothesis.internal.conjecture import providers

from daemon import model
from simulators.clock import SimClock
from tests import lanes, waiting
from tests.leaks import FAILED, closing, nothing_left, nothing_on_the_machine

__all__ = ["closing", "nothing_left", "nothing_on_the_machine"]

# No deadline, and no limit to how slowly examples come: a property that another process on the machine slowed down is
# not a wrong one. No database: a failure is printed as an example to paste into a test, and a checkout stays as it is.
settings.register_profile(
    "ci", deadline=None, database=None, derandomize=True, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "deep", deadline=None, database=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=40)  # `make fast`
settings.register_profile(  # for each of thousands of mutants; that an example fails is enough: none is made shorter
    "mutants", settings.get_profile("quick"), phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("ci")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Lanes only where files stay together: those of containers have groups of their own."""
    if config.getoption("dist") != "loadscope":
        return None
    from tests.scheduling import Lanes  # noqa: PLC0415 - the virtual machine's tests have no xdist

    return Lanes(config, log)


@pytest.fixture
def until() -> waiting.Until:
    """Waits for a fact."""
    return waiting.until


@pytest.fixture
def clock(tmp_path: Path) -> SimClock:
    """A room's clock."""
    return SimClock.create(tmp_path / "clock")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers a failure for the fixtures that end after it."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The same order in every worker; a file's tests stay together."""
    items.sort(key=lambda item: lanes.rank(item.path.parent.name))


@functools.cache
def constants_of_the_model() -> constants_ast.Constants:
    """The numbers and words that stand in the code that decides: near them an example is likely to find something."""
    found = providers._local_constants  # empty, and sorted: sets of words have another order in each process
    for module in pkgutil.walk_packages(model.__path__, f"{model.__name__}."):
        found |= constants_ast.constants_from_module(importlib.import_module(module.name))
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis tries the constants of whichever of our modules are loaded: another search in each worker of `make
    test`, and none that can be had again. `ci` and `quick` try those of the model; the others go on as they are.

    And this process takes the priority of its lane.
    """
    lanes.go_to_lane()
    if config.getoption("--hypothesis-profile") in {None, "ci", "quick"}:
        providers._get_local_constants = constants_of_the_model  # there is no setting for it; see pyproject.toml
