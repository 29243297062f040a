"""The settings of gradient descent, common to every head that is trained by it, and the rules that they choose among.

Importing this package loads no torch.
"""

from __future__ import annotations

from workbench.heads.descent.optimisers import OPTIMISERS
from workbench.heads.descent.schedules import SCHEDULES
from workbench.settings import described, param

BALANCES = ("none", "weights", "sampling")
KEEPS = ("last", "accuracy", "loss")
PRECISIONS = ("fp32", "tf32", "bf16")


class GradientSettings:
    """Settings of heads trained by gradient descent on cross-entropy; `seed`, `transform`, `device` are data settings.

    Learning rate and weight decay are defined as in torch.optim. Wherever something is chosen (plateau, early stopping,
    which epoch is kept), val alone decides; without val, the train loss takes the place of the val loss.
    """

    lr: float = param(1e-3, gt=0, le=100, help="peak learning rate (ImageNet heads: 5e-5)")
    weight_decay: float = param(1e-4, ge=0, le=10, help="weight decay as in torch.optim (see optimiser)")
    batch_size: int | None = param(
        None,
        ge=1,
        le=10_000_000,
        unit="rows",
        help="rows per step (ImageNet heads: 65536); none: 512, fewer on small sets so that an epoch has 64 steps",
    )
    epochs: int = param(20, ge=1, le=100_000, help="number of passes over train (ImageNet heads: 100)")
    schedule: str = param(
        "cosine",
        choices=SCHEDULES,
        help=described("learning rate schedule", SCHEDULES),
    )
    warmup: float = param(
        0.0, ge=0, le=10_000, unit="epochs", help="number of epochs over which the rate first rises from 0"
    )
    factor: float = param(0.5, gt=0, lt=1, help="factor applied to the rate by the schedules step and plateau")
    step_epochs: int = param(
        10, ge=1, le=100_000, unit="epochs", help="schedule step: number of epochs between two steps"
    )
    patience: int = param(
        3, ge=1, le=100_000, unit="epochs", help="schedule plateau: number of epochs without improvement to wait"
    )
    optimiser: str = param("adamw", choices=OPTIMISERS, help=described("optimisation algorithm", OPTIMISERS))
    momentum: float = param(0.9, ge=0, lt=1, help="momentum of sgd; Adam's betas are 0.9 and 0.999")
    clip: float | None = param(
        None, gt=0, le=1e6, help="maximum gradient norm (2-norm over all weights); none: no clipping"
    )
    label_smoothing: float = param(0.0, ge=0, lt=1, help="fraction of the target spread evenly over all classes")
    balance: str = param(
        "none",
        choices=BALANCES,
        help="for imbalanced classes; weights: each class has the same weight in the loss; "
        "sampling: each class is drawn equally often",
    )
    mixup: float = param(
        0.0, ge=0, le=100, help="alpha of the Beta distribution for mixing pairs of samples in a batch; 0: none"
    )
    feature_dropout: float = param(
        0.0, ge=0, lt=1, help="fraction of a sample's features set to 0; the rest are scaled up"
    )
    noise: float = param(
        0.0, ge=0, le=100, help="standard deviation of Gaussian noise added to the transformed features"
    )
    ema: float = param(
        0.0, ge=0, lt=1, help="decay of the exponential moving average of the weights; 0: none, try 0.999"
    )
    early_stopping: int | None = param(
        None,
        ge=1,
        le=100_000,
        unit="epochs",
        help="number of epochs without improvement on val after which to stop; none: never",
    )
    keep: str = param(
        "last",
        choices=KEEPS,
        help="which weights to keep: of the last epoch, or of the epoch with the best val accuracy or loss",
    )
    precision: str = param(
        "fp32",
        choices=PRECISIONS,
        help="precision of matrix products; tf32 and bf16 are faster on GPUs, weights stay float32",
    )
    test_curves: bool = param(
        False,
        help="plot accuracy on the test sets after each epoch, for display only; each counts as a test-set evaluation",
    )
