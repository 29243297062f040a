"""Learning rates over time."""

from __future__ import annotations

import math
from typing import Any

from workbench.errors import choose

FACTOR, PATIENCE, BETTER = (
    0.5,
    3,
    1e-4,
)  # plateau: what it multiplies by, epochs it waits, the relative gain that counts


class Schedule:
    """The rate at each step; `constant` as it stands."""

    def __init__(self, lr: float, steps: int) -> None:
        self.base = lr
        self.steps = max(steps, 1)

    def lr(self, step: int) -> float:
        """The rate of step 0, 1, ... of all steps."""
        return self.base

    def epoch_done(self, loss: float) -> None:
        """Told the val loss (train loss without val) after each epoch."""

    def state(self) -> dict[str, Any]:
        """What it has learned so far, for a checkpoint."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""


class Cosine(Schedule):
    """`lr / 2 * (1 + cos(pi * step / steps))` (Loshchilov and Hutter 2017, one cycle)."""

    def lr(self, step: int) -> float:
        return self.base * 0.5 * (1 + math.cos(math.pi * min(step, self.steps) / self.steps))


class Plateau(Schedule):
    """Halved each time the loss has not fallen by 1e-4 of itself for 3 epochs in a row."""

    def __init__(self, lr: float, steps: int) -> None:
        super().__init__(lr, steps)
        self.scale = 1.0
        self.best = math.inf
        self.waited = 0

    def lr(self, step: int) -> float:
        return self.base * self.scale

    def epoch_done(self, loss: float) -> None:
        if loss < self.best * (1 - BETTER):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= PATIENCE:
            self.scale, self.waited = self.scale * FACTOR, 0

    def state(self) -> dict[str, Any]:
        # JSON has no infinity, so "none seen yet" is null
        return {"scale": self.scale, "best": None if math.isinf(self.best) else self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.scale, self.waited = float(state["scale"]), int(state["waited"])
        self.best = math.inf if state["best"] is None else float(state["best"])


SCHEDULES: dict[str, type[Schedule]] = {"constant": Schedule, "cosine": Cosine, "plateau": Plateau}


def make(name: str, lr: float, steps: int) -> Schedule:
    """The schedule called `name` over `steps` steps; raises BadInput for an unknown one."""
    return SCHEDULES[choose(name, SCHEDULES, "schedule")](lr, steps)
