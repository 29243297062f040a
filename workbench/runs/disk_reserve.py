"""A reserve of disk space for each run, so that it can still record how it ended when the disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from workbench import files

RESERVE, BYTES = ".reserve", 128 * 1024
FULL = (errno.ENOSPC, errno.EDQUOT)


def reserve(folder: Path) -> None:
    """Write the reserve of a run; raises OSError when there is no space for it."""
    # not zeros, which some file systems do not store
    files.write_bytes(folder / RESERVE, os.urandom(BYTES), sync=True)


def release(folder: Path) -> None:
    """Delete the reserve of a run, if it has one."""
    with contextlib.suppress(OSError):
        (folder / RESERVE).unlink(missing_ok=True)


def is_full(error: BaseException) -> bool:
    """Whether `error` says that a disk or a quota is full; that of safetensors says so in its text alone."""
    return isinstance(error, OSError) and (
        error.errno in FULL or "os error 28" in str(error) or "No space" in str(error)
    )
