# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Every error that a person may meet: one tree, one class and one exit code per kind."""

from __future__ import annotations


class UnitError(Exception):
    """Root of all errors of the room unit; the text says what, which, and what was expected."""

    exit_code = 1


class SettingsError(UnitError):
    """The settings files have faults; the text lists all of them, one per line."""

    exit_code = 2


class WallError(UnitError):
    """A process was started with something in reach that the design forbids it."""

    exit_code = 3


class DeviceError(UnitError):
    """A button line, lamp, camera or microphone cannot be opened or does not answer."""

    exit_code = 4


class StoreError(UnitError):
    """The store or a file in it cannot be written, read or understood."""

    exit_code = 5


class TakenError(StoreError):
    """Another keeper has the store."""


class SealError(UnitError):
    """A recording key or a holder's key could not be made or is not one."""

    exit_code = 6


class LinkError(UnitError):
    """A local socket is not there, refused us, or carried something that is not a message."""

    exit_code = 7


class JournalError(UnitError):
    """The alarm journal cannot be opened or written."""

    exit_code = 8


class NotFoundError(UnitError):
    """There is no recording or hold with this id."""

    exit_code = 9


class HangError(UnitError):
    """A device's library hangs in a call: only the end of this process frees the device."""

    exit_code = 11


class RequestError(UnitError):
    """A request cannot be carried out as made; the text says what was expected."""

    exit_code = 12


class RightsError(UnitError):
    """The person is in no group that may do this."""

    exit_code = 13


class RefusedError(UnitError):
    """A process of the unit refused an operator's request; carries that process's text and exit code."""

    def __init__(self, words: str, exit_code: int) -> None:
        super().__init__(words)
        self.exit_code = exit_code
