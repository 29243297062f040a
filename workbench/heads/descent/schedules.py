"""The learning rate schedules, and the one registry of them.

A schedule is one class here and one line in `SCHEDULES`, from which the choices and their help follow.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from workbench.errors import choose

THRESHOLD = 1e-4  # plateau: the relative improvement that counts


class Schedule:
    """What all schedules have in common: the base learning rate and linear warm-up.

    `settings` is a `GradientSettings`; with `steps_per_epoch` it gives the length of the training in steps. During the
    first `warmup` epochs the rate is the base rate times (step + 1) / (steps of warm-up); the schedule's own course
    begins after that.

    Examples
    --------
    >>> from workbench.heads import resolve_settings
    >>> cosine = create(resolve_settings("linear", {"lr": 0.1, "schedule": "cosine", "epochs": 2}), steps_per_epoch=2)
    >>> [round(cosine.lr(step), 3) for step in range(4)]
    [0.1, 0.085, 0.05, 0.015]
    """

    name: ClassVar[str]
    help: ClassVar[str]

    def __init__(self, settings: Any, steps_per_epoch: int) -> None:
        self.settings = settings
        self.base: float = settings.lr
        self.per_epoch = max(steps_per_epoch, 1)
        self.warmup: int = min(round(settings.warmup * self.per_epoch), settings.epochs * self.per_epoch)
        self.steps = max(settings.epochs * self.per_epoch - self.warmup, 1)

    def lr(self, step: int) -> float:
        """The learning rate of step 0, 1, ... of the whole training."""
        if step < self.warmup:
            return self.base * (step + 1) / self.warmup
        return self._lr(step - self.warmup)

    def _lr(self, step: int) -> float:
        """The learning rate `step` steps after warm-up."""
        raise NotImplementedError

    def epoch_done(self, loss: float) -> None:
        """Called after each epoch with the val loss (the train loss without val)."""

    def state(self) -> dict[str, Any]:
        """What it has learned so far, as plain values for a checkpoint."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""


class Constant(Schedule):
    """The base rate throughout."""

    name, help = "constant", "constant lr"

    def _lr(self, step: int) -> float:
        return self.base


class Cosine(Schedule):
    """`lr / 2 * (1 + cos(pi * step / steps))` (Loshchilov and Hutter, 2017, one cycle)."""

    name, help = "cosine", "cosine decay to 0"

    def _lr(self, step: int) -> float:
        return self.base * 0.5 * (1 + math.cos(math.pi * min(step, self.steps) / self.steps))


class Step(Schedule):
    """Multiplied by `factor` after every `step_epochs` epochs."""

    name, help = "step", "multiplied by factor every step_epochs epochs"

    def _lr(self, step: int) -> float:
        drops = step // (self.settings.step_epochs * self.per_epoch)
        return float(self.base * self.settings.factor**drops)


class Plateau(Schedule):
    """Multiplied by `factor` whenever the loss has not fallen by 1e-4 of itself for `patience` epochs in a row.

    The same as torch's `ReduceLROnPlateau` in relative mode, which counts the epochs it waits as one less.
    """

    name, help = "plateau", "multiplied by factor after patience epochs without a lower val loss"

    scale = 1.0
    best = math.inf
    waited = 0

    def _lr(self, step: int) -> float:
        return self.base * self.scale

    def epoch_done(self, loss: float) -> None:
        if loss < self.best * (1 - THRESHOLD):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= self.settings.patience:
            self.scale, self.waited = self.scale * self.settings.factor, 0

    def state(self) -> dict[str, Any]:
        # JSON has no infinity, so no loss yet is null
        return {"scale": self.scale, "best": None if math.isinf(self.best) else self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.scale, self.waited = float(state["scale"]), int(state["waited"])
        self.best = math.inf if state["best"] is None else float(state["best"])


SCHEDULES: dict[str, type[Schedule]] = {
    schedule.name: schedule
    for schedule in (
        Constant,
        Cosine,
        Step,
        Plateau,
    )
}


def create(settings: Any, steps_per_epoch: int) -> Schedule:
    """The schedule that a head's settings ask for; raises BadInput for an unknown one."""
    return SCHEDULES[choose(settings.schedule, SCHEDULES, "schedule")](settings, steps_per_epoch)
