"""What a closed-form head is given to be fitted with, and how it tells of its way. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from workbench.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, device


class Rows(Protocol):
    """Rows of one split on the device: transformed features in pieces, and labels (int64 [n], class indices)."""

    @property
    def n(self) -> int: ...
    @property
    def labels(self) -> Tensor: ...
    @property
    def device(self) -> device: ...

    def chunks(self) -> Iterator[Tensor]:
        """All rows in order, transformed, float32, in pieces [m, D], anew at each call."""
        ...


class Score(NamedTuple):
    """Mean cross-entropy in nats, and accuracy as a share."""

    loss: float
    accuracy: float


@dataclass
class Progress:
    """What a fit needs to go on from: the candidates done, and its own tensors and plain values."""

    done: int = 0
    tensors: dict[str, Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


class Source(NamedTuple):
    """Where the train rows lie in the store: for a head that consists of them."""

    fingerprint: str
    features: np.ndarray  # [N, D], as stored
    rows: np.ndarray  # int64 [n]


class Fitting(Protocol):
    """The problem of one closed-form head. `val` may have no rows.

    `progress` is what a stopped fit of the same problem kept, else empty; `chosen` takes what the fit decided, for the
    run's summary.
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
        """One iteration is done, its objective was `loss`; raises what ends the fit when it is to stop."""
        ...

    def candidate(
        self, setting: str, value: float, train: Score | None, val: Score | None, progress: Progress | None = None
    ) -> None:
        """One candidate is fitted: `setting` was `value`; `progress` is what to go on from, if it can."""
        ...


def better(score: Score | None, best: Score | None, by: str) -> bool:
    """Whether `score` beats `best` by `accuracy` (ties: lower loss) or by `loss` (ties: higher accuracy)."""
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
