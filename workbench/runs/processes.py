"""Is the process of a run still there?"""

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
    """What tells this process from any other."""
    return birth(os.getpid())


def birth(pid: int) -> Process:
    """As `identity`, of another process of this host; without `started` when it is gone already."""
    import psutil

    started: float | None = None
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(pid).create_time()
    return Process(pid=pid, started=started, host=socket.gethostname())


def alive(process: Process) -> bool:
    """Whether this process runs on this host: its number may be another's by now, its creation time tells."""
    import psutil

    # without its creation time a number says nothing: it may come from another machine, or be another process' now
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
    """Whether every process that was started for a queued run on this host has died before it could say so.

    A run for which none was started is waiting to be, and not abandoned.
    """
    processes = [*launched.processes, *([state.process] if state.pid else [])]
    here = socket.gethostname()
    return bool(processes) and all(process.host == here and not alive(process) for process in processes)
