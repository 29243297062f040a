"""How far the reading of feature files is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class IngestProgress:
    """How far reading is: `fraction` of all bytes (estimated within a file), rows of the split so far, seconds."""

    split: str
    rows: int
    done_bytes: int
    total_bytes: int
    seconds: float

    @property
    def fraction(self) -> float:
        return min(1.0, self.done_bytes / max(1, self.total_bytes))

    @property
    def remaining(self) -> float:
        """Seconds left at the rate so far; NaN before anything was read."""
        return self.seconds * (1 - self.fraction) / self.fraction if self.fraction > 0 else float("nan")


Progress = Callable[[IngestProgress], None]
