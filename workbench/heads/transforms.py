"""Feature transforms: fitted on train rows alone, stored with the head, applied before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from workbench.errors import choose

Chunks = Callable[[], Iterable[Tensor]]  # gives the train rows [n, D] piece by piece, anew at each call


class Standardise(nn.Module):
    """`(x - mean) * scale` per feature, where scale is 1 / deviation over train (population formula).

    A feature that is constant over train has scale 1, so that it comes out as 0 there.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale

    def fit(self, chunks: Chunks) -> None:
        """Mean, then squares about the mean, both in float64: one pass would cancel for features far from 0."""
        rows = 0
        total = square = torch.zeros((), dtype=torch.float64)
        for chunk in chunks():
            rows += len(chunk)
            total = total.to(chunk.device) + chunk.sum(0, dtype=torch.float64)
        mean = total / max(rows, 1)
        for chunk in chunks():
            square = square.to(chunk.device) + (chunk.double() - mean).square().sum(0)
        deviation = (square / max(rows, 1)).sqrt()
        # rounding leaves a constant feature a deviation of some 1e-9 of its size, not 0
        constant = deviation <= 1e-7 * mean.abs()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(constant, 1.0, 1.0 / torch.where(constant, 1.0, deviation)))


def make(name: str, dim: int) -> nn.Module:
    """An unfitted transform of D-wide features by its name; raises BadInput for an unknown one."""
    known: dict[str, Callable[[], nn.Module]] = {"none": nn.Identity, "standardise": lambda: Standardise(dim)}
    return known[choose(name, known, "transform")]()


def fit(name: str, dim: int, chunks: Chunks, device: torch.device) -> nn.Module:
    """The transform fitted to the train rows, on `device`, without gradients."""
    module = make(name, dim).to(device)
    if isinstance(module, Standardise):
        module.fit(chunks)
    return module.requires_grad_(False)
