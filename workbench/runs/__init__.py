"""Runs: one training of one head each, in a directory that outlives every process. Importing this loads no torch."""

from __future__ import annotations

from workbench.runs.control import create, remove, resume, start, start_sync, stop
from workbench.runs.filters import differences, matching
from workbench.runs.folder import RunFolder, StoredRun, read_log
from workbench.runs.looks import test_looks
from workbench.runs.marks import star, tag
from workbench.runs.metrics import MetricsRow, fold, read_metrics
from workbench.runs.snapshot import RunSnapshot, list_runs, load, newest_to_look_at, read

__all__ = [
    "MetricsRow",
    "RunFolder",
    "RunSnapshot",
    "StoredRun",
    "create",
    "differences",
    "fold",
    "list_runs",
    "load",
    "matching",
    "newest_to_look_at",
    "read",
    "read_log",
    "read_metrics",
    "remove",
    "resume",
    "star",
    "start",
    "start_sync",
    "stop",
    "tag",
    "test_looks",
]
