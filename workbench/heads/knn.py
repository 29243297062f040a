"""k nearest neighbours: the votes of the nearest train samples, weighted as in DINO (Caron et al., 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.fitting import Fitting, better, needs_val
from workbench.heads.settings import ClosedForm
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

COUNTS = (5, 10, 20, 50, 100, 200)
COPIED = 64 * 2**20  # bytes of features up to which they are copied into the head's file


class Settings(ClosedForm):
    k: int | None = param(
        None, ge=1, le=100_000, help="number of neighbours; none: the best of 5, 10, 20, 50, 100, 200 on val"
    )
    temperature: float = param(
        0.07, gt=0, le=100, help="a neighbour's vote weighs exp(similarity / temperature), as in DINO's evaluation"
    )
    metric: str = param(
        "cosine",
        choices=("cosine", "euclidean"),
        help="similarity: the cosine, or the squared distance over D with a minus sign",
    )
    keep: str = param(
        "auto",
        choices=("auto", "copy", "reference"),
        help="whether the head's file contains the train features or refers to the store; auto: contains up to 64 MiB",
    )


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """The module without neighbours, which `fit` or `restore` adds."""
    from workbench.heads.neighbours import Neighbours

    return Neighbours(dim, classes, settings.k or COUNTS[0], settings.temperature, settings.metric)


def fits(settings: Settings) -> int:
    return len(COUNTS) if settings.k is None else 1


def fit(module: nn.Module, problem: Fitting) -> None:
    """Store the train rows; choose k on val."""
    import torch

    from workbench.heads import affine
    from workbench.heads.neighbours import Neighbours

    assert isinstance(module, Neighbours)
    train, settings = problem.train, problem.settings
    if settings.k is None:
        needs_val(problem, "k")
    copied = settings.keep == "copy" or (settings.keep == "auto" and 4 * train.n * problem.dim <= COPIED)
    module.labels, module.pieces = train.labels, train.chunks
    counts = [settings.k] if settings.k is not None else [k for k in COUNTS if k <= train.n] or [train.n]
    nearest: list[tuple[Tensor, Tensor]] = []
    for chunk in problem.val.chunks() if problem.val.n else ():
        nearest.append(module.nearest(chunk, max(counts)))
        problem.iteration(float(-nearest[-1][0].mean()))
    best, chosen = None, counts[0]
    for k in counts:
        score = None
        if problem.val.n:
            logits = torch.cat([module.vote(similarity[:, :k], labels[:, :k]) for similarity, labels in nearest])
            score = affine.score_of(logits, problem.val.labels)
        if better(score, best, settings.choose_by):
            best, chosen = score, k
        problem.candidate("k", float(k), None, score)
    module.k.fill_(chosen)
    problem.chosen["k"] = chosen
    problem.chosen["features"] = "copied" if copied else "referred to"
    if copied:
        module.copy()
    else:
        module.refer(problem.source.fingerprint, problem.source.rows)


def restore(module: nn.Module, tensors: dict[str, Tensor], file: Path, transform: nn.Module) -> None:
    """Restore from the tensors saved in `file`; raises BadInput when the store they refer to is missing."""
    from workbench.heads.neighbours import Neighbours

    assert isinstance(module, Neighbours)
    module.restore(tensors, file, transform)


SPEC = HeadSpec(
    "knn",
    "Nearest neighbours",
    "weighted vote of the k nearest train samples (exact search)",
    Settings,
    build,
    fit=fit,
    fits=fits,
    restore=restore,
)
