# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Robot Framework's library interface to `steps.STEPS`: each step under its Dutch and its English name."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any, ClassVar

from robot.api import SkipExecution, logger
from robot.libraries.BuiltIn import BuiltIn, RobotNotRunningError

from daemon.errors import SettingsError
from simulators.robot.steps import STEPS, WITHIN_S, Step, Story
from simulators.robot.worlds import CannotStageError, SimulatedWorld, World

ARGUMENT = re.compile(r"\$\{[^}]*\}")
SIMULATOR = f"{SimulatedWorld.__module__}.{SimulatedWorld.__qualname__}"


class SpreekkamerLibrary:
    """A room and what can be done in it and seen of it, as keywords in Dutch and in English.

    Each keyword stands under both names; `Gegeven`, `Als`, `Dan` or `Given`, `When`, `Then` go before it. Every test
    has a room of its own, which is taken down at its end. A keyword that looks waits for what it names, for a minute,
    and says what it saw instead.

    The room is a simulated one. Robot Framework's variable `WORLD` names another kind, so that the files stay as they
    are: `--variable WORLD:package.module.Class`, a class with the methods of `simulators.robot.worlds.World`. A test
    that asks for something that this kind of room has no means to do is skipped, with the reason.
    """

    ROBOT_LIBRARY_SCOPE = "GLOBAL"
    ROBOT_LISTENER_API_VERSION = 3
    ROBOT_LIBRARY_DOC_FORMAT = "reST"
    KEYWORDS: ClassVar[dict[str, Step]] = {name: step for step in STEPS for name in (step.nl, step.en)}

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._story = Story(_world(), float(within_s))

    def get_keyword_names(self) -> list[str]:
        """Every step, twice."""
        return list(self.KEYWORDS)

    def get_keyword_arguments(self, name: str) -> list[str]:
        """One per placeholder in the name."""
        return [argument[2:-1] for argument in ARGUMENT.findall(name)]

    def get_keyword_documentation(self, name: str) -> str:
        """The step's own, and its other name. Robot asks for the library's by names of its own."""
        if name == "__intro__":
            return inspect.getdoc(type(self)) or ""
        if name == "__init__":
            return "``within_s``: how long a fact may take in a simulated room."
        step = self.KEYWORDS[name]
        other = step.en if name == step.nl else step.nl
        return f"{inspect.getdoc(step.do)}\n\n*{'English' if name == step.nl else 'Nederlands'}*: {other}"

    def run_keyword(self, name: str, args: list[Any], named: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Robot's
        """Run one step."""
        try:
            self.KEYWORDS[name].do(self._story, *args)
        except CannotStageError as error:
            raise SkipExecution(str(error)) from error
        except AssertionError:
            logger.info(self._story.told())  # in log.html, to find the cause
            raise

    def end_test(self, _data: Any, result: Any) -> None:
        """The room of this test is over; anything wrong at its end fails the test."""
        try:
            self._story.end()
        except AssertionError as error:
            result.status, result.message = "FAIL", str(error)

    def close(self) -> None:
        """Leave nothing behind when Robot ends early."""
        self._story.end()


def _world() -> Callable[[str], World]:
    """The kind of room named by the variable WORLD. Raises SettingsError for an invalid name."""
    try:
        path = str(BuiltIn().get_variable_value("${WORLD}", SIMULATOR))
    except RobotNotRunningError:  # for its documentation
        path = SIMULATOR
    module, _, name = path.rpartition(".")
    try:
        found: Callable[[str], World] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"WORLD {path}: {error}; expected a class's path, such as {SIMULATOR}") from error
    return found
