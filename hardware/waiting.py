# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A call into a library that may never come back, made in a thread that can be left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from daemon.errors import HangError

T = TypeVar("T")


def within(seconds: float, device: str, what: str, call: Callable[[], T]) -> T:
    """The call's result, or its error. Raises HangError when it has not come back by then.

    The thread that hangs is a daemon's: it does not keep the process alive that has to end because of it.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - raised again by who waits
            errors.append(error)

    helper = threading.Thread(target=run, name=f"{device}-{what}", daemon=True)
    helper.start()
    helper.join(seconds)
    if helper.is_alive():
        raise HangError(f"{device}: did not {what} within {seconds:g} s; expected the end of this process")
    if errors:
        raise errors[0]
    return results[0]
