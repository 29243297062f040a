"""One analysis at work in the worker process, as the code that does it sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PROGRESS_INTERVAL = 0.05  # seconds


class Job:
    """One analysis on its way: the request, what it says, whether it is to stop."""

    def __init__(self, request: dict[str, Any], send: Callable[..., None], is_cancelled: Callable[[], bool]) -> None:
        self.request = request
        self.send = send
        self.is_cancelled = is_cancelled
        self._told = 0.0

    def progress(self, fraction: float, text: str) -> None:
        """Report progress, at a limited rate."""
        now = time.monotonic()
        if now - self._told >= PROGRESS_INTERVAL or fraction >= 1:
            self._told = now
            bounded = min(max(fraction, 0.0), 1.0) if fraction == fraction else 0.0
            self.send({"kind": "progress", "fraction": bounded, "text": str(text)})

    def log(self, text: str) -> None:
        """One or more lines for the log, by the way that prints take too, so that their order is kept."""
        print(text, flush=True)
