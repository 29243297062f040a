"""Typed records of the files of runs and sweeps, and the functions that read and write them.

Reading accepts files of older versions: keys that they lack have defaults here. It is strict about types: a file with
an invalid value is damaged, see `workbench.files.read_record`.

NaN and infinite values are null in the file, and None here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from workbench import files
from workbench.files import DamagedFile, Record

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Number = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]  # of a process
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e12)]
Time = Annotated[float, msgspec.Meta(ge=0.0, le=1e11)]  # seconds since 1970
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Interval = tuple[float, float]
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Setting = bool | Whole | float | str | list[Whole] | None
State = Literal["queued", "running", "finished", "failed", "stopped"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a record."""


class Validation(Part, frozen=True, kw_only=True):
    """How val was cut from train."""

    fraction: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
    seed: int


class RunConfig(Record, frozen=True, kw_only=True):
    """`config.json` of a run: all that was resolved before training."""

    id: str = ""
    created: Time
    head: str
    settings: dict[str, Setting]
    workspace: str = ""
    store: str  # folder of the features, relative to the state folder
    fingerprint: str  # of the features
    dim: Count = 0
    classes: Count = 0
    rows: dict[str, Count] = {}
    tests: list[str] = []
    validation: Validation
    versions: dict[str, str] = {}
    host: str = ""
    parallel: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = (
        1  # maximum number of concurrent runs on the device, including this one
    )
    sweep: str = ""  # the id of the sweep that it is part of


class SweepConfig(Record, frozen=True, kw_only=True):
    """`config.json` of a sweep. `grid`: the values of each swept setting; `runs`: ids, in the order of the grid."""

    id: str = ""
    head: str
    grid: dict[str, list[Setting]]
    runs: list[str]
    parallel: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = 1


class Process(Part, frozen=True, kw_only=True):
    """The identity of a process: its number, its creation time (s), its host."""

    pid: Number | None = None
    started: float | None = None
    host: str | None = None


class Launched(Record, frozen=True, kw_only=True):
    """`launched.json`: the processes that were started for a queued run."""

    processes: list[Process] = []


class Figures(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The figures of an epoch, or of a candidate of a closed-form head: the fit in which `setting` was `value`."""

    step: Count
    time: Seconds  # of training so far
    train_loss: float | None = None
    train_accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    lr: float | None = None
    rows_per_second: float | None = None
    memory: Count | None = None  # bytes
    setting: str = ""
    value: float | None = None


class RunState(Record, frozen=True, kw_only=True):
    """`state.json` of a run, and of a sweep, whose epochs are those of its runs; it names the process at work on it."""

    state: State
    epoch: Count = 0  # epochs done
    epochs: Count = 0
    pid: Number | None = None
    started: float | None = None
    host: str | None = None
    phase: str = ""
    waits_for: str = ""
    error: str = ""
    bad_input: bool = False
    device: str = ""
    seconds: Seconds = 0.0  # of training so far
    latest: Figures | None = None
    heartbeat: Time = 0.0

    @property
    def process(self) -> Process:
        """The process that is, or was, at work on it."""
        return Process(pid=self.pid, started=self.started, host=self.host)


class Calibrated(Part, frozen=True, kw_only=True):
    """Scores with the fitted temperature."""

    ece: float | None = None
    loss: float | None = None


class Scores(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What a head achieved on a split: accuracy with its 95% Clopper-Pearson interval, None for both without samples.

    `precision`, `recall` and `f1` are macro averages, `ece` the expected calibration error; their intervals are
    percentile bootstraps, not computed for train. None in records that are older than the field.
    """

    accuracy: Share | None
    ci: Interval | None
    n: Count
    correct: Count
    top5: Share | None
    loss: float | None  # nats
    top5_ci: Interval | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    ece: float | None = None
    precision_ci: Interval | None = None
    recall_ci: Interval | None = None
    f1_ci: Interval | None = None
    ece_ci: tuple[float | None, float | None] | None = None
    calibrated: Calibrated | None = None


class Temperature(Part, frozen=True, kw_only=True):
    """The temperature that logits are divided by to be calibrated; `n`: samples of `fitted_on`."""

    value: float | None
    fitted_on: str = "val"
    n: Count = 0


class Gap(Part, frozen=True, kw_only=True):
    """Accuracy of test set 1 less that of test set 2: 95% interval (Newcombe), p and z (two-proportion z)."""

    tests: tuple[str, str]
    value: float
    ci: Interval
    p: float | None = None
    z: float | None = None


class Results(Part, frozen=True, kw_only=True):
    """What a head achieved on every split that it was evaluated on."""

    train: Scores
    val: Scores
    temperature: Temperature
    tests: dict[str, Scores]
    gap: Gap | None


class RunSummary(Record, frozen=True, kw_only=True):
    """`summary.json` of a run: its results. `chosen`: what training decided, e.g. the regularisation of a ridge."""

    run: str
    head: str
    epochs: Count
    seconds: Seconds  # of training
    train: Scores
    val: Scores
    temperature: Temperature | None = None
    tests: dict[str, Scores]
    gap: Gap | None = None
    chosen: dict[str, Any] = {}
    settings: dict[str, Setting] = {}
    batch_size: Count = 0
    parameters: Count = 0
    device: str = ""
    device_name: str = ""
    memory_bytes: Count = 0
    evaluation_seconds: Seconds = 0.0


class ValScore(Part, frozen=True, kw_only=True):
    """A run of a sweep on val; None for both where it has not finished."""

    accuracy: float | None = None
    loss: float | None = None


class SweepPoint(Part, frozen=True, kw_only=True):
    """One run of a sweep, with the swept settings alone."""

    run: str
    state: str
    settings: dict[str, Setting]
    val: ValScore
    epochs: Count
    seconds: Seconds
    error: str = ""


class SweepSummary(Record, frozen=True, kw_only=True):
    """`summary.json` of a sweep: its runs on val, and the results of the best one."""

    sweep: str
    head: str
    grid: dict[str, list[Setting]]
    chosen_by: str = ""
    best: str | None
    val: Scores | None
    tests: dict[str, Scores]
    gap: Gap | None = None
    runs: list[SweepPoint]
    seconds: Seconds = 0.0


class Marks(Record, frozen=True, kw_only=True):
    """`marks.json`: the star and tags of a run."""

    starred: bool = False
    tags: list[str] = []


class Progress(Record, frozen=True, kw_only=True):
    """The part of `checkpoint.json` that is read: the progress of training at the last checkpoint."""

    epoch: Count


A = TypeVar("A", bound=Record)
FILES: dict[type[Record], str] = {
    RunConfig: "config.json",
    SweepConfig: "config.json",
    RunState: "state.json",
    RunSummary: "summary.json",
    SweepSummary: "summary.json",
    Marks: "marks.json",
    Launched: "launched.json",
    Progress: "checkpoint.json",
}
REMEDY = "restore the file from a copy, or remove the run"
REMEDIES = {
    Marks: "remove the file, which also removes the star and the tags",
    Launched: "remove the file",
    SweepConfig: "restore the file from a copy, or remove the sweep's folder",
    SweepSummary: "restore the file from a copy, or remove the sweep's folder",
}


def find(folder: Path, kind: type[A]) -> A | None:
    """The record of this kind in the folder of a run or sweep, None without one.

    Raises `files.DamagedFile`, `files.NewerFile` and `files.UnsafeFile`, all of them BadInput.
    """
    return files.read_record(folder / FILES[kind], kind, REMEDIES.get(kind, REMEDY))


def read(folder: Path, kind: type[A]) -> A:
    """As `find`; raises DamagedFile also when there is no such file."""
    record = find(folder, kind)
    if record is None:
        raise DamagedFile(f"{folder / FILES[kind]}: is missing; {REMEDIES.get(kind, REMEDY)}")
    return record


def write(folder: Path, record: Record) -> None:
    """Replace the file of this record in the folder of a run or sweep; raises OSError, the old file kept."""
    files.write_json(folder / FILES[type(record)], record)


def plain(record: msgspec.Struct | None) -> Any:
    """A record, or a part of one, as the JSON of its file reads: dictionaries, lists, plain values; None for None."""
    return None if record is None else msgspec.json.decode(msgspec.json.encode(record))


def answer(summary: RunSummary | SweepSummary) -> dict[str, Any]:
    """A summary as the commands print it: what is in the file without the file's version."""
    return {key: value for key, value in plain(summary).items() if key != "version"}
