"""What training reports, and the protocol of what listens to it. This module imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from workbench.heads.trained import TrainedHead
    from workbench.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Plan:
    """What training is about to do: sizes, and the settings that it has chosen itself."""

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
    resident: bool  # the features are kept on the device; otherwise they are streamed from the store
    first_epoch: int  # epochs already done, when training is resumed
    memory_bytes: int = 0  # estimate for the device: features, head, optimiser and activations
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
    without val. What a closed-form head does not have (a learning rate, or a score over train) is None.
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
    """What listens to a training. All calls come from the thread that trains."""

    step_interval: float  # least number of seconds between two step rows

    def began(self, plan: Plan) -> None: ...
    def step(self, row: StepRow) -> None: ...
    def epoch(self, row: EpochRow, snapshot: Callable[[], Checkpoint]) -> None:
        """An epoch is done; `snapshot()` returns the state of training, for a checkpoint."""
        ...

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        """Training stops here because `stop_requested` was true."""
        ...

    def look(self, epoch: int, step: int, head: Callable[[], TrainedHead]) -> None:
        """After `epoch`: `head()` is the head as if training ended here; it may be evaluated but not changed."""
        ...

    def note(self, text: str) -> None:
        """A message for the user, such as that memory ran out."""
        ...

    @property
    def stop_requested(self) -> bool: ...


class Silent:
    """A recorder that collects the rows and requests nothing, for training without a run."""

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
        """The state is not saved."""

    def look(self, epoch: int, step: int, head: Callable[[], TrainedHead]) -> None:
        """The head is not evaluated."""

    def note(self, text: str) -> None:
        self.notes.append(text)


class Stopped(Exception):  # noqa: N818 - not an error
    """Training ended early because the recorder requested it."""


class Diverged(Exception):  # noqa: N818 - names what happened
    """The loss became NaN or infinite; the message says at which step and what to try."""
