"""Rows of features on the device, or on their way there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

CHUNK_BYTES = 64 * 2**20


class Rows:
    """Some rows of a feature matrix with their labels, given batch by batch on `device` as float32 and int64.

    `features`: [N, D], any float type, usually memory-mapped; `labels`: int64 [N]; `rows`: int64 [n], row numbers.
    With `resident` the n rows are copied to the device once and transformed there once; otherwise each batch is
    gathered from `features` when it is asked for.
    """

    def __init__(
        self, features: np.ndarray, labels: np.ndarray, rows: np.ndarray, device: torch.device, *, resident: bool
    ) -> None:
        self.device = device
        self.n = len(rows)
        self.dim = int(features.shape[1])
        self.labels = torch.from_numpy(np.ascontiguousarray(labels[rows])).to(device)
        self._source = features
        self._rows = rows
        self._transform: nn.Module = nn.Identity()
        self._resident: Tensor | None = None
        if resident:
            self._resident = torch.empty(self.n, self.dim, device=device)
            for start, chunk in self._read():
                self._resident[start : start + len(chunk)] = chunk

    @property
    def resident(self) -> bool:
        return self._resident is not None

    @property
    def chunk(self) -> int:
        """Rows in a piece of about 64 MiB."""
        return max(1, CHUNK_BYTES // (4 * max(self.dim, 1)))

    def _gather(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(self._source[rows], dtype=np.float32)).to(self.device)

    def _read(self) -> Iterator[tuple[int, Tensor]]:
        for start in range(0, self.n, self.chunk):
            yield start, self._gather(self._rows[start : start + self.chunk])

    def chunks(self) -> Iterator[Tensor]:
        """All rows in order, transformed if a transform was set, in pieces [m, D]."""
        if self._resident is not None:
            yield from torch.split(self._resident, self.chunk)
        else:
            yield from (self._transform(chunk) for _, chunk in self._read())

    def set_transform(self, transform: nn.Module) -> None:
        """From now on give transformed rows."""
        self._transform = transform
        if self._resident is not None and not isinstance(transform, nn.Identity):
            for chunk in torch.split(self._resident, self.chunk):
                chunk.copy_(transform(chunk))

    def batch(self, order: Tensor) -> tuple[Tensor, Tensor]:
        """The rows [m, D] and labels [m] at the places `order` (int64 [m], on the device, 0 to n - 1)."""
        labels = self.labels.index_select(0, order)
        if self._resident is not None:
            return self._resident.index_select(0, order), labels
        features: Tensor = self._transform(self._gather(self._rows[order.cpu().numpy()]))
        return features, labels
