"""How the weights of one head move: optimiser, learning rate, running mean, and which epoch is the best."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from workbench.training import optimisers, schedules
from workbench.training.averages import Average
from workbench.training.choosing import Chooser, Score


class Learner:
    """Moves `parameters` down their gradients as `settings` ask for."""

    def __init__(self, parameters: Iterable[Tensor], settings: Any, steps_per_epoch: int) -> None:
        self.parameters = list(parameters)
        self.optimiser = optimisers.make(
            settings.optimiser, self.parameters, settings.weight_decay, momentum=settings.momentum
        )
        self.schedule = schedules.of(settings, steps_per_epoch)
        self.average = Average(self.parameters, settings.ema) if settings.ema else None
        self.chooser = Chooser(settings.keep, settings.early_stopping)

    def step(self, number: int) -> None:
        """Step 0, 1, ... of all, down the gradients that the parameters hold."""
        self.optimiser.step(self.schedule.lr(number))
        if self.average is not None:
            self.average.update()

    def averaged(self) -> AbstractContextManager[None]:
        """The parameters hold within what is evaluated and kept: their running mean, if there is one."""
        return nullcontext() if self.average is None else self.average.in_place()

    def settle(self) -> None:
        """The parameters are from now on what was evaluated."""
        if self.average is not None:
            self.average.settle()

    def epoch_done(self, score: Score) -> bool:
        """Told how the epoch went; whether it is the best so far."""
        self.schedule.epoch_done(score.loss)
        return self.chooser.epoch_done(score)

    def finite(self) -> Tensor:
        """Whether all weights are numbers: a bool on the device."""
        return torch.stack([parameter.isfinite().all() for parameter in self.parameters]).all()

    def tensors(self) -> dict[str, Tensor]:
        """Its state besides the parameters, together with `state()`."""
        out = {f"optimiser.{key}": value for key, value in self.optimiser.tensors().items()}
        if self.average is not None:
            out |= {f"average.{key}": value for key, value in self.average.tensors().items()}
        return out

    def state(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        steps = 0 if self.average is None else self.average.steps
        return {"schedule": self.schedule.state(), "chooser": self.chooser.state(), "averaged": steps}

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Go on from `tensors()` and `state()`."""
        self.optimiser.restore(under("optimiser.", tensors))
        if self.average is not None:
            self.average.restore(under("average.", tensors), state["averaged"])
        self.schedule.restore(state["schedule"])
        self.chooser.restore(state["chooser"])


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
