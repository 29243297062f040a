"""Optimisers over a module's parameters, with their state as plain tensors."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), betas 0.9 and 0.999, eps 1e-8, on all parameters.

    The same steps as `torch.optim.AdamW(fused=True)`, whose class takes a second to make: it imports torch's compiler.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self._mean = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._square = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One step down the gradients that the parameters hold, which are then dropped."""
        grads = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        adamw(
            list(self.parameters),
            grads,
            self._mean,
            self._square,
            [],
            self._steps,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=lr,
            weight_decay=self.weight_decay,
            eps=1e-8,
            maximize=False,
        )
        for parameter in self.parameters:
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Its state: `<what>.<number of the parameter>`."""
        parts = {"mean": self._mean, "square": self._square, "steps": self._steps}
        return {f"{what}.{index}": value for what, values in parts.items() for index, value in enumerate(values)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from `tensors()`."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])
