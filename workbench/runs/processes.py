"""Checks whether the process of a run is alive."""

from __future__ import annotations

import contextlib
import os
import socket
import time

from workbench.runs.records import Launched, Process, RunState

BEAT = 1.0  # seconds between heartbeats
OLD = 6.0  # a heartbeat older than this, with the process gone, means a lost run
OLD_ELSEWHERE = 120.0  # on another host the process cannot be looked up, and clocks may differ


def identity() -> Process:
    """The identity of this process."""
    return birth(os.getpid())


def birth(pid: int) -> Process:
    """The identity of another process on this host; without `started` when it no longer exists."""
    import psutil

    started: float | None = None
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(pid).create_time()
    return Process(pid=pid, started=started, host=socket.gethostname())


def alive(process: Process) -> bool:
    """Whether this process runs on this host; its number may have been reused, so its creation time is compared."""
    import psutil

    # a number without a creation time is ambiguous: it may be from another machine or have been reused
    if process.pid is None or process.pid <= 1 or process.started is None:
        return False
    try:
        current = psutil.Process(process.pid)
        return abs(current.create_time() - process.started) < 1.0 and current.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    except psutil.AccessDenied:  # it exists, and is another user's
        return True


def lost(state: RunState) -> bool:
    """Whether a run that calls itself running has died: its heartbeat is old and its process gone."""
    age = time.time() - state.heartbeat
    if state.host != socket.gethostname():
        return age > OLD_ELSEWHERE
    return age > OLD and not alive(state.process)


def abandoned(state: RunState, launched: Launched) -> bool:
    """Whether every process that was started for a queued run on this host has died before it could record this.

    A run without a started process is still waiting, and not abandoned.
    """
    processes = [*launched.processes, *([state.process] if state.pid else [])]
    here = socket.gethostname()
    return bool(processes) and all(process.host == here and not alive(process) for process in processes)
