"""One linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.spec import HeadSpec, TrainedByGradient

if TYPE_CHECKING:
    from torch import nn


class Settings(TrainedByGradient):
    """The linear head has no settings of its own."""


def build(dim: int, classes: int, settings: Settings) -> nn.Module:  # noqa: ARG001 - every head is built alike
    """`D -> C`."""
    from torch import nn

    return nn.Linear(dim, classes)


SPEC = HeadSpec("linear", "Linear", "one linear layer, D -> C: the usual probe of a feature set", Settings, build)
