"""A multi-layer perceptron of any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.spec import HeadSpec, TrainedByGradient
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn


class Settings(TrainedByGradient):
    hidden: list[int] = param([1024], ge=1, le=65_536, help="widths of the hidden layers, e.g. 1024,512; empty: none")
    activation: str = param("gelu", choices=("relu", "gelu", "silu", "tanh"), help="after each hidden layer")
    norm: str = param("none", choices=("none", "batch", "layer"), help="before each activation")
    dropout: float = param(0.5, ge=0, lt=1, help="share of hidden units dropped in each step")
    label_smoothing: float = param(0.1, ge=0, lt=1, help="share of the target spread evenly over all classes")
    feature_dropout: float = param(
        0.2, ge=0, lt=1, help="share of a sample's features set to 0 in each step, the rest scaled up"
    )
    residual: bool = param(False, help="add what enters a hidden layer to what leaves it, where the widths are equal")


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """`D -> hidden ... -> C`; each hidden layer: linear, norm, activation, dropout, and the way around it."""
    from workbench.heads.modules import perceptron

    return perceptron(dim, classes, settings)


SPEC = HeadSpec(
    "mlp",
    "Network of any shape",
    "hidden layers of chosen widths, activation, norm, dropout, residual",
    Settings,
    build,
    min_batch=2,  # batch norm has no variance of one row
)
