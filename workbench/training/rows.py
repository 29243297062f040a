"""Rows of features, kept on the device or streamed to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from workbench.training.sampling import Pieces
from workbench.training.stream import Stream

CHUNK_BYTES = 64 * 2**20
Batch = tuple[Tensor, Tensor]  # features float32 [m, D], labels int64 [m]


class Rows:
    """Some rows of a feature matrix with their labels, given batch by batch on `device` as float32 and int64.

    `features`: [N, D], any float type, usually memory-mapped; `labels`: int64 [N]; `rows`: int64 [n], row numbers.
    With `resident` the n rows are copied to the device once and transformed there once; otherwise they are read from
    `features` whenever they are needed.
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
        """Rows in a chunk of about 64 MiB."""
        return max(1, CHUNK_BYTES // (4 * max(self.dim, 1)))

    def _gather(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(self._source[rows], dtype=np.float32)).to(self.device)

    def _read(self) -> Iterator[tuple[int, Tensor]]:
        for start in range(0, self.n, self.chunk):
            yield start, self._gather(self._rows[start : start + self.chunk])

    def chunks(self) -> Iterator[Tensor]:
        """All rows in order, transformed if a transform was set, in chunks float32 [m, D]."""
        if self._resident is not None:
            yield from torch.split(self._resident, self.chunk)
        else:
            yield from (self._transform(chunk) for _, chunk in self._read())

    def set_transform(self, transform: nn.Module) -> None:
        """From now on give transformed rows, which may be wider or narrower."""
        self._transform = transform
        if self._resident is None or isinstance(transform, nn.Identity) or not self.n:
            return
        width = transform(self._resident[:1]).shape[1]
        # in place where possible, since the features may take most of the device's memory
        out = self._resident if width == self.dim else torch.empty(self.n, width, device=self.device)
        for chunk, into in zip(torch.split(self._resident, self.chunk), torch.split(out, self.chunk), strict=True):
            into.copy_(transform(chunk))
        self._resident = out

    def batch(self, order: Tensor) -> Batch:
        """The rows [m, D] and labels [m] at the places `order` (int64 [m], on the device, 0 to n - 1)."""
        labels = self.labels.index_select(0, order)
        if self._resident is not None:
            return self._resident.index_select(0, order), labels
        features: Tensor = self._transform(self._gather(self._rows[order.cpu().numpy()]))
        return features, labels

    def batches(
        self, order: Tensor, edges: list[tuple[int, int]], first: int, cut: Pieces | None = None
    ) -> Iterator[Batch]:
        """The batches `first`, ... of an epoch that visits the places `order` (int64, on the device).

        `edges[i]` is where batch i starts and ends in `order`. With `cut`, rows that are not resident come buffer by
        buffer, each read in the order of the file.
        """
        if cut is None or self._resident is not None:
            yield from (self.batch(order[start:end]) for start, end in edges[first:])
            return
        groups = [edges[i : i + cut.batches] for i in range(first - first % cut.batches, len(edges), cut.batches)]
        places = order.cpu().numpy()
        inside = [places[group[0][0] : group[-1][1]] for group in groups]
        stream = Stream(self._source, self.device).buffers([self._rows[np.sort(some)] for some in inside])
        skipped = first % cut.batches
        for group, some, buffer in zip(groups, inside, stream, strict=True):
            where = np.empty(len(some), np.int64)
            where[np.argsort(some, kind="stable")] = np.arange(len(some))
            local = torch.from_numpy(where).to(self.device)
            features = self._transform(buffer)
            for start, end in group[skipped:]:
                picked = local[start - group[0][0] : end - group[0][0]]
                yield features.index_select(0, picked), self.labels.index_select(0, order[start:end])
            skipped = 0
