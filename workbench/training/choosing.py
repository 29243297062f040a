"""Which epoch's weights are kept, and when there is no use in going on: decided on val alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """One epoch: `accuracy` is None without val, and `loss` is then that of train."""

    loss: float
    accuracy: float | None

    def better_than(self, other: Score | None, measure: str) -> bool:
        """By `measure` "loss" or "accuracy"; of equal accuracies the one of lower loss."""
        if other is None:
            return True
        if measure == "accuracy" and self.accuracy is not None and other.accuracy is not None:
            return (self.accuracy, -self.loss) > (other.accuracy, -other.loss)
        return self.loss < other.loss


class Chooser:
    """Follows the epochs; `keep` and `early_stopping` as in the settings."""

    def __init__(self, keep: str, early_stopping: int | None) -> None:
        self.keep, self.early_stopping = keep, early_stopping
        self.best: Score | None = None
        self.best_epoch = 0
        self.epoch = 0

    def epoch_done(self, score: Score) -> bool:
        """Whether this epoch is the best so far."""
        self.epoch += 1
        if not score.better_than(self.best, "accuracy" if self.keep == "accuracy" else "loss"):
            return False
        self.best, self.best_epoch = score, self.epoch
        return True

    @property
    def stop(self) -> bool:
        """Whether enough epochs went by without a better one."""
        return self.early_stopping is not None and self.epoch - self.best_epoch >= self.early_stopping

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        best = None if self.best is None else [self.best.loss, self.best.accuracy]
        return {"best": best, "best_epoch": self.best_epoch, "epoch": self.epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.best = None if state["best"] is None else Score(*state["best"])
        self.best_epoch, self.epoch = state["best_epoch"], state["epoch"]
