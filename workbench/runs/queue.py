"""Queue of runs for a device: one at a time unless concurrent runs are allowed.

A place on a device is a lock file, and so is a ticket in the queue for it. The kernel releases locks however a process
ends, so that a dead run neither keeps its place nor blocks the queue.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, Timeout

from workbench import files

POLL = 0.1  # seconds between polls of the queue


class Holder(files.Record, frozen=True, kw_only=True):
    """The run that holds a place on a device, stored in a file next to the lock."""

    run: str = ""


@contextmanager
def place(
    state_dir: Path, device: str, run: str, parallel: int, waits: Callable[[str], None], cancelled: Callable[[], bool]
) -> Iterator[bool]:
    """Hold one of `parallel` places on `device` of this host; yields False, without a place, when cancelled before.

    `waits` is called with the run that holds the place whenever that changes. With one place, runs get it in the order
    of their requests; a run that may share the device takes any free place.
    """
    folder = files.folder(state_dir / "queue", make=True)
    stem = re.sub(r"[^\w.-]", "-", f"{socket.gethostname()}-{device}")
    ticket = folder / f"{stem}.ticket-{time.time_ns():020d}-{run}"
    with files.lock(ticket):
        waits_for: str | None = None
        while True:
            if cancelled():
                ticket.unlink(missing_ok=True)
                yield False
                return
            first = parallel > 1 or _first(folder, stem, ticket)
            lock = _free(folder, stem, parallel) if first else None
            if lock is not None:
                break
            holder = _holder(folder / f"{stem}.0.json")
            if holder != waits_for:
                waits_for = holder
                waits(holder)
            time.sleep(POLL)
        ticket.unlink(missing_ok=True)
    try:
        files.write_json(Path(str(lock.lock_file)).with_suffix(".json"), Holder(run=run))
        yield True
    finally:
        lock.release()


def _holder(path: Path) -> str:
    """The run that has a place; empty when its file cannot be read, since the lock alone counts."""
    try:
        return (files.read_record(path, Holder) or Holder()).run
    except (files.DamagedFile, files.NewerFile):
        return ""


def _first(folder: Path, stem: str, ticket: Path) -> bool:
    """Whether `ticket` is the first in the queue; tickets of dead processes are removed."""
    for other in sorted(folder.glob(f"{stem}.ticket-*")):
        if other == ticket:
            return True
        try:
            with files.lock(other, timeout=0):
                other.unlink(missing_ok=True)
        except Timeout:
            return False
    return True


def _free(folder: Path, stem: str, parallel: int) -> BaseFileLock | None:
    """A place that is free, now held; the first one last, since those who wait for their turn need that one."""
    for slot in reversed(range(max(parallel, 1))):
        lock = files.lock(folder / f"{stem}.{slot}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        return lock
    return None
