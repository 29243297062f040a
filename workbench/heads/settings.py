"""The settings that heads share: how features are prepared, and what each way of training offers. Imports no torch."""

from __future__ import annotations

import re

from workbench.errors import BadInput
from workbench.heads import transforms
from workbench.heads.descent import GradientSettings
from workbench.settings import described, param


class DataSettings:
    """Settings of every head: the transform of the features, the seed and the device."""

    transform: str = param(
        "standardise",
        choices=transforms.CHOICES,
        help=described("transform applied to the features first, fitted on train only", transforms.TRANSFORMS),
    )
    log_scale: float = param(50.0, gt=0, le=1e6, help="transform log1p: factor by which features are multiplied first")
    components: int | None = param(
        None, ge=1, le=100_000, help="transform whiten: number of principal components; none: all D"
    )
    epsilon: float = param(
        1e-6,
        ge=0,
        le=1,
        help="transform whiten: added to each variance, as a fraction of the largest, so that noise is not amplified",
    )
    seed: int = param(0, ge=0, le=1_000_000_000, help="random seed for initial weights, order of samples and dropout")
    device: str = param("auto", help="auto (a GPU if available), cpu, cuda or cuda:N")


class TrainedByGradient(DataSettings, GradientSettings):
    """Settings of a head that is trained by gradient descent; those of gradient descent come first."""


class ClosedForm(DataSettings):
    """Settings of a head that is solved for rather than trained by gradient descent."""

    choose_by: str = param(
        "accuracy",
        choices=("accuracy", "loss"),
        help="criterion on val for choosing among candidates; ties in accuracy: lower loss",
    )


class Calibrated(ClosedForm):
    """Settings of a closed-form head whose scores are not probabilities by themselves."""

    calibrate: bool = param(
        True,
        help="scale the scores by the temperature that fits val best (train without val), so that softmax gives "
        "calibrated probabilities; false: unscaled scores",
    )


def check_device(device: str) -> None:
    """Raise BadInput unless `device` is spelled like a device; whether it exists is checked when training starts.

    Examples
    --------
    >>> check_device("cuda:1")
    >>> check_device("gpu")
    Traceback (most recent call last):
    ...
    workbench.errors.BadInput: device = 'gpu': expected auto, cpu, cuda or cuda:N, e.g. cuda:0
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise BadInput(f"device = {device!r}: expected auto, cpu, cuda or cuda:N, e.g. cuda:0")
