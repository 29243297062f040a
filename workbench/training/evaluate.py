"""A trained head on rows of features: predictions, accuracy, loss. Fits nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from workbench.heads.trained import TrainedHead
from workbench.training.rows import Rows

TOP = 5


@dataclass(frozen=True)
class Predictions:
    """What a head says of n rows, in their order; T = min(5, C).

    `label`, `predicted`: int64 [n]. `confidence`: float32 [n], the softmax probability of `predicted`. `margin`:
    float32 [n], that probability less the next. `top`: int32 [n, T] and `top_p`: float32 [n, T], the T most probable
    classes, best first. `loss`: float32 [n], the cross-entropy in nats. `calibrated` and `calibrated_loss`: float32
    [n], confidence and loss when logits are divided by the temperature first.
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
    """Predictions for all rows of `features` [n, D] with `labels` int64 [n]; None when cancelled on the way."""
    rows = Rows(features, labels, np.arange(len(labels)), head.device, resident=False)
    k = min(TOP, head.classes)
    parts: list[list[np.ndarray]] = []
    start = 0
    for chunk in rows.chunks():
        if cancelled():
            return None
        logits = head.logits(chunk)
        truth = rows.labels[start : start + len(chunk)]
        start += len(chunk)
        loss = torch.nn.functional.cross_entropy(logits, truth, reduction="none")
        top = logits.topk(min(max(k, 2), head.classes), dim=1).indices
        best = logits.softmax(1).gather(1, top)
        margin = best[:, 0] - best[:, 1] if best.shape[1] > 1 else best[:, 0]
        scaled = logits / temperature
        calibrated = scaled.softmax(1).gather(1, top[:, :1])[:, 0]
        scaled_loss = torch.nn.functional.cross_entropy(scaled, truth, reduction="none")
        values = (
            truth, top[:, 0], best[:, 0], margin, top[:, :k].int(), best[:, :k], loss, calibrated, scaled_loss
        )  # fmt: skip
        parts.append([value.cpu().numpy() for value in values])
    return Predictions(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def logits_of(head: TrainedHead, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Logits float32 [n, C] for the rows `rows` (int64 [n]) of `features`."""
    data = Rows(features, np.zeros(len(features), np.int64), rows, head.device, resident=False)
    parts = [head.logits(chunk).cpu().numpy() for chunk in data.chunks()]
    return np.concatenate(parts) if parts else np.zeros((0, head.classes), np.float32)
