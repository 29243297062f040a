"""Temperature scaling: the one factor of all scores that calibrates their softmax."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

TOLERANCE = 1e-9
VALUES = {"cpu": 1 << 20, "cuda": 1 << 24}  # so many fit a processor's cache, or occupy a GPU


def best_factor(logits: Tensor, labels: Tensor, around: float = 1.0, decades: float = 2.0) -> float:
    """The b > 0 that minimises the mean cross-entropy of softmax(b * logits); 1 / b is the temperature.

    `logits` float [n, C] and `labels` int64 [n] on one device; b stays within `decades` powers of ten of `around`. The
    objective is convex in b, with derivative E_p[z] - z_y and second derivative Var_p[z] averaged over samples:
    Newton steps, safeguarded by bisection. `around` without samples.

    References: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, ICML.

    Examples
    --------
    >>> logits, labels = torch.tensor([[1.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1])
    >>> round(best_factor(logits, labels), 3)  # log 3: softmax then gives 3/4 to class 0
    1.099
    """
    if not len(labels):
        return around
    low, high = around / 10**decades, around * 10**decades
    floor = -100 / low  # so far below the best, a class weighs nothing at any b; scores may be -inf
    b = around
    for _ in range(100):
        slope, curvature = _derivatives(logits, labels, b, floor)
        low, high = (low, b) if slope > 0 else (b, high)
        step = b - slope / curvature if curvature > 0 else high
        if abs(step - b) <= TOLERANCE * b or high - low <= 1e-6 * b:  # the latter where an end is the answer
            break
        b = step if low < step < high else (low * high) ** 0.5
    return b


def pieces(matrix: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """A matrix [n, m] and labels [n] in blocks of rows that fit the cache: views, in order."""
    rows = max(1, VALUES.get(matrix.device.type, VALUES["cpu"]) // matrix.shape[1])
    yield from zip(torch.split(matrix, rows), torch.split(labels, rows), strict=True)


def _derivatives(logits: Tensor, labels: Tensor, b: float, floor: float) -> tuple[float, float]:
    """First and second derivative at `b` of the mean cross-entropy."""
    sums = torch.zeros(2, dtype=torch.float64, device=logits.device)
    for some, truth in pieces(logits, labels):
        z = some.double()
        z = (z - z.amax(1, keepdim=True)).clamp_(min=floor)
        weighted = (b * z).softmax(1).mul_(z)
        mean = weighted.sum(1)
        sums[0] += (mean - z.gather(1, truth[:, None])[:, 0]).sum()
        sums[1] += (torch.linalg.vecdot(weighted, z) - mean**2).sum()
    slope, curvature = (sums / len(labels)).tolist()
    return slope, curvature
