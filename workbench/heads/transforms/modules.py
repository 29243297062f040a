"""The modules of the transforms. Each maps features float32 [n, D] to float32 [n, D'] on the same device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.heads.moments import Chunks, eigen, mean_of, scatter


class Transform(nn.Module):
    """What all transforms have in common: made for `dim` features and `settings` (a `DataSettings`), then fitted."""

    def __init__(self, dim: int, settings: Any) -> None:
        super().__init__()

    @classmethod
    def width(cls, dim: int, settings: Any) -> int:  # noqa: ARG003 - most neither add nor remove features
        """The number of features after the transform, of `dim` before it; raises BadInput where that cannot be."""
        return dim

    def fit(self, chunks: Chunks) -> None:
        """Learn what the transform needs from the train rows."""


class Unchanged(Transform, nn.Identity):
    """`x`."""


class Standardise(Transform):
    """`(x - mean) * scale` per feature, where scale is 1 / standard deviation over train (population formula).

    A feature that is constant over train has scale 1, so that it becomes 0 there.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, dim: int, settings: Any) -> None:
        super().__init__(dim, settings)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale

    def fit(self, chunks: Chunks) -> None:
        """Two passes in float64, since the one-pass formula cancels for features far from 0."""
        mean, rows = mean_of(chunks)
        square = torch.zeros((), dtype=torch.float64)
        for chunk in chunks():
            square = square.to(chunk.device) + (chunk.double() - mean).square().sum(0)
        sd = (square / max(rows, 1)).sqrt()
        # rounding leaves a constant feature an SD of some 1e-9 of its size, not 0
        constant = sd <= 1e-7 * mean.abs()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(constant, 1.0, 1.0 / torch.where(constant, 1.0, sd)))


class Length(Transform):
    """`x / |x|_2` per sample; a sample of zeros stays as it is."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, dim=1)


class Power(Transform):
    """`sign(x) sqrt(|x|)`, which shortens the long tails of pooled activations."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sign() * x.abs().sqrt()


class Log(Transform):
    """`sign(x) log(1 + scale |x|)`."""

    def __init__(self, dim: int, settings: Any) -> None:
        super().__init__(dim, settings)
        self.scale = float(settings.log_scale)

    def forward(self, x: Tensor) -> Tensor:
        return x.sign() * torch.log1p(self.scale * x.abs())


class Whiten(Transform):
    """`(x - mean) V / sqrt(variance + epsilon * largest variance)` along the first principal components V over train.

    Variances by the n - 1 formula, as in scikit-learn's `PCA(whiten=True)`, which it equals for epsilon 0 up to signs.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, dim: int, settings: Any) -> None:
        super().__init__(dim, settings)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("components", torch.zeros(dim, self.width(dim, settings)))
        self.epsilon = float(settings.epsilon)

    @classmethod
    def width(cls, dim: int, settings: Any) -> int:
        if settings.components is None:
            return dim
        if settings.components > dim:
            raise BadInput(f"components = {settings.components}: there are only {dim} features")
        return int(settings.components)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.components

    def fit(self, chunks: Chunks) -> None:
        mean, rows = mean_of(chunks)
        variance, vectors = eigen(scatter(chunks, mean) / max(rows - 1, 1))
        count = self.components.shape[1]
        variance, vectors = variance.flip(0)[:count], vectors.flip(1)[:, :count]
        # directions that train does not span hold nothing but rounding errors
        spanned = variance > 1e-12 * variance[0]
        scale = torch.where(spanned, 1.0 / (variance + self.epsilon * variance[0]).sqrt(), 0.0)
        self.mean.copy_(mean)
        self.components.copy_(vectors * scale)


class Chain(nn.Sequential):
    """Transforms one after the other, each fitted to the output of those before it."""

    def fit(self, chunks: Chunks) -> None:
        """Fit each part in turn."""
        before: list[nn.Module] = []
        for part in self:
            assert isinstance(part, Transform)
            part.fit(_after(chunks, list(before)))
            before.append(part)


def _after(chunks: Chunks, parts: list[nn.Module]) -> Chunks:
    def run() -> Iterator[Tensor]:
        for chunk in chunks():
            for part in parts:
                chunk = part(chunk)
            yield chunk

    return run
