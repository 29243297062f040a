"""Evaluation of a trained head on rows of features: predictions, confidences, losses. Nothing is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workbench.heads.temperature import best_factor, pieces
from workbench.heads.trained import TrainedHead
from workbench.training.rows import Rows

TOP = 5


@dataclass(frozen=True)
class Predictions:
    """Predictions for n rows, in their order; T = min(5, C).

    `label`, `predicted`: int64 [n]. `confidence`: float32 [n], the softmax probability of `predicted`. `margin`:
    float32 [n], that probability minus the next. `top`: int32 [n, T] and `top_p`: float32 [n, T], the T most probable
    classes, best first. `loss`: float32 [n], the cross-entropy in nats. `calibrated` and `calibrated_loss`: float32
    [n], confidence and loss of the logits divided by the temperature.
    """

    label: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    margin: np.ndarray
    top: np.ndarray
    top_p: np.ndarray
    loss: np.ndarray
    calibrated: np.ndarray
    calibrated_loss: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """bool [n]."""
        right: np.ndarray = self.predicted == self.label
        return right


def predict(
    head: TrainedHead,
    features: np.ndarray,
    labels: np.ndarray,
    cancelled: Callable[[], bool] = lambda: False,
    temperature: float = 1.0,
) -> Predictions | None:
    """Predictions for all rows of `features` [n, D] with `labels` int64 [n]; None when cancelled."""
    rows = Rows(features, labels, np.arange(len(labels)), head.device, resident=False)
    k = min(TOP, head.classes)
    parts: list[list[np.ndarray]] = []
    start = 0
    for chunk in rows.chunks():
        if cancelled():
            return None
        truth = rows.labels[start : start + len(chunk)]
        start += len(chunk)
        for some, its_truth in pieces(chunk, truth):
            columns = _of_logits(head.logits(some), its_truth, k, temperature)
            parts.append([column.cpu().numpy() for column in columns])
    return Predictions(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@torch.inference_mode()
def _of_logits(logits: Tensor, truth: Tensor, k: int, temperature: float) -> tuple[Tensor, ...]:
    """The fields of `Predictions` from logits [m, C], which are overwritten, and labels int64 [m]."""
    best, top = logits.topk(min(max(k, 2), logits.shape[1]), dim=1)
    z = logits.sub_(best[:, :1])  # with its largest value 0, the loss is exact where it is small
    z_truth = z.gather(1, truth[:, None])[:, 0]
    log_sum = z.logsumexp(1)
    scaled_log_sum = z.div_(temperature).logsumexp(1)
    p = (best - best[:, :1] - log_sum[:, None]).exp()
    margin = p[:, 0] - p[:, 1] if p.shape[1] > 1 else p[:, 0]
    return (
        truth, top[:, 0], p[:, 0], margin, top[:, :k].int(), p[:, :k], log_sum - z_truth, (-scaled_log_sum).exp(),
        scaled_log_sum - z_truth / temperature,
    )  # fmt: skip


def fit_temperature(head: TrainedHead, features: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> float:
    """The temperature, 0.01 to 100, that gives the rows `rows` (int64 [n]) of `features` [N, D] the lowest loss."""
    data = Rows(features, labels, rows, head.device, resident=False)
    parts = [head.logits(chunk).cpu() for chunk in data.chunks()]
    if not parts:
        return 1.0
    with torch.inference_mode():
        return 1 / best_factor(torch.cat(parts), data.labels.cpu())
