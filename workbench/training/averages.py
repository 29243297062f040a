"""A running mean of a module's weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Average:
    """Exponential moving average of parameters: `mean += (1 - d) (parameter - mean)` after each step.

    d = min(decay, (1 + t) / (10 + t)) at step t = 1, 2, ..., so that the start weights are soon forgotten (as in
    TensorFlow's ExponentialMovingAverage). Buffers, those of batch norm say, are not averaged: they are means already.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float) -> None:
        self._parameters = list(parameters)
        self._decay = decay
        self._mean = [parameter.detach().clone() for parameter in self._parameters]
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take up the parameters as they are now."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._mean, self._parameters, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The parameters hold the mean within, and their own values again after."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def settle(self) -> None:
        """The parameters hold the mean for good."""
        self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        # values are exchanged, not storages, since the parameters may be views of a larger tensor
        for parameter, mean in zip(self._parameters, self._mean, strict=True):
            own = parameter.detach().clone()
            parameter.copy_(mean)
            mean.copy_(own)

    def tensors(self) -> dict[str, Tensor]:
        """Its state, for a checkpoint, together with `steps`."""
        return {str(index): mean for index, mean in enumerate(self._mean)}

    def restore(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Go on from `tensors()`."""
        self.steps = steps
        for name, mean in self.tensors().items():
            mean.copy_(tensors[name])
