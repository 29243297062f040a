"""What a head declares: its settings and how it is built."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn

TRANSFORMS = ("none", "standardise")
SCHEDULES = ("constant", "cosine", "plateau")


class DataSettings:
    """What every head is asked: how features are prepared, the seed and the device."""

    transform: str = param(
        "standardise",
        choices=TRANSFORMS,
        help="what is done to the features first, fitted on train alone; standardise: mean 0, deviation 1",
    )
    seed: int = param(0, ge=0, le=1_000_000_000, help="start weights, order of samples and dropout follow from it")
    device: str = param("auto", help="auto (a GPU where there is one), cpu, cuda or cuda:N")


class GradientSettings:
    """What heads trained by gradient descent (AdamW, cross-entropy) are asked besides."""

    lr: float = param(1e-3, gt=0, le=100, help="learning rate at its highest (ImageNet heads: 5e-5)")
    weight_decay: float = param(1e-4, ge=0, le=10, help="decoupled weight decay of AdamW")
    batch_size: int | None = param(
        None,
        ge=1,
        le=10_000_000,
        unit="rows",
        help="rows a step (ImageNet heads: 65536); none: 512, fewer on small sets so that an epoch has 64 steps",
    )
    epochs: int = param(20, ge=1, le=100_000, help="passes over train (ImageNet heads: 100)")
    schedule: str = param(
        "cosine",
        choices=SCHEDULES,
        help="learning rate over time; cosine: down to 0; plateau: halved after 3 epochs without a better val loss",
    )


class TrainedByGradient(DataSettings, GradientSettings):
    """Settings of a head that is trained by gradient descent; those of descent come first."""


@dataclass(frozen=True)
class HeadSpec:
    """One head of the registry.

    `build(D, C, settings)` gives a `torch.nn.Module` that maps features [n, D] (float32, transformed) to logits [n, C];
    it draws its start weights from torch's global generator. `min_batch`: the fewest rows a step can have.
    """

    name: str
    title: str
    help: str
    Settings: type
    build: Callable[[int, int, Any], nn.Module]
    min_batch: int = 1


def check_device(device: str) -> None:
    """Raise BadInput unless `device` is spelled as a device; whether it is there is seen when training starts."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise BadInput(f"device = {device!r}: expected auto, cpu, cuda or cuda:N, e.g. cuda:0")
