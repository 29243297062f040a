"""The data of gradient descent: rows on the device or streamed, in the order of each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HeadSpec, transforms
from workbench.training import devices, sampling
from workbench.training.rows import Batch, Rows
from workbench.training.sampling import Balanced, Pieces

BATCH, STEPS = 512, 64  # default batch size: this many rows, fewer where an epoch would have fewer steps


def batch_size(settings: Any, spec: HeadSpec, rows: int) -> int:
    """Rows in a step: what the settings say, else 512 or the power of two that gives 64 steps an epoch; at most `rows`.

    Raises BadInput when the head cannot be trained on so few.
    """
    chosen = settings.batch_size or max(8, min(BATCH, 1 << max(rows // STEPS, 1).bit_length() - 1))
    size = int(min(chosen, rows))
    if size < spec.min_batch:
        what = f"batch_size = {size}" if settings.batch_size else f"train has {rows} row(s)"
        raise BadInput(f"head {spec.name}: {what}: it requires at least {spec.min_batch} rows per step")
    return size


class Data:
    """Train and val rows of a view, transformed, for one training.

    `cut` is None where an epoch is one shuffle of all rows; it says how epochs are cut where rows are streamed, and
    comes from the checkpoint when training is resumed, so that the order of rows stays the same.
    """

    def __init__(self, view: TrainingView, spec: HeadSpec, settings: Any, device: torch.device) -> None:
        if len(view.train_rows) == 0:
            raise BadInput("train has no rows; lower [validation] fraction in workbench.toml")
        self._settings, self.device, self._dim = settings, device, view.dim
        self.width = transforms.width(settings, view.dim)  # of transformed features
        self.batch = batch_size(settings, spec, len(view.train_rows))
        # a last batch of one row is joined to the one before it when the head cannot be trained on one
        self.edges = sampling.bounds(len(view.train_rows), self.batch, spec.min_batch)
        self.bytes = 4 * view.dim * (len(view.train_rows) + len(view.val_rows))
        self.free = devices.free_bytes(device)
        self.cut: Pieces | None = None
        self.train, self.val = self._load(view, resident=devices.fits(self.bytes, device))
        if not self.train.resident and settings.balance != "sampling":
            self.cut = Pieces(sampling.BLOCK, devices.buffer_batches(4 * view.dim, self.batch, device))
        self.transform = self._fit()
        self._balanced = Balanced(self.train.labels) if settings.balance == "sampling" else None

    def _load(self, view: TrainingView, *, resident: bool) -> tuple[Rows, Rows]:
        try:
            train, val = (
                Rows(view.features, view.labels, rows, self.device, resident=resident)
                for rows in (view.train_rows, view.val_rows)
            )
        except torch.OutOfMemoryError:  # another process has taken the memory meanwhile
            if not resident:
                raise
            return self._load(view, resident=False)
        return train, val

    def _fit(self) -> nn.Module:
        transform = transforms.fit(self._settings, self._dim, self.train.chunks, self.device)
        for rows in (self.train, self.val):
            rows.set_transform(transform)
        return transform

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return len(self.edges)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """The batches `first`, ... of epoch 0, 1, ..."""
        return self.train.batches(self._order(epoch), self.edges, first, self.cut)

    def _order(self, epoch: int) -> Tensor:
        seed, rows = self._settings.seed, self.train.n
        if self._balanced is not None:
            return self._balanced.draw(rows, seed, epoch)
        if self.cut is not None:
            return torch.from_numpy(sampling.by_pieces(self.cut, self.edges, seed, epoch)).to(self.device)
        return sampling.shuffled(rows, seed, epoch, self.device)
