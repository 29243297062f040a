"""Optimisers over a list of parameters, with their state as plain tensors.

Each makes the same steps as the class of torch.optim of that name, whose import takes a second: it loads torch's
compiler.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from workbench.errors import choose

BETAS, EPS = (0.9, 0.999), 1e-8


class Optimiser:
    """What all have in common."""

    def __init__(self, parameters: Iterable[Tensor], weight_decay: float, *, momentum: float = 0.9) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.momentum = momentum

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One step down the gradients that the parameters hold, which are then dropped."""
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.parameters]
        self._update(grads, lr)
        for parameter in self.parameters:
            parameter.grad = None

    def _update(self, grads: list[Tensor], lr: float) -> None:
        raise NotImplementedError

    def _state(self) -> dict[str, list[Tensor]]:
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Its state: `<what>.<number of the parameter>`."""
        return {f"{what}.{index}": value for what, held in self._state().items() for index, value in enumerate(held)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from `tensors()`."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])


class Adam(Optimiser):
    """Adam (Kingma and Ba 2015), betas 0.9 and 0.999, eps 1e-8; weight decay is added to the gradient."""

    _rule: Any = staticmethod(adam)

    def __init__(self, parameters: Iterable[Tensor], weight_decay: float, **more: Any) -> None:
        super().__init__(parameters, weight_decay, **more)
        self._mean = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._square = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    def _update(self, grads: list[Tensor], lr: float) -> None:
        self._rule(
            self.parameters, grads, self._mean, self._square, [], self._steps,
            fused=True, amsgrad=False, beta1=BETAS[0], beta2=BETAS[1], lr=lr, weight_decay=self.weight_decay,
            eps=EPS, maximize=False,
        )  # fmt: skip

    def _state(self) -> dict[str, list[Tensor]]:
        return {"mean": self._mean, "square": self._square, "steps": self._steps}


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    _rule = staticmethod(adamw)


class SGD(Optimiser):
    """Stochastic gradient descent with momentum (not Nesterov's); weight decay is added to the gradient."""

    def __init__(self, parameters: Iterable[Tensor], weight_decay: float, **more: Any) -> None:
        super().__init__(parameters, weight_decay, **more)
        # a first velocity of 0 is the gradient after one step, as in torch, where it starts unset
        self._velocity = [torch.zeros_like(parameter) for parameter in self.parameters] if self.momentum else []

    def _update(self, grads: list[Tensor], lr: float) -> None:
        sgd(
            self.parameters, grads, list(self._velocity) or [None] * len(grads), fused=True,
            weight_decay=self.weight_decay, momentum=self.momentum, lr=lr, dampening=0.0, nesterov=False,
            maximize=False,
        )  # fmt: skip

    def _state(self) -> dict[str, list[Tensor]]:
        return {"velocity": self._velocity}


OPTIMISERS: dict[str, type[Optimiser]] = {"adamw": AdamW, "adam": Adam, "sgd": SGD}


def make(name: str, parameters: Iterable[Tensor], weight_decay: float, *, momentum: float = 0.9) -> Optimiser:
    """The optimiser called `name`; raises BadInput for an unknown one."""
    return OPTIMISERS[choose(name, OPTIMISERS, "optimiser")](parameters, weight_decay, momentum=momentum)
