"""Messages between the widgets of the Train screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.runs import MetricsRow


@dataclass
class MetricsRead(Message):
    """New rows of a run's metrics, in order: the contents of its file between the bytes `start` and `end`."""

    run_id: str
    rows: list[MetricsRow]
    start: int
    end: int


@dataclass
class AloneChanged(Message):
    """One chart now fills the page (`alone`), or no longer does."""

    alone: bool
