"""The nearest class mean (Rocchio classifier; prototypical networks of Snell et al., 2017, on fixed features)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.fitting import Fitting
from workbench.heads.settings import Calibrated
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn


class Settings(Calibrated):
    metric: str = param(
        "euclidean",
        choices=("euclidean", "cosine"),
        help="euclidean: score -|x - m|^2; cosine: the cosine with the mean of the features scaled to length 1",
    )


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """`D -> C`; for the metric cosine after scaling each sample to length 1.

    Examples
    --------
    >>> from workbench.heads import resolve_settings
    >>> build(8, 3, resolve_settings("prototype", {}))
    Linear(in_features=8, out_features=3, bias=True)
    """
    from torch import nn

    from workbench.heads.transforms.modules import Length

    linear = nn.Linear(dim, classes)
    return linear if settings.metric == "euclidean" else nn.Sequential(Length(dim, settings), linear)


def fit(module: nn.Module, problem: Fitting) -> None:
    """Euclidean: `2 x m_k - |m_k|^2`, which ranks classes as -|x - m_k|^2 does. Cosine: `x m_k / (|x| |m_k|)`."""
    from torch import nn

    from workbench.heads import affine, moments

    train = problem.train
    if isinstance(module, nn.Linear):
        linear, chunks = module, train.chunks
    else:
        assert isinstance(module, nn.Sequential)
        length, last = module
        assert isinstance(last, nn.Linear)
        linear, chunks = last, lambda: (length(chunk) for chunk in train.chunks())
    means, counts = moments.class_means(chunks, train.labels, problem.classes)
    if problem.settings.metric == "euclidean":
        affine.fill(linear, 2 * means, -means.square().sum(1))
    else:
        affine.fill(linear, nn.functional.normalize(means, dim=1), means.new_zeros(problem.classes))
    affine.finish(problem, linear, module, counts)
    score = affine.score_rows(problem.val, module)
    problem.candidate("classes", float((counts > 0).sum()), affine.score_rows(train, module), score)


SPEC = HeadSpec("prototype", "Class means", "the nearest class mean, euclidean or cosine", Settings, build, fit=fit)
