"""The loss (cross-entropy with label smoothing and class weights) and the augmentation of a batch before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout


@dataclass(frozen=True)
class Targets:
    """Labels y (int64 [m]); with mixup a row is `share` of itself and 1 - `share` of a row with label `other`."""

    y: Tensor
    other: Tensor | None = None
    share: float = 1.0

    def part(self, start: int, end: int) -> Targets:
        """The targets of rows `start` to `end`."""
        return Targets(self.y[start:end], None if self.other is None else self.other[start:end], self.share)


class Augment:
    """Mixup (Zhang et al. 2018, one Beta(alpha, alpha) share a batch), then feature dropout, then Gaussian noise.

    Draws from torch's global generators, whose state is in every checkpoint.
    """

    def __init__(self, settings: Any) -> None:
        self._alpha, self._dropout, self._noise = settings.mixup, settings.feature_dropout, settings.noise

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Targets]:
        """Features float32 [m, D] and labels [m] -> features and targets to train on; `x` itself is left unchanged."""
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

    It needs fewer passes over [m, C] than log-softmax, likelihood and their gradients: with p = softmax(z) and the
    largest logit z_k, whose index is the prediction, the loss is z_k - z_y - log p_k and its gradient p - onehot(y).
    The logits are overwritten: autograd refuses a last layer whose gradient needs its own output.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, y: Tensor, rows: int) -> tuple[Tensor, Tensor]:
        largest, predicted = logits.max(1)
        own = logits.gather(1, y[:, None])[:, 0]
        p = torch.softmax(logits, 1, out=logits)
        losses = largest - own - p.gather(1, predicted[:, None])[:, 0].log()
        ctx.save_for_backward(p, y)
        ctx.rows = rows
        ctx.mark_non_differentiable(predicted)
        return losses.sum() / rows, predicted

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        p, y = ctx.saved_tensors
        # in place, since p is used nowhere else
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

    def side_by_side(self, logits: Tensor, targets: Targets, whole: Targets | None = None) -> Tensor:
        """The loss of each of k heads, [k], from logits [m, k, C]; `whole` as in `forward`."""
        one = self._mean_of_each(logits, targets.y, None if whole is None else whole.y)
        if targets.other is None:
            return one
        other = self._mean_of_each(logits, targets.other, None if whole is None else whole.other)
        return targets.share * one + (1 - targets.share) * other

    def _mean(self, logits: Tensor, y: Tensor, whole: Tensor | None) -> Tensor:
        if whole is None:
            return cross_entropy(logits, y, weight=self.weight, label_smoothing=self.smoothing)
        summed = cross_entropy(logits, y, weight=self.weight, label_smoothing=self.smoothing, reduction="sum")
        return summed / self._total(whole)

    def _mean_of_each(self, logits: Tensor, y: Tensor, whole: Tensor | None) -> Tensor:
        # a softmax over few classes is several times as fast on a CPU when the heads lie side by side
        losses = cross_entropy(
            logits.transpose(1, 2).contiguous(),
            y[:, None].expand(-1, logits.shape[1]),
            weight=self.weight,
            label_smoothing=self.smoothing,
            reduction="none",
        )
        return losses.sum(0) / self._total(y if whole is None else whole)

    def _total(self, y: Tensor) -> Tensor | int:
        """What a sum of losses over labels `y` is divided by for their mean."""
        return len(y) if self.weight is None else self.weight[y].sum()


def create(settings: Any, labels: Tensor, classes: int) -> Loss:
    """The loss that `settings` ask for, for train rows with `labels` (int64 [n]).

    `balance=weights` gives class c the weight n / (K n_c), K the number of classes that have rows.
    """
    weight = None
    if settings.balance == "weights":
        counts = torch.bincount(labels, minlength=classes)
        present = counts > 0
        weight = torch.where(present, len(labels) / (present.sum() * counts.clamp(min=1)), 0.0).float()
    return Loss(settings.label_smoothing, weight)
