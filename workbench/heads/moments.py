"""Sums over train rows that closed-form heads and transforms are made of, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

Chunks = Callable[[], Iterable[Tensor]]  # gives the rows [n, D] piece by piece, anew at each call


def mean_of(chunks: Chunks) -> tuple[Tensor, int]:
    """Mean of each column (float64 [D]) and the number of rows."""
    rows = 0
    total = torch.zeros((), dtype=torch.float64)
    for chunk in chunks():
        rows += len(chunk)
        total = total.to(chunk.device) + chunk.sum(0, dtype=torch.float64)
    return total / max(rows, 1), rows


def class_means(chunks: Chunks, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Mean of each class (float64 [C, D], 0 for a class without rows) and rows of each class (float64 [C])."""
    counts = torch.bincount(labels, minlength=classes).double()
    sums = torch.zeros((), dtype=torch.float64, device=labels.device)
    start = 0
    for chunk in chunks():
        part = torch.zeros(classes, chunk.shape[1], dtype=torch.float64, device=chunk.device)
        sums = sums + part.index_add_(0, labels[start : start + len(chunk)], chunk.double())
        start += len(chunk)
    return sums / counts.clamp(min=1)[:, None], counts


def scatter(chunks: Chunks, mean: Tensor, labels: Tensor | None = None) -> Tensor:
    """Sum over rows of (x - m)(x - m)^T, float64 [D, D]; m is `mean` [D], or with `labels` the row of `mean` [C, D]."""
    total = torch.zeros(mean.shape[-1], mean.shape[-1], dtype=torch.float64, device=mean.device)
    start = 0
    for chunk in chunks():
        about = mean if labels is None else mean[labels[start : start + len(chunk)]]
        centred = chunk.double() - about
        total.addmm_(centred.T, centred)
        start += len(chunk)
    return total


def eigen(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, not below 0 and ascending, and eigenvectors in columns, of a matrix without negative ones."""
    values, vectors = torch.linalg.eigh(symmetric)
    return values.clamp(min=0), vectors
