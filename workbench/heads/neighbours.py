"""The module of the head `knn`: exact search over the train samples, in pieces, and their votes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from workbench import files
from workbench.errors import BadInput
from workbench.heads.moments import Chunks

FLOATS = 2**25  # similarities in memory at a time: 128 MiB
PIECE_BYTES = 2**26  # of train features read at a time
UNIFORM = 1e-3  # share of the probability that is spread evenly over all classes, so that logarithms are finite


class Neighbours(nn.Module):
    """Maps features [n, D] to the logarithms of the classes' shares of the votes, [n, C].

    The train features come from `pieces`, which gives them transformed, [m, D] at a time, in the order of `labels`;
    `copied` features [n, D] or the `rows` of a store by its `fingerprint` are what is saved.
    """

    k: Tensor
    labels: Tensor
    copied: Tensor
    rows: Tensor
    fingerprint: Tensor

    def __init__(self, dim: int, classes: int, k: int, temperature: float, metric: str) -> None:
        super().__init__()
        self.classes, self.temperature, self.metric = classes, temperature, metric
        self.register_buffer("k", torch.tensor(k))
        for name in ("labels", "rows"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.int64))
        self.register_buffer("copied", torch.zeros(0, dim))
        self.register_buffer("fingerprint", torch.zeros(0, dtype=torch.uint8))
        self.pieces: Chunks = lambda: torch.split(self.copied, max(1, PIECE_BYTES // (4 * dim)))

    def forward(self, x: Tensor) -> Tensor:
        return self.vote(*self.nearest(x, int(self.k)))

    def nearest(self, x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Similarities, highest first, and labels, both [n, min(k, train rows)], of the k most similar train rows."""
        x = self._prepared(x)
        best = x.new_zeros(len(x), 0)
        labels = self.labels.new_zeros(len(x), 0)
        start = 0
        for part in self._parts(max(256, FLOATS // max(len(x), 1))):
            similarity = x @ part.T
            if self.metric == "euclidean":
                similarity = (2 * similarity - x.square().sum(1, keepdim=True) - part.square().sum(1)) / x.shape[1]
            similarity, places = similarity.topk(min(k, len(part)), dim=1)
            best = torch.cat([best, similarity], 1)
            labels = torch.cat([labels, self.labels[start + places]], 1)
            best, places = best.topk(min(k, best.shape[1]), dim=1)
            labels = labels.gather(1, places)
            start += len(part)
        return best, labels

    def _parts(self, rows: int) -> Iterator[Tensor]:
        for piece in self.pieces():
            yield from map(self._prepared, torch.split(piece, rows))

    def _prepared(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, dim=1) if self.metric == "cosine" else x

    def vote(self, similarity: Tensor, labels: Tensor) -> Tensor:
        """Logarithms [n, C] of the classes' shares of the votes, with weights exp(similarity / temperature).

        Examples
        --------
        >>> module = Neighbours(dim=2, classes=2, k=3, temperature=1.0, metric="cosine")
        >>> module.vote(torch.tensor([[0.5, 0.5, 0.5]]), torch.tensor([[0, 0, 1]])).exp().round(decimals=2).tolist()
        [[0.6700000166893005, 0.33000001311302185]]
        """
        weight = ((similarity - similarity[:, :1]) / self.temperature).exp()
        votes = weight.new_zeros(len(weight), self.classes).scatter_add_(1, labels, weight)
        share = votes / votes.sum(1, keepdim=True)
        return ((1 - UNIFORM) * share + UNIFORM / self.classes).log()

    def copy(self) -> None:
        """Store the train features themselves."""
        self.copied = torch.cat(list(self.pieces()))
        dim = self.copied.shape[1]
        self.pieces = lambda: torch.split(self.copied, max(1, PIECE_BYTES // (4 * dim)))

    def refer(self, fingerprint: str, rows: np.ndarray) -> None:
        """Store which store the train features are in, and in which rows."""
        self.fingerprint = torch.tensor(list(fingerprint.encode()), dtype=torch.uint8)
        self.rows = torch.from_numpy(rows.copy())

    def restore(self, tensors: dict[str, Tensor], file: Path, transform: nn.Module) -> None:
        """Restore from saved tensors; `file` is in a run of the workspace whose store they may refer to."""
        for name, value in tensors.items():
            setattr(self, name, value)
        if not len(self.rows):
            return
        fingerprint = bytes(self.fingerprint.tolist()).decode()
        store = file.absolute().parent.parent.parent / "features" / files.name(fingerprint, "store", file)
        features, rows = _stored(store, file), self.rows.cpu().numpy()
        size = max(1, PIECE_BYTES // (4 * features.shape[1]))

        def pieces() -> Iterator[Tensor]:
            for start in range(0, len(rows), size):
                raw = torch.from_numpy(np.asarray(features[rows[start : start + size]], dtype=np.float32))
                yield transform(raw.to(self.labels.device))

        self.pieces = pieces


def _stored(folder: Path, file: Path) -> np.ndarray:
    """The train features of a store, mapped; raises BadInput when they are gone."""
    from workbench.features.store import Store

    try:
        files.folder(folder.parent)
        return Store.open(folder).train.features
    except (BadInput, OSError) as error:
        raise BadInput(
            f"{file}: its train features are in the store {folder}, which cannot be read ({error}); ingest the same "
            "feature files again, or train knn with keep=copy"
        ) from None
