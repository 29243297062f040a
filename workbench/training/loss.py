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


class CrossEntropy(torch.autograd.Function):
    """Sum of cross-entropies of logits [m, C] with labels [m], over `rows`; and the predicted classes [m].

    In fewer passes over [m, C] than log-softmax, likelihood and their gradients take: with p = softmax(z) and the
    largest logit z_k, which says what is predicted as well, the loss is z_k - z_y - log p_k and its gradient p - [y].
    All in the memory of the logits, which are lost: autograd refuses a last layer whose gradient needs its own output.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, y: Tensor, rows: int) -> tuple[Tensor, Tensor]:
        most, predicted = logits.max(1)
        own = logits.gather(1, y[:, None])[:, 0]
        p = torch.softmax(logits, 1, out=logits)
        losses = most - own - p.gather(1, predicted[:, None])[:, 0].log()
        ctx.save_for_backward(p, y)
        ctx.rows = rows
        ctx.mark_non_differentiable(predicted)
        return losses.sum() / rows, predicted

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        p, y = ctx.saved_tensors
        # in place: nobody else has p
        p.scatter_add_(1, y[:, None], torch.full_like(y, -1, dtype=p.dtype)[:, None])
        return p.mul_(grad / ctx.rows), None, None


class Loss(nn.Module):
    """Mean cross-entropy in nats over a batch, with label smoothing; class weights divide by the sum of the weights."""

    weight: Tensor | None

    def __init__(self, smoothing: float, weight: Tensor | None) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, targets: Targets, whole: Targets | None = None) -> tuple[Tensor, Tensor]:
        """Of logits [m, C]: a scalar, and the predicted classes [m]. With `whole`, the scalar is the part of that
        batch's loss that these rows make up."""
        if self.weight is None and not self.smoothing and targets.other is None:
            rows = len((whole or targets).y)
            loss, predicted = CrossEntropy.apply(logits, targets.y, rows)  # type: ignore[no-untyped-call]
            return loss, predicted
        # max is several times as fast as argmax on a CPU
        predicted = logits.detach().max(1).indices
        one = self._mean(logits, targets.y, None if whole is None else whole.y)
        if targets.other is None:
            return one, predicted
        other = self._mean(logits, targets.other, None if whole is None else whole.other)
        return targets.share * one + (1 - targets.share) * other, predicted

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
