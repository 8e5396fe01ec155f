# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Scenarios that anyone can read: the keywords of Robot Framework files, in Dutch and in English, and their effects.

`worlds` is the interface to a room (a simulated one here; another kind of room is another class with the same methods).
`steps` are the twenty things that a scenario can do and see. `SpreekkamerLibrary` gives them to Robot Framework.
"""

from simulators.robot.library import SpreekkamerLibrary

__all__ = ["SpreekkamerLibrary"]
