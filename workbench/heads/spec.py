"""What a head declares: its settings and how it is built."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.heads.descent import SCHEDULES, GradientSettings
from workbench.settings import param

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from workbench.heads.fitting import Fitting, Rows

__all__ = [
    "SCHEDULES",
    "TRANSFORMS",
    "DataSettings",
    "GradientSettings",
    "HeadSpec",
    "TrainedByGradient",
    "check_device",
]

# a + reads "then": each part is fitted to what the one before it gives
TRANSFORMS = (
    "none",
    "standardise",
    "l2",
    "power",
    "log1p",
    "whiten",
    "power+standardise",
    "log1p+standardise",
    "standardise+l2",
)


class DataSettings:
    """What every head is asked: how features are prepared, the seed and the device."""

    transform: str = param(
        "standardise",
        choices=TRANSFORMS,
        help="what is done to the features first, fitted on train alone; standardise: mean 0, deviation 1; l2: length "
        "1; power: square root, signed; log1p: log(1 + log_scale x), signed; whiten: principal components, deviation 1",
    )
    log_scale: float = param(50.0, gt=0, le=1e6, help="transform log1p: what features are multiplied by first")
    components: int | None = param(
        None, ge=1, le=100_000, help="transform whiten: principal components kept; none: all D"
    )
    epsilon: float = param(
        1e-6,
        ge=0,
        le=1,
        help="transform whiten: added to each variance, as a share of the largest, so as not to blow up noise",
    )
    seed: int = param(0, ge=0, le=1_000_000_000, help="start weights, order of samples and dropout follow from it")
    device: str = param("auto", help="auto (a GPU where there is one), cpu, cuda or cuda:N")


class TrainedByGradient(DataSettings, GradientSettings):
    """Settings of a head that is trained by gradient descent; those of descent come first."""


@dataclass(frozen=True)
class HeadSpec:
    """One head of the registry.

    `build(D, C, settings)` gives a `torch.nn.Module` that maps features [n, D] (float32, transformed) to logits [n, C];
    it draws its start weights from torch's global generator. `min_batch`: the fewest rows a step can have.
    `begin(module, start)` sets the start weights of a head trained by gradient descent that depend on train rows.
    `fit` makes a closed-form head: it fills the built module in, and `fits(settings)` says how many candidates it
    tries at most. `restore(module, tensors, file, transform)` fills a module in from the tensors saved in
    `file`, where `load_state_dict` is not enough.
    """

    name: str
    title: str
    help: str
    Settings: type
    build: Callable[[int, int, Any], nn.Module]
    min_batch: int = 1
    begin: Callable[[nn.Module, Rows, Any], None] | None = None
    fit: Callable[[nn.Module, Fitting], None] | None = None
    fits: Callable[[Any], int] = lambda settings: 1
    restore: Callable[[nn.Module, dict[str, Tensor], Path, nn.Module], None] | None = None

    def rounds(self, settings: Any) -> int:
        """What a run counts to: epochs, or the candidates of a closed-form head."""
        return int(settings.epochs) if self.fit is None else self.fits(settings)


def check_device(device: str) -> None:
    """Raise BadInput unless `device` is spelled as a device; whether it is there is seen when training starts."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise BadInput(f"device = {device!r}: expected auto, cpu, cuda or cuda:N, e.g. cuda:0")
