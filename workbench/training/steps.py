"""The gradients of one step: forward and backward over a batch, in parts where the device's memory asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import Failed
from workbench.training import devices
from workbench.training.loss import Augment, Loss, Targets


class Stepper:
    """Leaves in the parameters the gradients of a batch's mean loss.

    `part` is how many rows go through the module at a time, None for all of a batch: when the device is out of memory
    it is halved, `tell` is told, and the gradients of the parts are added up. `least` rows a part must have.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        settings: Any,
        device: torch.device,
        least: int,
        tell: Callable[[str], None],
    ) -> None:
        self.part: int | None = None
        self._module, self._loss, self._device, self._least, self._tell = module, loss, device, least, tell
        self._augment = Augment(settings)
        self._autocast = settings.precision == "bf16"
        self._clip = settings.clip
        self._parameters = list(module.parameters())

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Features [m, D], labels [m] -> the loss (float32, before the step) and how many rows were right (int64)."""
        x, targets = self._augment(x, y)
        while True:
            try:
                loss, right = self._gradients(x, targets)
                break
            except torch.OutOfMemoryError as error:
                self._halve(len(y), int(x.shape[1]), error)
        if self._clip is not None:
            # torch's own, without its warnings machinery: one norm over all gradients
            grads = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
            clip_(grads, self._clip)
        return loss, right

    def _gradients(self, x: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        rows = len(targets.y)
        if self.part is None or self.part >= rows:
            return self._backward(x, targets, None)
        edges = list(range(0, rows, self.part))
        if rows - edges[-1] < self._least and len(edges) > 1:
            edges.pop()
        loss, right = torch.zeros((), device=self._device), torch.zeros((), dtype=torch.int64, device=self._device)
        for start, end in zip(edges, [*edges[1:], rows], strict=True):
            more = self._backward(x[start:end], targets.part(start, end), targets)
            loss, right = loss + more[0], right + more[1]
        return loss, right

    def _backward(self, x: Tensor, targets: Targets, whole: Targets | None) -> tuple[Tensor, Tensor]:
        with devices.autocast(self._device, enabled=self._autocast):
            logits = self._module(x)
        loss, predicted = self._loss(logits.float(), targets, whole)
        loss.backward()
        return loss.detach(), (predicted == targets.y).sum()

    def _halve(self, rows: int, dim: int, error: Exception) -> None:
        for parameter in self._parameters:
            parameter.grad = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        before = min(self.part or rows, rows)
        if before // 2 < max(self._least, 1):
            free = devices.free_bytes(self._device) / 1e9
            raise Failed(
                f"out of memory on {devices.title(self._device)} with {before} row(s) of {dim} features a step "
                f"({free:.1f} GB free): choose a smaller head, or another device ({str(error).splitlines()[0]})"
            ) from None
        self.part = before // 2
        self._tell(
            f"out of memory with {before:,} rows at a time: going on with {self.part:,}, gradients of a batch added up"
        )


@torch.no_grad()
def clip_(grads: list[Tensor], longest: float) -> Tensor:
    """Scale `grads` in place so that their 2-norm together is at most `longest`; the norm before."""
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    torch._foreach_mul_(grads, torch.clamp(longest / (norm + 1e-6), max=1.0))
    return norm
