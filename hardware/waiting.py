# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A call into a library that may never return, made in a thread that can be abandoned."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from daemon.errors import HangError

T = TypeVar("T")


def within(seconds: float, device: str, what: str, call: Callable[[], T]) -> T:
    """Return the call's result, or raise its error. Raises HangError if it has not returned by then.

    The hanging thread is a daemon: it does not keep alive the process that has to end because of it.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - raised again by the waiting thread
            errors.append(error)

    helper = threading.Thread(target=run, name=f"{device}-{what}", daemon=True)
    helper.start()
    helper.join(seconds)
    if helper.is_alive():
        raise HangError(f"{device}: did not {what} within {seconds:g} s; expected the end of this process")
    if errors:
        raise errors[0]
    return results[0]
