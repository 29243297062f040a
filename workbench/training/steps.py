"""The gradients of one step: forward and backward over a batch, in parts where the device's memory asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from workbench.errors import Failed
from workbench.training import devices
from workbench.training.loss import Augment, Loss, Targets


class Model(Protocol):
    """The heads of one training, k of them, as one function of the features."""

    parameters: list[Tensor]

    def logits(self, x: Tensor) -> Tensor:
        """Logits of all heads for features float32 [m, D]."""
        ...

    def backward(self, loss: Loss, logits: Tensor, targets: Targets, whole: Targets | None) -> tuple[Tensor, Tensor]:
        """Add to the gradients; returns each head's loss [k] and number of correct predictions [k] (see `Loss`)."""
        ...

    def distribute(self) -> None:
        """Leave each head's gradients in the parameters of its own module."""
        ...


class Single:
    """One head of any kind."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.parameters: list[Tensor] = list(module.parameters())

    def logits(self, x: Tensor) -> Tensor:
        out: Tensor = self._module(x)
        return out

    def backward(self, loss: Loss, logits: Tensor, targets: Targets, whole: Targets | None) -> tuple[Tensor, Tensor]:
        value, predicted = loss(logits, targets, whole)
        value.backward()
        return value.detach().view(1), (predicted == targets.y).sum().view(1)

    def distribute(self) -> None:
        """The gradients are where they belong."""


class Stacked:
    """Linear heads side by side: one product of the features with all their weights.

    The modules' parameters become views of the stacked ones, so that each head is updated, evaluated and saved by
    itself.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._modules = list(modules)
        with torch.no_grad():
            weight = torch.stack([module.weight for module in modules])  # type: ignore[misc]
            bias = torch.stack([module.bias for module in modules])  # type: ignore[misc]
        for module, *views in zip(modules, weight, bias, strict=True):
            module.weight, module.bias = map(nn.Parameter, views)
        self.parameters: list[Tensor] = [weight.requires_grad_(), bias.requires_grad_()]

    def logits(self, x: Tensor) -> Tensor:
        """[m, D] -> [m, heads, C]."""
        weight, bias = self.parameters
        return torch.addmm(bias.flatten(), x, weight.flatten(0, 1).T).view(len(x), *bias.shape)

    def backward(self, loss: Loss, logits: Tensor, targets: Targets, whole: Targets | None) -> tuple[Tensor, Tensor]:
        values = loss.side_by_side(logits, targets, whole)
        values.sum().backward()  # type: ignore[no-untyped-call]
        # max is several times as fast as argmax on a CPU
        return values.detach(), (logits.detach().max(2).indices == targets.y[:, None]).sum(0)

    def distribute(self) -> None:
        weight, bias = self.parameters
        assert weight.grad is not None
        assert bias.grad is not None
        for module, *grads in zip(self._modules, weight.grad, bias.grad, strict=True):
            module.weight.grad, module.bias.grad = grads
        weight.grad = bias.grad = None


class Stepper:
    """Computes the gradients of each head's mean loss over a batch.

    `part` is how many rows go through the model at a time, None for the whole batch: when the device is out of memory
    it is halved, which `note` is called with, and the gradients of the parts are added up. A part has at least
    `min_rows` rows.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        settings: Any,
        device: torch.device,
        min_rows: int,
        note: Callable[[str], None],
    ) -> None:
        self.part: int | None = None
        self._model, self._loss, self._device, self._min_rows, self._note = model, loss, device, min_rows, note
        self._augment = Augment(settings)
        self._autocast = settings.precision == "bf16"

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Features [m, D], labels [m] -> of each head the loss before the step (float32 [k]) and the number of rows
        predicted correctly (int64 [k])."""
        x, targets = self._augment(x, y)
        while True:
            try:
                losses, correct = self._gradients(x, targets)
                break
            except torch.OutOfMemoryError as error:
                self._halve(len(y), int(x.shape[1]), error)
        self._model.distribute()
        return losses, correct

    def _gradients(self, x: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        rows = len(targets.y)
        if self.part is None or self.part >= rows:
            return self._backward(x, targets, None)
        edges = list(range(0, rows, self.part))
        if rows - edges[-1] < self._min_rows and len(edges) > 1:
            edges.pop()
        losses, correct = torch.zeros((), device=self._device), torch.zeros((), dtype=torch.int64, device=self._device)
        for start, end in zip(edges, [*edges[1:], rows], strict=True):
            more = self._backward(x[start:end], targets.part(start, end), targets)
            losses, correct = losses + more[0], correct + more[1]
        return losses, correct

    def _backward(self, x: Tensor, targets: Targets, whole: Targets | None) -> tuple[Tensor, Tensor]:
        with devices.autocast(self._device, enabled=self._autocast):
            logits = self._model.logits(x)
        return self._model.backward(self._loss, logits.float(), targets, whole)

    def _halve(self, rows: int, dim: int, error: Exception) -> None:
        for parameter in self._model.parameters:
            parameter.grad = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        before = min(self.part or rows, rows)
        if before // 2 < max(self._min_rows, 1):
            free = devices.free_bytes(self._device) / 1e9
            raise Failed(
                f"out of memory on {devices.title(self._device)} with {before} row(s) of {dim} features per step "
                f"({free:.1f} GB free); choose a smaller head or another device ({str(error).splitlines()[0]})"
            ) from None
        self.part = before // 2
        self._note(
            f"out of memory with {before:,} rows at a time; continuing with {self.part:,}, accumulating gradients"
        )
