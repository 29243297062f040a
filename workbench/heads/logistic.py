"""Multinomial logistic regression with an L2 penalty, solved to a stated tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.fitting import Fitting, Progress, Score, better, needs_val
from workbench.heads.settings import ClosedForm
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn

PATH = [10 ** (-5 + step / 2) for step in range(9)]  # of C, as a multiple of 10,000 / train rows
WORSE = 2  # the path ends after so many successive candidates with worse accuracy and loss on val than the best


class Settings(ClosedForm):
    C: float | None = param(
        None,
        gt=0,
        le=1e9,
        help="inverse regularisation strength, as in scikit-learn; none: the best on val of a path from strong to weak",
    )
    tolerance: float = param(
        1e-6,
        gt=0,
        le=1,
        help="tolerance: stop when the estimated distance to the optimum is this fraction of the objective",
    )
    max_iterations: int = param(1000, ge=1, le=1_000_000, help="maximum number of L-BFGS iterations for each C")


def build(dim: int, classes: int, settings: Settings) -> nn.Module:  # noqa: ARG001 - every head is built alike
    """`D -> C`."""
    from torch import nn

    return nn.Linear(dim, classes)


def fits(settings: Settings) -> int:
    return len(PATH) if settings.C is None else 1


def fit(module: nn.Module, problem: Fitting) -> None:
    """Minimise `C sum of cross-entropy + |W|^2 / 2`; each C of the path starts from the solution before it."""
    import torch

    from workbench.heads import affine, softmax_regression

    settings, train, val = problem.settings, problem.train, problem.val
    if settings.C is None:
        needs_val(problem, "C")
    solver = softmax_regression.Solver(train, problem.classes, settings.tolerance, settings.max_iterations)
    path = [10_000 / train.n * multiple for multiple in PATH] if settings.C is None else [settings.C]
    resumed = problem.progress
    shape = (problem.classes, problem.dim + 1)
    zero = torch.zeros(shape, dtype=torch.float64, device=train.device)
    weights, best = resumed.tensors.get("weights"), resumed.tensors.get("best", zero)
    best_score = Score(*resumed.values["score"]) if resumed.values.get("score") else None
    chosen, worse = resumed.values.get("C", path[0]), resumed.values.get("worse", 0)
    for strength in path[resumed.done :]:
        if worse >= WORSE:
            break
        weights, converged = solver.solve(strength, weights, problem.iteration)
        affine.fill(module, weights[:, :-1], solver.intercept(weights))
        score = affine.score_rows(val, module)
        behind = score is not None and best_score is not None and _behind(score, best_score)
        worse = worse + 1 if behind else 0
        if better(score, best_score, settings.choose_by):
            best, best_score, chosen = weights, score, strength
            problem.chosen["converged"] = converged
        values = {"score": best_score, "C": chosen, "worse": worse, "chosen": dict(problem.chosen)}
        state = Progress(tensors={"weights": weights, "best": best}, values=values)
        problem.candidate("C", strength, affine.score_rows(train, module), score, state)
    affine.fill(module, best[:, :-1], solver.intercept(best))
    problem.chosen.update({**resumed.values.get("chosen", {}), **problem.chosen, "C": chosen})


def _behind(score: Score, best: Score) -> bool:
    return score.accuracy < best.accuracy and score.loss > best.loss


SPEC = HeadSpec(
    "logistic",
    "Logistic regression",
    "L2-regularised, solved by L-BFGS over all rows; regularisation path evaluated on val",
    Settings,
    build,
    fit=fit,
    fits=fits,
)
