"""Is the process of a run still there?"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

BEAT = 1.0  # seconds between heartbeats
OLD = 6.0  # a heartbeat older than this, with the process gone, means a lost run
OLD_ELSEWHERE = 120.0  # on another host the process cannot be looked up, and clocks may differ


def identity() -> dict[str, Any]:
    """What tells this process from any other: `pid`, `started` (its creation time, s), `host`."""
    return birth(os.getpid())


def birth(pid: int) -> dict[str, Any]:
    """As `identity`, of another process; without `started` when it is gone already."""
    import psutil

    told: dict[str, Any] = {"pid": pid, "host": socket.gethostname()}
    with contextlib.suppress(psutil.Error):
        told["started"] = psutil.Process(pid).create_time()
    return told


def alive(state: Mapping[str, Any]) -> bool:
    """Whether the process named in `state` runs on this host: its number may be another's by now, its birth tells."""
    import psutil

    pid, started = state.get("pid"), state.get("started")
    # without its birth a number says nothing: it may come from another machine, or have passed to another process
    if not isinstance(pid, int) or pid <= 1 or not isinstance(started, int | float):
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    except psutil.AccessDenied:  # it exists, and is another user's
        return True


def lost(state: Mapping[str, Any]) -> bool:
    """Whether a run that calls itself running has died: its heartbeat is old and its process gone."""
    age = time.time() - float(state.get("heartbeat") or 0.0)
    if state.get("host") != socket.gethostname():
        return age > OLD_ELSEWHERE
    return age > OLD and not alive(state)


def abandoned(state: Mapping[str, Any], launched: Mapping[str, Any]) -> bool:
    """Whether every process that was started for a queued run on this host has died before it could say so.

    `launched`: the run's list of them. A run for which none was started is waiting to be, and not abandoned.
    """
    started = [*launched.get("processes", []), *([state] if state.get("pid") else [])]
    here = socket.gethostname()
    return bool(started) and all(one.get("host") == here and not alive(one) for one in started)
