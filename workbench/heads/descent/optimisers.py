"""The optimisers, and the one registry of them.

An optimiser is one class here and one line in `OPTIMISERS`, from which the choices, their help and the estimate of
memory follow. Each makes the same steps as the class of that name in torch.optim, whose import takes a second since it
loads torch's compiler. Importing this module loads no torch, so that forms and `--help` can list the choices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.errors import choose

if TYPE_CHECKING:
    from torch import Tensor

BETAS, EPS = (0.9, 0.999), 1e-8


class Optimiser:
    """What all optimisers have in common: a list of parameters, updated in place, and a state of plain tensors.

    `settings` is a `GradientSettings`. `state_copies` is how many tensors of the parameters' size the state holds.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    state_copies: ClassVar[int] = 0

    def __init__(self, parameters: Iterable[Tensor], settings: Any) -> None:
        self.parameters = list(parameters)
        self.weight_decay: float = settings.weight_decay

    def step(self, lr: float) -> None:
        """Update the parameters by the gradients that they hold, and drop these."""
        import torch

        with torch.no_grad():
            grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.parameters]
            self._update(grads, lr)
        for parameter in self.parameters:
            parameter.grad = None

    def _update(self, grads: list[Tensor], lr: float) -> None:
        raise NotImplementedError

    def _state(self) -> dict[str, list[Tensor]]:
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The state as `<what>.<index of the parameter>`."""
        return {
            f"{what}.{index}": value for what, values in self._state().items() for index, value in enumerate(values)
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from `tensors()`."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])


class Adam(Optimiser):
    """Adam (Kingma and Ba, 2015), betas 0.9 and 0.999, eps 1e-8; weight decay is added to the gradient."""

    name, help, state_copies = "adam", "Adam with weight decay added to the gradient", 2

    def __init__(self, parameters: Iterable[Tensor], settings: Any) -> None:
        import torch

        super().__init__(parameters, settings)
        self._rule = self._torch_rule()
        self._mean = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._square = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @staticmethod
    def _torch_rule() -> Callable[..., None]:
        from torch.optim.adam import adam

        return adam

    def _update(self, grads: list[Tensor], lr: float) -> None:
        self._rule(
            self.parameters, grads, self._mean, self._square, [], self._steps,
            fused=True, amsgrad=False, beta1=BETAS[0], beta2=BETAS[1], lr=lr, weight_decay=self.weight_decay,
            eps=EPS, maximize=False,
        )  # fmt: skip

    def _state(self) -> dict[str, list[Tensor]]:
        return {"mean": self._mean, "square": self._square, "steps": self._steps}


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    name, help = "adamw", "Adam with decoupled weight decay"

    @staticmethod
    def _torch_rule() -> Callable[..., None]:
        from torch.optim.adamw import adamw

        return adamw


class SGD(Optimiser):
    """Stochastic gradient descent with momentum (not Nesterov's); weight decay is added to the gradient."""

    name, help, state_copies = (
        "sgd",
        "stochastic gradient descent with momentum and weight decay added to the gradient",
        1,
    )

    def __init__(self, parameters: Iterable[Tensor], settings: Any) -> None:
        import torch
        from torch.optim.sgd import sgd

        super().__init__(parameters, settings)
        self.momentum: float = settings.momentum
        self._rule: Callable[..., None] = sgd
        # a velocity of 0 at first equals the gradient after one step, as in torch, where it is unset at first
        self._velocity = [torch.zeros_like(parameter) for parameter in self.parameters] if self.momentum else []

    def _update(self, grads: list[Tensor], lr: float) -> None:
        self._rule(
            self.parameters, grads, list(self._velocity) or [None] * len(grads), fused=True,
            weight_decay=self.weight_decay, momentum=self.momentum, lr=lr, dampening=0.0, nesterov=False,
            maximize=False,
        )  # fmt: skip

    def _state(self) -> dict[str, list[Tensor]]:
        return {"velocity": self._velocity}


OPTIMISERS: dict[str, type[Optimiser]] = {
    optimiser.name: optimiser
    for optimiser in (
        AdamW,
        Adam,
        SGD,
    )
}


def create(settings: Any, parameters: Iterable[Tensor]) -> Optimiser:
    """The optimiser that a head's settings ask for; raises BadInput for an unknown one."""
    return OPTIMISERS[choose(settings.optimiser, OPTIMISERS, "optimiser")](parameters, settings)
