"""Sums over train rows, in float64, from which closed-form heads and transforms are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

Chunks = Callable[[], Iterable[Tensor]]  # gives the rows, float32 [m, D] at a time, anew at each call


def mean_of(chunks: Chunks) -> tuple[Tensor, int]:
    """Mean of each column (float64 [D]) and the number of rows.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    >>> mean, rows = mean_of(lambda: x.split(1))
    >>> mean.tolist(), rows
    ([2.0, 4.0], 2)
    """
    rows = 0
    total = torch.zeros((), dtype=torch.float64)
    for chunk in chunks():
        rows += len(chunk)
        total = total.to(chunk.device) + chunk.sum(0, dtype=torch.float64)
    return total / max(rows, 1), rows


def class_means(chunks: Chunks, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Mean of each class (float64 [C, D], 0 for a class without rows) and rows of each class (float64 [C]).

    `labels` are class indices, int64 [n], in the order of the rows.

    Examples
    --------
    >>> x, labels = torch.tensor([[1.0], [3.0], [7.0]]), torch.tensor([0, 0, 2])
    >>> means, counts = class_means(lambda: [x], labels, classes=3)
    >>> means.tolist(), counts.tolist()
    ([[2.0], [0.0], [7.0]], [2.0, 0.0, 1.0])
    """
    counts = torch.bincount(labels, minlength=classes).double()
    sums = torch.zeros((), dtype=torch.float64, device=labels.device)
    start = 0
    for chunk in chunks():
        part = torch.zeros(classes, chunk.shape[1], dtype=torch.float64, device=chunk.device)
        sums = sums + part.index_add_(0, labels[start : start + len(chunk)], chunk.double())
        start += len(chunk)
    return sums / counts.clamp(min=1)[:, None], counts


def scatter(chunks: Chunks, mean: Tensor, labels: Tensor | None = None) -> Tensor:
    """The scatter matrix, the sum over rows of (x - m)(x - m)^T: float64 [D, D].

    m is `mean` [D], or with `labels` (int64 [n]) the mean of the row's class in `mean` [C, D].

    Examples
    --------
    >>> x = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    >>> scatter(lambda: [x], torch.tensor([2.0, 2.0], dtype=torch.float64)).tolist()
    [[2.0, 4.0], [4.0, 8.0]]
    """
    total = torch.zeros(mean.shape[-1], mean.shape[-1], dtype=torch.float64, device=mean.device)
    start = 0
    for chunk in chunks():
        about = mean if labels is None else mean[labels[start : start + len(chunk)]]
        centred = chunk.double() - about
        total.addmm_(centred.T, centred)
        start += len(chunk)
    return total


def eigen(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues [D], ascending, and eigenvectors [D, D] in columns of a positive semi-definite matrix [D, D].

    Negative eigenvalues, which are rounding errors, become 0.

    Examples
    --------
    >>> values, vectors = eigen(torch.tensor([[2.0, 0.0], [0.0, 1.0]], dtype=torch.float64))
    >>> values.tolist()
    [1.0, 2.0]
    """
    values, vectors = torch.linalg.eigh(symmetric)
    return values.clamp(min=0), vectors
