# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contract of `hardware.ports.Disk`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from daemon.errors import DeviceError
from hardware.disk import FileSystemDisk


def test_space_is_the_file_systems_own(tmp_path: Path) -> None:
    """K2: what counts as free is what the unit may still write; root's reserve is not ours."""
    space = FileSystemDisk(tmp_path).space()
    assert space.total_bytes == shutil.disk_usage(tmp_path).total
    assert 0 < space.free_bytes <= space.total_bytes
    assert space.used_bytes + space.free_bytes <= space.total_bytes


def test_a_missing_directory_is_a_device_error(tmp_path: Path) -> None:
    """K2: a store that cannot be asked is an error that names it, not an empty or a full disk."""
    with pytest.raises(DeviceError, match="missing: No such file"):
        FileSystemDisk(tmp_path / "missing").space()
