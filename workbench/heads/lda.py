"""Linear discriminant analysis: Gaussian classes that share one covariance matrix, with shrinkage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.fitting import Fitting, better, needs_val
from workbench.heads.settings import Calibrated
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import Tensor, nn

SHRINKAGES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


class Settings(Calibrated):
    shrinkage: float | None = param(
        None, ge=0, le=1, help="shrinkage of the covariance towards the mean variance; none: selected by the rule"
    )
    rule: str = param(
        "val",
        choices=("val", "ledoit-wolf"),
        help="how to select shrinkage if it is none; val: the best of 12 on val; ledoit-wolf: by formula, from rows "
        "centred on their class means",
    )


def build(dim: int, classes: int, settings: Settings) -> nn.Module:  # noqa: ARG001 - every head is built alike
    """`D -> C`."""
    from torch import nn

    return nn.Linear(dim, classes)


def fits(settings: Settings) -> int:
    return len(SHRINKAGES) if settings.shrinkage is None and settings.rule == "val" else 1


def ledoit_wolf(problem: Fitting, means: Tensor, covariance: Tensor) -> float:
    """The shrinkage with the least expected squared error, 0 to 1.

    `covariance` is float64 [D, D], of the rows around their class means, `means` float64 [C, D]. The same as
    scikit-learn's `ledoit_wolf(..., assume_centered=True)`.

    References: Ledoit and Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, J.
    Multivar. Anal. 88, 365-411.
    """
    rows, dim = problem.train.n, problem.dim
    fourth, start = 0.0, 0
    for chunk in problem.train.chunks():
        centred = chunk.double() - means[problem.train.labels[start : start + len(chunk)]]
        start += len(chunk)
        fourth += float(centred.square().sum(1).square().sum())
    size = float(covariance.square().sum())
    trace = float(covariance.trace())
    distance = (size - trace**2 / dim) / dim
    error = min((fourth / rows - size) / (dim * rows), distance)
    return 0.0 if error <= 0 else error / distance


def fit(module: nn.Module, problem: Fitting) -> None:
    """Scores `x S^-1 m_k - m_k S^-1 m_k / 2 + log(prior_k)` with S = (1 - s) W + s trace(W) / D I, W within classes.

    The same as scikit-learn's LinearDiscriminantAnalysis (solver lsqr or eigen) for a given s; the priors are the
    shares of the classes in train.

    References: Friedman (1989), Regularized discriminant analysis, J. Am. Stat. Assoc. 84, 165-175.
    """
    import torch

    from workbench.heads import affine, moments

    train, settings = problem.train, problem.settings
    if fits(settings) > 1:
        needs_val(problem, "shrinkage")
    means, counts = moments.class_means(train.chunks, train.labels, problem.classes)
    covariance = moments.scatter(train.chunks, means, train.labels) / train.n
    values, vectors = moments.eigen(covariance)
    turned = means @ vectors
    log_prior = (counts / train.n).clamp(min=1e-300).log()

    def fill(shrinkage: float) -> None:
        shrunk = (1 - shrinkage) * values + shrinkage * values.mean()
        inverse = torch.where(shrunk > 1e-12 * shrunk.max(), 1 / shrunk, 0.0)
        scaled = turned * inverse
        affine.fill(module, scaled @ vectors.T, log_prior - (scaled * turned).sum(1) / 2)

    given = settings.shrinkage if settings.shrinkage is not None else ledoit_wolf(problem, means, covariance)
    candidates = SHRINKAGES if fits(settings) > 1 else (given,)
    best, chosen = None, candidates[0]
    for shrinkage in candidates:
        fill(shrinkage)
        score = None
        if problem.val.n:
            logits = affine.logits_of(problem.val, module)
            scale = affine.temperature(logits, problem.val.labels) if settings.calibrate else 1.0
            score = affine.score_of(scale * logits, problem.val.labels)
        if better(score, best, settings.choose_by):
            best, chosen = score, shrinkage
        problem.candidate("shrinkage", shrinkage, None, score)
    fill(chosen)
    problem.chosen["shrinkage"] = chosen
    assert isinstance(module, torch.nn.Linear)
    affine.finish(problem, module, module, counts)


SPEC = HeadSpec(
    "lda",
    "Linear discriminant",
    "Gaussian classes with a shared, shrunken covariance, in closed form",
    Settings,
    build,
    fit=fit,
    fits=fits,
)
