"""The rows of `metrics.jsonl`: what a run reports while it trains, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from workbench import files
from workbench.runs.records import Count, Figures, Part, Seconds
from workbench.training.recorder import EpochRow, StepRow

METRICS = "metrics.jsonl"
Version = Annotated[int, msgspec.Meta(ge=1, le=1)]  # of a line, which has one only where it is above 1


class _Row(Part, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    version: Version = 1


class StepMetrics(_Row, frozen=True, kw_only=True, tag="step"):
    """One step; `epoch` counts passes over train as a fraction. A closed-form head has no `lr`."""

    kind: ClassVar[str] = "step"
    epoch: float
    step: Count
    time: Seconds
    loss: float | None
    lr: float | None = None


class EpochMetrics(Figures, frozen=True, kw_only=True, tag_field="kind", tag="epoch"):
    """One epoch, counted from 1, or one candidate of a closed-form head."""

    kind: ClassVar[str] = "epoch"
    version: Version = 1
    epoch: Count


class TestMetrics(_Row, frozen=True, kw_only=True, tag="test"):
    """Accuracy and loss on a test set after an epoch, if test curves are enabled."""

    kind: ClassVar[str] = "test"
    __test__ = False  # or pytest collects it

    epoch: Count
    step: Count
    test_set: str
    accuracy: float | None
    loss: float | None


class Note(_Row, frozen=True, kw_only=True, tag="note"):
    """A message from training."""

    kind: ClassVar[str] = "note"
    text: str
    step: Count = 0


class Resumed(_Row, frozen=True, kw_only=True, tag="resumed"):
    """Training was resumed after `step`: earlier rows with a later step are void."""

    kind: ClassVar[str] = "resumed"
    epoch: Count
    step: Count


MetricsRow = StepMetrics | EpochMetrics | TestMetrics | Note | Resumed


def read(folder: Path, offset: int = 0) -> files.Lines[MetricsRow]:
    """The rows of a run after byte `offset`; see `files.read_lines`."""
    return files.read_lines(folder / METRICS, MetricsRow, offset)  # type: ignore[arg-type]  # a union is no type


def read_metrics(folder: Path, offset: int = 0) -> tuple[list[MetricsRow], int]:
    """The rows of a run after byte `offset` that can be read, and the offset to go on from.

    A resumed run has a row that records the resumption: earlier rows with a later step are void, and `fold` drops
    them.
    """
    lines = read(folder, offset)
    return lines.rows, lines.end


def append(folder: Path, row: MetricsRow) -> None:
    """Append a row; raises OSError."""
    files.append_line(folder / METRICS, row)


def of_step(row: StepRow) -> StepMetrics:
    """A step as training reports it."""
    return StepMetrics(**asdict(row))


def of_epoch(row: EpochRow) -> EpochMetrics:
    """An epoch, or a candidate of a closed-form head, as training reports it."""
    return EpochMetrics(**asdict(row))


def figures(row: EpochRow) -> Figures:
    """The figures of an epoch without its number."""
    return Figures(**{name: value for name, value in asdict(row).items() if name != "epoch"})


def fold(rows: Iterable[MetricsRow]) -> list[MetricsRow]:
    """The rows without those made void by a resumption, and without the rows that record resumptions."""
    out: list[MetricsRow] = []
    for row in rows:
        if isinstance(row, Resumed):
            out = [earlier for earlier in out if earlier.step <= row.step]
        else:
            out.append(row)
    return out
