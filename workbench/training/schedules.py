"""Learning rates over time."""

from __future__ import annotations

import math
from typing import Any

from workbench.errors import choose

BETTER = 1e-4  # plateau: the relative gain that counts


class Schedule:
    """The rate at each step; `constant` as it stands.

    `steps_per_epoch` and `epochs` give the length. Warm-up multiplies the rate of the first `warmup` epochs by
    (step + 1) / (steps of warm-up); the other schedules begin their own course after it.
    """

    def __init__(
        self,
        lr: float,
        epochs: int,
        steps_per_epoch: int,
        *,
        warmup: float = 0.0,
        factor: float = 0.5,
        step_epochs: int = 10,
        patience: int = 3,
    ) -> None:
        self.base = lr
        self.per_epoch = max(steps_per_epoch, 1)
        self.rising = min(round(warmup * self.per_epoch), epochs * self.per_epoch)
        self.steps = max(epochs * self.per_epoch - self.rising, 1)
        self.factor, self.step_epochs, self.patience = factor, step_epochs, patience

    def lr(self, step: int) -> float:
        """The rate of step 0, 1, ... of all steps."""
        if step < self.rising:
            return self.base * (step + 1) / self.rising
        return self._lr(step - self.rising)

    def _lr(self, step: int) -> float:
        """The rate `step` steps after warm-up."""
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

    def _lr(self, step: int) -> float:
        return self.base * 0.5 * (1 + math.cos(math.pi * min(step, self.steps) / self.steps))


class Step(Schedule):
    """Times `factor` after every `step_epochs` epochs."""

    def _lr(self, step: int) -> float:
        return float(self.base * self.factor ** (step // (self.step_epochs * self.per_epoch)))


class Plateau(Schedule):
    """Times `factor` each time the loss has not fallen by 1e-4 of itself for `patience` epochs in a row."""

    scale = 1.0
    best = math.inf
    waited = 0

    def _lr(self, step: int) -> float:
        return self.base * self.scale

    def epoch_done(self, loss: float) -> None:
        if loss < self.best * (1 - BETTER):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.scale, self.waited = self.scale * self.factor, 0

    def state(self) -> dict[str, Any]:
        # JSON has no infinity, so "none seen yet" is null
        return {"scale": self.scale, "best": None if math.isinf(self.best) else self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.scale, self.waited = float(state["scale"]), int(state["waited"])
        self.best = math.inf if state["best"] is None else float(state["best"])


SCHEDULES: dict[str, type[Schedule]] = {"constant": Schedule, "cosine": Cosine, "step": Step, "plateau": Plateau}


def make(name: str, lr: float, epochs: int, steps_per_epoch: int, **options: Any) -> Schedule:
    """The schedule called `name`, see `Schedule`; raises BadInput for an unknown one."""
    return SCHEDULES[choose(name, SCHEDULES, "schedule")](lr, epochs, steps_per_epoch, **options)


def of(settings: Any, steps_per_epoch: int) -> Schedule:
    """The schedule that a head's settings ask for."""
    return make(
        settings.schedule,
        settings.lr,
        settings.epochs,
        steps_per_epoch,
        warmup=settings.warmup,
        factor=settings.factor,
        step_epochs=settings.step_epochs,
        patience=settings.patience,
    )
