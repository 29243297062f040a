"""What is minimised, and what is done to a batch before: smoothing, class weights, mixup, dropout and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout


@dataclass(frozen=True)
class Targets:
    """Labels y (int64 [m]); with mixup a row is `share` of its own and 1 - `share` of the row with label `other`."""

    y: Tensor
    other: Tensor | None = None
    share: float = 1.0

    def part(self, start: int, end: int) -> Targets:
        """Those of some rows."""
        return Targets(self.y[start:end], None if self.other is None else self.other[start:end], self.share)


class Augment:
    """Mixup (Zhang et al. 2018, one Beta(alpha, alpha) share a batch), then feature dropout, then Gaussian noise.

    Draws from torch's global generators, whose state is in every checkpoint.
    """

    def __init__(self, settings: Any) -> None:
        self._alpha, self._dropout, self._noise = settings.mixup, settings.feature_dropout, settings.noise

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Targets]:
        """Features float32 [m, D] and labels [m] -> what is trained on; `x` itself stays as it is."""
        targets = Targets(y)
        if self._alpha:
            share = float(torch._sample_dirichlet(torch.full((2,), self._alpha, dtype=torch.float64))[0])
            partner = torch.randperm(len(y), device=x.device)
            x = torch.lerp(x[partner], x, share)
            targets = Targets(y, y[partner], share)
        if self._dropout:
            x = dropout(x, self._dropout)
        if self._noise:
            x = x + self._noise * torch.randn_like(x)
        return x, targets


class Loss(nn.Module):
    """Mean cross-entropy in nats over a batch, with label smoothing; class weights divide by the sum of the weights."""

    weight: Tensor | None

    def __init__(self, smoothing: float, weight: Tensor | None) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, targets: Targets, whole: Targets | None = None) -> Tensor:
        """Of logits [m, C]: a scalar. With `whole`, the part of that batch's loss that these rows make up."""
        one = self._mean(logits, targets.y, None if whole is None else whole.y)
        if targets.other is None:
            return one
        other = self._mean(logits, targets.other, None if whole is None else whole.other)
        return targets.share * one + (1 - targets.share) * other

    def _mean(self, logits: Tensor, y: Tensor, whole: Tensor | None) -> Tensor:
        if whole is None:
            return cross_entropy(logits, y, weight=self.weight, label_smoothing=self.smoothing)
        total = len(whole) if self.weight is None else self.weight[whole].sum()
        summed = cross_entropy(logits, y, weight=self.weight, label_smoothing=self.smoothing, reduction="sum")
        return summed / total


def of(settings: Any, labels: Tensor, classes: int) -> Loss:
    """The loss that `settings` ask for over the train rows with `labels` (int64 [n]).

    `balance=weights` gives class c the weight n / (K n_c), K the number of classes that have rows.
    """
    weight = None
    if settings.balance == "weights":
        counts = torch.bincount(labels, minlength=classes)
        there = counts > 0
        weight = torch.where(there, len(labels) / (there.sum() * counts.clamp(min=1)), 0.0).float()
    return Loss(settings.label_smoothing, weight)
