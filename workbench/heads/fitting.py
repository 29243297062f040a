"""The problem that a closed-form head is fitted to, and how it reports its progress. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from workbench.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, device


class Rows(Protocol):
    """Rows of one split on the device: transformed features in chunks, and labels (int64 [n], class indices)."""

    @property
    def n(self) -> int: ...
    @property
    def labels(self) -> Tensor: ...
    @property
    def device(self) -> device: ...

    def chunks(self) -> Iterator[Tensor]:
        """All rows in order, transformed, in chunks float32 [m, D], anew at each call."""
        ...


class Score(NamedTuple):
    """Mean cross-entropy in nats, and accuracy from 0 to 1."""

    loss: float
    accuracy: float


@dataclass
class Progress:
    """What a fit resumes from: the number of candidates done, and its own tensors and plain values."""

    done: int = 0
    tensors: dict[str, Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


class Source(NamedTuple):
    """Where the train rows are in the store, for a head that consists of them."""

    fingerprint: str
    features: np.ndarray  # [N, D], as stored
    rows: np.ndarray  # int64 [n]


class Fitting(Protocol):
    """The problem of one closed-form head. `val` may have no rows.

    `progress` is what a stopped fit of the same problem passed to `candidate` last, or empty; what the fit decides is
    added to `chosen`, for the summary of the run.
    """

    @property
    def train(self) -> Rows: ...
    @property
    def val(self) -> Rows: ...

    dim: int  # of transformed features
    classes: int
    settings: Any
    source: Source
    progress: Progress
    chosen: dict[str, Any]

    def iteration(self, loss: float) -> None:
        """Report an iteration and its objective `loss`; raises an exception that ends the fit when it has to stop."""
        ...

    def candidate(
        self, setting: str, value: float, train: Score | None, val: Score | None, progress: Progress | None = None
    ) -> None:
        """Report a fitted candidate, for which `setting` was `value`; `progress` is what the fit can resume from."""
        ...


def better(score: Score | None, best: Score | None, by: str) -> bool:
    """Whether `score` is better than `best` by "accuracy" (ties: lower loss) or by "loss" (ties: higher accuracy).

    Examples
    --------
    >>> better(Score(loss=0.4, accuracy=0.9), Score(loss=0.5, accuracy=0.9), by="accuracy")
    True
    >>> better(Score(0.4, 0.9), None, by="loss")
    True
    """
    if score is None or best is None:
        return best is None
    if by == "loss":
        return (-score.loss, score.accuracy) > (-best.loss, best.accuracy)
    return (score.accuracy, -score.loss) > (best.accuracy, -best.loss)


def needs_val(problem: Fitting, setting: str) -> None:
    """Raise BadInput when there is no val to choose `setting` on."""
    if problem.val.n == 0:
        raise BadInput(
            f"{setting} is chosen on val, which has no rows; give --set {setting}=VALUE, "
            "or raise [validation] fraction in workbench.toml"
        )
