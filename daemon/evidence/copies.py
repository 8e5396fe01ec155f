# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Files written by a custodian's commands: complete under their name or absent, on any file system and platform."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from daemon.errors import StoreError


def refuse_existing(path: Path) -> None:
    """Raise StoreError if something exists at the path."""
    if path.exists():
        raise StoreError(f"{path}: is there already; expected a place without it")


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a new file, durable on return. Raises StoreError, and then leaves nothing."""
    part = path.with_name(f".{path.name}.part")
    try:
        refuse_existing(path)
        part.unlink(missing_ok=True)
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}; nothing was written") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
