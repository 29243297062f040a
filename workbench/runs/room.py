"""A full disk: some room is kept so that a run can still say what happened to it."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from workbench import files

RESERVE, BYTES = ".reserve", 128 * 1024
FULL = (errno.ENOSPC, errno.EDQUOT)


def keep(folder: Path) -> None:
    """Take the room; raises OSError when there is none."""
    # not zeros, which some file systems do not store
    files.write_bytes(folder / RESERVE, os.urandom(BYTES), sync=True)


def give_up(folder: Path) -> None:
    """Give the room free."""
    with contextlib.suppress(OSError):
        (folder / RESERVE).unlink(missing_ok=True)


def is_full(error: BaseException) -> bool:
    """Whether `error` says that a disk or a quota is full; safetensors tells so in words alone."""
    return isinstance(error, OSError) and (
        error.errno in FULL or "os error 28" in str(error) or "No space" in str(error)
    )
