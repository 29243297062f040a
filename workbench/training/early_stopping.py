"""Early stopping, and which epoch's weights are kept: both are decided on val alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """Result of one epoch on val; without val `accuracy` is None and `loss` is that of train."""

    loss: float
    accuracy: float | None

    def better_than(self, other: Score | None, measure: str) -> bool:
        """Compare by `measure`, "loss" or "accuracy"; the lower loss wins between equal accuracies."""
        if other is None:
            return True
        if measure == "accuracy" and self.accuracy is not None and other.accuracy is not None:
            return (self.accuracy, -self.loss) > (other.accuracy, -other.loss)
        return self.loss < other.loss


class EarlyStopping:
    """Keeps track of the best epoch; `keep` and `patience` are the settings `keep` and `early_stopping`."""

    def __init__(self, keep: str, patience: int | None) -> None:
        self.keep, self.patience = keep, patience
        self.best: Score | None = None
        self.best_epoch = 0
        self.epoch = 0

    def epoch_done(self, score: Score) -> bool:
        """Count an epoch; returns whether it is the best so far."""
        self.epoch += 1
        if not score.better_than(self.best, "accuracy" if self.keep == "accuracy" else "loss"):
            return False
        self.best, self.best_epoch = score, self.epoch
        return True

    @property
    def stop(self) -> bool:
        """Whether `patience` epochs have passed without a better one."""
        return self.patience is not None and self.epoch - self.best_epoch >= self.patience

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        best = None if self.best is None else [self.best.loss, self.best.accuracy]
        return {"best": best, "best_epoch": self.best_epoch, "epoch": self.epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.best = None if state["best"] is None else Score(*state["best"])
        self.best_epoch, self.epoch = state["best_epoch"], state["epoch"]
