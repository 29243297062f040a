"""How the weights of one head are updated: gradient clipping, optimiser, learning rate, moving average, best epoch."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from workbench.heads.descent import optimisers, schedules
from workbench.training.early_stopping import EarlyStopping, Score
from workbench.training.ema import ExponentialMovingAverage


class Learner:
    """Updates `parameters` by their gradients as `settings` (a `GradientSettings`) ask for."""

    def __init__(self, parameters: Iterable[Tensor], settings: Any, steps_per_epoch: int) -> None:
        self.parameters = list(parameters)
        self.optimiser = optimisers.create(settings, self.parameters)
        self.schedule = schedules.create(settings, steps_per_epoch)
        self.average = ExponentialMovingAverage(self.parameters, settings.ema) if settings.ema else None
        self.early_stopping = EarlyStopping(settings.keep, settings.early_stopping)
        self._clip = settings.clip

    def step(self, number: int) -> None:
        """Do step 0, 1, ... of the whole training with the gradients that the parameters hold."""
        if self._clip is not None:
            clip_([parameter.grad for parameter in self.parameters if parameter.grad is not None], self._clip)
        self.optimiser.step(self.schedule.lr(number))
        if self.average is not None:
            self.average.update()

    def averaged(self) -> AbstractContextManager[None]:
        """Within the context the parameters hold what is evaluated and kept: their moving average, if there is one."""
        return nullcontext() if self.average is None else self.average.in_place()

    def settle(self) -> None:
        """Set the parameters to what was evaluated, for good."""
        if self.average is not None:
            self.average.settle()

    def epoch_done(self, score: Score) -> bool:
        """Adapt to the result of an epoch; returns whether it is the best so far."""
        self.schedule.epoch_done(score.loss)
        return self.early_stopping.epoch_done(score)

    def finite(self) -> Tensor:
        """Whether all weights are finite: a bool on the device."""
        return torch.stack([parameter.isfinite().all() for parameter in self.parameters]).all()

    def tensors(self) -> dict[str, Tensor]:
        """The state besides the parameters, for a checkpoint, to which `state()` belongs too."""
        out = {f"optimiser.{key}": value for key, value in self.optimiser.tensors().items()}
        if self.average is not None:
            out |= {f"average.{key}": value for key, value in self.average.tensors().items()}
        return out

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        steps = 0 if self.average is None else self.average.steps
        return {"schedule": self.schedule.state(), "chooser": self.early_stopping.state(), "averaged": steps}

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Continue from `tensors()` and `state()`."""
        self.optimiser.restore(under("optimiser.", tensors))
        if self.average is not None:
            self.average.restore(under("average.", tensors), state["averaged"])
        self.schedule.restore(state["schedule"])
        self.early_stopping.restore(state["chooser"])


@torch.no_grad()
def clip_(grads: list[Tensor], max_norm: float) -> Tensor:
    """Scale `grads` in place so that their joint 2-norm is at most `max_norm`; returns the norm before.

    The same as `torch.nn.utils.clip_grad_norm_`, which spends longer on its checks than on the norm of a small head.
    """
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    torch._foreach_mul_(grads, torch.clamp(max_norm / (norm + 1e-6), max=1.0))
    return norm


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
