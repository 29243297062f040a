"""Exponential moving average (EMA) of a head's weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class ExponentialMovingAverage:
    """`mean += (1 - d) (parameter - mean)` after each step.

    d = min(decay, (1 + t) / (10 + t)) at step t = 1, 2, ..., so that the initial weights are soon forgotten (as in
    TensorFlow's ExponentialMovingAverage). Buffers, such as those of batch norm, are not averaged: they are running
    means already.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float) -> None:
        self._parameters = list(parameters)
        self._decay = decay
        self._mean = [parameter.detach().clone() for parameter in self._parameters]
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Include the current parameters."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._mean, self._parameters, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the context the parameters hold the mean, afterwards their own values again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def settle(self) -> None:
        """Replace the parameters by the mean for good."""
        self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        # values are exchanged, not storages, since the parameters may be views of a larger tensor
        for parameter, mean in zip(self._parameters, self._mean, strict=True):
            own = parameter.detach().clone()
            parameter.copy_(mean)
            mean.copy_(own)

    def tensors(self) -> dict[str, Tensor]:
        """The state for a checkpoint, to which `steps` belongs too."""
        return {str(index): mean for index, mean in enumerate(self._mean)}

    def restore(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Continue from `tensors()`."""
        self.steps = steps
        for name, mean in self.tensors().items():
            mean.copy_(tensors[name])
