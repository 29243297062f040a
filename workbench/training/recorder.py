"""What training tells, and to whom. This module imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from workbench.heads.trained import TrainedHead
    from workbench.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Plan:
    """What training is about to do: sizes, and the settings that were left to it to choose."""

    train_rows: int
    val_rows: int
    dim: int
    classes: int
    epochs: int
    steps_per_epoch: int
    batch_size: int
    parameters: int
    device: str
    device_name: str
    resident: bool  # the features lie on the device; otherwise they are streamed from the store
    first_epoch: int  # epochs that were done before, when training is resumed
    memory_bytes: int = 0  # that training will take on the device, features, head, optimiser and activations, about
    free_bytes: int = 0  # on the device before training


@dataclass(frozen=True)
class StepRow:
    """The loss of one step: `epoch` counts passes over train as a fraction, `time` seconds of training."""

    epoch: float
    step: int
    time: float
    loss: float
    lr: float | None


@dataclass(frozen=True)
class EpochRow:
    """One epoch: means over the rows of train as they were trained on (dropout active), and over val at its end.

    `epoch` counts from 1; `time` is seconds of training so far, also before interruptions; val figures are None
    without val. What a closed-form head does not have (a rate, or a score over train) is None.
    """

    epoch: int
    step: int
    time: float
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    lr: float | None
    rows_per_second: float
    memory: int | None = None  # bytes: on a GPU the most that was allocated, on a CPU what the process holds


@dataclass(frozen=True)
class CandidateRow(EpochRow):
    """One candidate of a closed-form head, counted like an epoch: the fit in which `setting` was `value`."""

    setting: str = ""
    value: float = 0.0


class Recorder(Protocol):
    """The listener. Calls come from the thread that trains."""

    step_interval: float  # seconds between two step rows at least

    def began(self, plan: Plan) -> None: ...
    def step(self, row: StepRow) -> None: ...
    def epoch(self, row: EpochRow, snapshot: Callable[[], Checkpoint]) -> None:
        """An epoch is done; `snapshot()` gives the state of training to keep, if it is to be kept."""
        ...

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        """Training stops here because `stop_requested` was true."""
        ...

    def look(self, epoch: int, step: int, head: Callable[[], TrainedHead]) -> None:
        """After `epoch`: `head()` is the head as it would be if training ended here, to be looked at and left alone."""
        ...

    def note(self, text: str) -> None:
        """Something the user should know, out of memory say."""
        ...

    @property
    def stop_requested(self) -> bool: ...


class Silent:
    """A recorder that keeps the rows and asks for nothing: for training without a run."""

    step_interval = 0.1

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.steps: list[StepRow] = []
        self.epochs: list[EpochRow] = []
        self.notes: list[str] = []
        self.stop_requested = False

    def began(self, plan: Plan) -> None:
        self.plan = plan

    def step(self, row: StepRow) -> None:
        self.steps.append(row)

    def epoch(self, row: EpochRow, snapshot: Callable[[], Checkpoint]) -> None:
        self.epochs.append(row)

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        """Nothing is kept."""

    def look(self, epoch: int, step: int, head: Callable[[], TrainedHead]) -> None:
        """Nobody looks."""

    def note(self, text: str) -> None:
        self.notes.append(text)


class Stopped(Exception):  # noqa: N818 - not an error
    """Training ended early because the recorder asked for it."""


class Diverged(Exception):  # noqa: N818 - names what happened
    """The loss became NaN or infinite; the message says at which step and what to try."""
