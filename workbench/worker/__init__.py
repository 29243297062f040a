"""The warm child process that runs analyses, and its client.

A plugin that fails to import, raises, hangs, kills its process or exhausts the memory only affects its own result.
Importing this package loads neither polars nor numpy: the interface starts without them.
"""

from workbench.worker.client import Worker, run_sync
from workbench.worker.events import (
    Event,
    JobBlock,
    JobDone,
    JobFailed,
    JobLog,
    JobProgress,
    JobStarted,
)

__all__ = [
    "Event",
    "JobBlock",
    "JobDone",
    "JobFailed",
    "JobLog",
    "JobProgress",
    "JobStarted",
    "Worker",
    "run_sync",
]
