"""Ridge classifier: least squares on targets +1 and -1; one eigendecomposition serves all strengths of the penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.fitting import Fitting, better, needs_val
from workbench.heads.settings import Calibrated
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import Tensor, nn

STRENGTHS = [10 ** (-5 + step / 2) for step in range(15)]  # of alpha, as a share of the mean eigenvalue


class Settings(Calibrated):
    alpha: float | None = param(
        None,
        ge=0,
        le=1e15,
        help="penalty on the squared weights, as in scikit-learn's Ridge; none: the best of 15 strengths on val",
    )


def build(dim: int, classes: int, settings: Settings) -> nn.Module:  # noqa: ARG001 - every head is built alike
    """`D -> C`."""
    from torch import nn

    return nn.Linear(dim, classes)


def fits(settings: Settings) -> int:
    return len(STRENGTHS) if settings.alpha is None else 1


def fit(module: nn.Module, problem: Fitting) -> None:
    """Minimise `|Y - X W - b|^2 + alpha |W|^2`, Y in {-1, +1}, b not penalised, as scikit-learn's RidgeClassifier.

    References: Hoerl and Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems, Technometrics
    12, 55-67.
    """
    import torch

    from workbench.heads import affine, moments

    train, settings = problem.train, problem.settings
    if settings.alpha is None:
        needs_val(problem, "alpha")
    mean, _ = moments.mean_of(train.chunks)
    means, counts = moments.class_means(train.chunks, train.labels, problem.classes)
    values, vectors = moments.eigen(moments.scatter(train.chunks, mean))
    # X^T Y for centred X: the columns of Y are 2 [class] - 1, and the -1 cancels with the mean
    products = vectors.T @ (2 * counts[:, None] * (means - mean)).T
    offset = 2 * counts / train.n - 1
    val = torch.cat([(chunk.double() - mean) @ vectors for chunk in problem.val.chunks()]) if problem.val.n else None

    def weights(alpha: float) -> Tensor:
        # without penalty, directions that train does not span are 0, as in the least-norm solution
        spanned = values + alpha > 1e-12 * values[-1]
        return torch.where(spanned, 1 / (values + alpha), 0.0)[:, None] * products

    mean_value = float(values.mean())
    alphas = [share * mean_value for share in STRENGTHS] if settings.alpha is None else [settings.alpha]
    best, chosen = None, alphas[0]
    for alpha in alphas:
        score = None
        if val is not None:
            logits = val @ weights(alpha) + offset
            scale = affine.temperature(logits, problem.val.labels) if settings.calibrate else 1.0
            score = affine.score_of(scale * logits, problem.val.labels)
        if better(score, best, settings.choose_by):
            best, chosen = score, alpha
        problem.candidate("alpha", alpha, None, score)
    weight = (vectors @ weights(chosen)).T
    affine.fill(module, weight, offset - weight @ mean)
    problem.chosen["alpha"] = chosen
    factor = affine.calibration(problem, module)
    affine.fill(module, factor * weight, factor * (offset - weight @ mean))


SPEC = HeadSpec(
    "ridge",
    "Ridge",
    "least squares on targets +1 and -1; all penalties are solved from one eigendecomposition",
    Settings,
    build,
    fit=fit,
    fits=fits,
)
