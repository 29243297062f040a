"""Feature transforms: fitted on train rows alone, stored with the head, applied before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadInput, choose
from workbench.heads.moments import Chunks, eigen, mean_of, scatter
from workbench.heads.spec import TRANSFORMS

__all__ = ["Chunks", "fit", "make", "width"]


class Transform(nn.Module):
    """Maps features [n, D] to [n, D'], float32; `fit` learns what it needs from train rows."""

    def fit(self, chunks: Chunks) -> None:
        """Most need nothing."""


class Standardise(Transform):
    """`(x - mean) * scale` per feature, where scale is 1 / deviation over train (population formula).

    A feature that is constant over train has scale 1, so that it comes out as 0 there.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale

    def fit(self, chunks: Chunks) -> None:
        """Mean, then squares about the mean, both in float64: one pass would cancel for features far from 0."""
        mean, rows = mean_of(chunks)
        square = torch.zeros((), dtype=torch.float64)
        for chunk in chunks():
            square = square.to(chunk.device) + (chunk.double() - mean).square().sum(0)
        deviation = (square / max(rows, 1)).sqrt()
        # rounding leaves a constant feature a deviation of some 1e-9 of its size, not 0
        constant = deviation <= 1e-7 * mean.abs()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(constant, 1.0, 1.0 / torch.where(constant, 1.0, deviation)))


class Length(Transform):
    """`x / |x|_2` per sample; a sample of zeros stays so."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, dim=1)


class Power(Transform):
    """`sign(x) sqrt(|x|)`, which evens out the long tails of pooled activations."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sign() * x.abs().sqrt()


class Log(Transform):
    """`sign(x) log(1 + scale |x|)`."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x.sign() * torch.log1p(self.scale * x.abs())


class Whiten(Transform):
    """`(x - mean) V / sqrt(variance + epsilon * largest variance)` along the first principal components V over train.

    Variances by the n - 1 formula, as in scikit-learn's `PCA(whiten=True)`, which it equals for epsilon 0 up to signs.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, dim: int, components: int, epsilon: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("components", torch.zeros(dim, components))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.components

    def fit(self, chunks: Chunks) -> None:
        mean, rows = mean_of(chunks)
        variance, vectors = eigen(scatter(chunks, mean) / max(rows - 1, 1))
        kept = self.components.shape[1]
        variance, vectors = variance.flip(0)[:kept], vectors.flip(1)[:, :kept]
        # directions that train does not span hold nothing but rounding
        spanned = variance > 1e-12 * variance[0]
        scale = torch.where(spanned, 1.0 / (variance + self.epsilon * variance[0]).sqrt(), 0.0)
        self.mean.copy_(mean)
        self.components.copy_(vectors * scale)


class Chain(nn.Sequential):
    """Transforms one after the other, each fitted to what the one before it gives."""

    def fit(self, chunks: Chunks) -> None:
        before: list[nn.Module] = []
        for part in self:
            assert isinstance(part, Transform)
            part.fit(_after(chunks, list(before)))
            before.append(part)


def _after(chunks: Chunks, parts: list[nn.Module]) -> Chunks:
    def run() -> Any:
        for chunk in chunks():
            for part in parts:
                chunk = part(chunk)
            yield chunk

    return run


def width(settings: Any, dim: int) -> int:
    """How wide D-wide features are after the transform; raises BadInput when it keeps more than there are."""
    if "whiten" not in settings.transform or settings.components is None:
        return dim
    if settings.components > dim:
        raise BadInput(f"components = {settings.components}: the features have no more than {dim}")
    return int(settings.components)


def make(settings: Any, dim: int) -> nn.Module:
    """The unfitted transform of D-wide features that `settings` (a `DataSettings`) name; raises BadInput."""
    known: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "standardise": lambda: Standardise(dim),
        "l2": Length,
        "power": Power,
        "log1p": lambda: Log(settings.log_scale),
        "whiten": lambda: Whiten(dim, width(settings, dim), settings.epsilon),
    }
    parts = [known[part]() for part in choose(settings.transform, TRANSFORMS, "transform").split("+")]
    return parts[0] if len(parts) == 1 else Chain(*parts)


def fit(settings: Any, dim: int, chunks: Chunks, device: torch.device) -> nn.Module:
    """The transform fitted to the train rows, on `device`, without gradients."""
    module = make(settings, dim).to(device)
    if isinstance(module, Transform | Chain):
        module.fit(chunks)
    return module.requires_grad_(False)
