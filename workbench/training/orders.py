"""The order in which an epoch goes through the train rows: from the seed and the epoch alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

BLOCK = 32  # rows read together when features are streamed: a few disk pages, and few enough of one class in a batch


@dataclass(frozen=True)
class Pieces:
    """How a streamed epoch is cut: blocks of `block` rows are read as one, `batches` steps fill one buffer."""

    block: int
    batches: int


def bounds(rows: int, batch: int, least: int) -> list[tuple[int, int]]:
    """Where each batch of an epoch starts and ends; a rest of fewer than `least` rows goes with the batch before it."""
    starts = list(range(0, rows, batch))
    if len(starts) > 1 and rows - starts[-1] < least:
        starts.pop()
    return list(zip(starts, [*starts[1:], rows], strict=True))


def _seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)


def shuffled(rows: int, seed: int, epoch: int, device: torch.device) -> Tensor:
    """Every row once, in any order: int64 [rows] on `device`."""
    generator = torch.Generator(device).manual_seed(_seed(seed, epoch))
    return torch.randperm(rows, generator=generator, device=device)


def by_pieces(cut: Pieces, edges: list[tuple[int, int]], seed: int, epoch: int) -> np.ndarray:
    """Every row once, int64 [rows]: blocks in any order, then the rows of each buffer in any order.

    `edges`: `bounds` of the epoch. A buffer's rows come from blocks all over the set, so that batches are as mixed as
    the buffer, while reading stays in runs of `cut.block` rows.
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
    """Rows drawn with replacement, so that every class that has rows comes equally often."""

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


def plain(cut: Pieces | None) -> dict[str, Any] | None:
    """For a checkpoint."""
    return None if cut is None else {"block": cut.block, "batches": cut.batches}
