"""The order in which an epoch visits the train rows, a function of the seed and the epoch alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BLOCK = 32  # consecutive rows read at once when features are streamed: a few disk pages, and little of one class


@dataclass(frozen=True)
class Pieces:
    """How a streamed epoch is cut: `block` consecutive rows are read at once, `batches` batches fill one buffer."""

    block: int
    batches: int


def bounds(rows: int, batch: int, min_rows: int) -> list[tuple[int, int]]:
    """Where each batch of an epoch starts and ends; a last one of fewer than `min_rows` joins the one before it."""
    starts = list(range(0, rows, batch))
    if len(starts) > 1 and rows - starts[-1] < min_rows:
        starts.pop()
    return list(zip(starts, [*starts[1:], rows], strict=True))


def _seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)


def shuffled(rows: int, seed: int, epoch: int, device: torch.device) -> Tensor:
    """A random permutation of the rows: int64 [rows] on `device`."""
    generator = torch.Generator(device).manual_seed(_seed(seed, epoch))
    return torch.randperm(rows, generator=generator, device=device)


def by_pieces(cut: Pieces, edges: list[tuple[int, int]], seed: int, epoch: int) -> np.ndarray:
    """A permutation of the rows, int64 [rows]: blocks are shuffled, then the rows within each buffer.

    `edges` are the `bounds` of the epoch. A buffer's rows come from blocks all over the set, so that batches are as
    mixed as the buffer, while rows are read in runs of `cut.block`.
    """
    rows = edges[-1][1]
    rng = np.random.default_rng(_seed(seed, epoch))
    starts = rng.permutation(-(-rows // cut.block)) * cut.block
    order = (starts[:, None] + np.arange(cut.block)).ravel()
    order = order[order < rows]
    for first in range(0, len(edges), cut.batches):
        last = min(first + cut.batches, len(edges)) - 1
        rng.shuffle(order[edges[first][0] : edges[last][1]])
    return order


class Balanced:
    """Rows drawn with replacement, so that every class that has rows is drawn equally often."""

    def __init__(self, labels: Tensor) -> None:
        self._by_class = torch.argsort(labels, stable=True)
        counts = torch.bincount(labels)
        starts = counts.cumsum(0) - counts
        self._counts, self._starts = counts[counts > 0], starts[counts > 0]

    def draw(self, rows: int, seed: int, epoch: int) -> Tensor:
        """int64 [rows], on the labels' device."""
        device = self._by_class.device
        generator = torch.Generator(device).manual_seed(_seed(seed, epoch))
        classes = torch.randint(len(self._counts), (rows,), generator=generator, device=device)
        share = torch.rand(rows, generator=generator, device=device, dtype=torch.float64)
        return self._by_class[self._starts[classes] + (share * self._counts[classes]).long()]
