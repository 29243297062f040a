"""The state and results of a run at one moment, read from its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from workbench.errors import BadInput, nearest
from workbench.runs import processes, records
from workbench.runs.folder import RunFolder
from workbench.runs.records import (
    FILES,
    Figures,
    Gap,
    Launched,
    Marks,
    RunConfig,
    RunState,
    RunSummary,
    Scores,
)
from workbench.workspace import Workspace

ACTIVE = ("queued", "running")
T = TypeVar("T")


@dataclass(frozen=True)
class RunSnapshot:
    """One run, at one moment. `state` is queued, running, finished, failed, stopped or lost.

    A run with a damaged file is shown as failed, and `error` names the file; `config` is None if its file is damaged.
    """

    id: str
    folder: Path
    head: str
    state: str
    epoch: int  # epochs done
    epochs: int
    created: float  # seconds since 1970
    seconds: float  # of training so far
    error: str
    config: RunConfig | None = field(repr=False)
    summary: RunSummary | None = field(repr=False)
    pid: int | None
    device: str
    phase: str = ""  # of a running one: starting, reading features, training, evaluating
    bad_input: bool = False  # it failed because of what the user gave
    latest: Figures | None = field(default=None, repr=False)  # of the last epoch
    waits_for: str = ""  # of a queued one whose process waits for its turn: the run that has the device
    starred: bool = False
    tags: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.config.settings) if self.config else {}

    @property
    def sweep(self) -> str:
        """The id of the sweep that it is part of, or empty."""
        return self.config.sweep if self.config else ""

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def reached(self) -> str:
        """How far it is, in words: `epoch 3 of 20`; a closed-form head has no epochs, it solves for each candidate."""
        from workbench.heads import HEADS

        closed = self.head in HEADS and HEADS[self.head].fit is not None
        return f"{'solved' if closed else 'epoch'} {self.epoch:,} of {self.epochs:,}"

    @property
    def val_accuracy(self) -> float | None:
        """On val, of the finished head, or else after the last epoch so far."""
        if self.summary:
            return self.summary.val.accuracy
        return self.latest.val_accuracy if self.latest else None

    @property
    def tests(self) -> dict[str, Scores]:
        """The scores on each test set; empty until the run has finished."""
        return dict(self.summary.tests) if self.summary else {}

    @property
    def gap(self) -> Gap | None:
        """Of test set 1 less test set 2; None until finished, or with one test set."""
        return self.summary.gap if self.summary else None

    @property
    def view(self) -> RunFolder:
        """Its directory, with its predictions and its log."""
        return RunFolder(self.folder)

    def trained_on(self, fingerprint: str) -> bool:
        """Whether it was trained on the features with this fingerprint, as far as is known."""
        return self.config is None or self.config.fingerprint == fingerprint


class _Attempts:
    """Reads the records of a run and collects the errors of those that cannot be read."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def __call__(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except BadInput as error:
            self.errors.append(str(error))
            return None


def read(folder: Path) -> RunSnapshot:
    """The run in `folder`, as it is now; one with a damaged file, or a link for one, is a failed run that says so."""
    attempt = _Attempts()
    run = attempt(lambda: RunFolder(folder))
    if run is None:
        return _snapshot(folder, "failed", attempt.errors[0], None, None, None, None)
    config = attempt(lambda: run.config)
    state = attempt(lambda: run.state)
    name = ""
    if state is not None:
        name, state = attempt(partial(_actual_state, run, state)) or ("failed", state)
    summary = attempt(lambda: records.read(folder, RunSummary)) if name == "finished" else None
    errors = list(attempt.errors)
    marks = attempt(lambda: records.find(folder, Marks))
    if errors or (attempt.errors and name not in ACTIVE):
        name = "failed"
    error = (
        "its process has ended unexpectedly; see its log, or resume it"
        if name == "lost"
        else state.error
        if state
        else ""
    )
    return _snapshot(folder, name, "; ".join(attempt.errors) or error, config, state, summary, marks)


def _actual_state(run: RunFolder, state: RunState) -> tuple[str, RunState]:
    """The state of a run; lost if its process has ended without recording how."""
    if state.state == "running":
        lost = processes.lost(state)
    elif state.state == "queued":
        lost = processes.abandoned(state, records.find(run.path, Launched) or Launched())
    else:
        return state.state, state
    if not lost:
        return state.state, state
    # it may have ended between the two reads
    now = run.state
    return ("lost" if now.state == state.state else now.state), now


def _snapshot(
    folder: Path,
    name: str,
    error: str,
    config: RunConfig | None,
    state: RunState | None,
    summary: RunSummary | None,
    marks: Marks | None,
) -> RunSnapshot:
    state = state or RunState(state="failed")
    marks = marks or Marks()
    settings = config.settings if config else {}
    return RunSnapshot(
        id=folder.name,
        folder=folder,
        head=config.head if config else "",
        state=name,
        epoch=state.epoch,
        epochs=state.epochs,
        created=config.created if config else 0.0,
        seconds=summary.seconds if summary else state.seconds,
        error=error,
        config=config,
        summary=summary if name == "finished" else None,
        pid=state.pid if name == "running" else None,
        device=state.device or str(settings.get("device", "")),
        phase=state.phase if name in ACTIVE else "",
        bad_input=state.bad_input,
        latest=state.latest,
        waits_for=state.waits_for if name == "queued" else "",
        starred=marks.starred,
        tags=tuple(marks.tags),
    )


def is_run(folder: Path) -> bool:
    """Whether a folder among the runs is one, sound or not: it holds a configuration or a state."""
    return not folder.name.startswith(".") and any((folder / FILES[kind]).exists() for kind in (RunConfig, RunState))


def list_runs(workspace: Workspace) -> list[RunSnapshot]:
    """All runs of the workspace, newest first."""
    try:
        folders = [entry for entry in workspace.runs_dir.iterdir() if is_run(entry)]
    except FileNotFoundError:
        return []
    runs = [read(folder) for folder in folders]
    return sorted(runs, key=lambda run: (run.created, run.id), reverse=True)


def load(workspace: Workspace, run_id: str) -> RunSnapshot:
    """The run whose id is `run_id`, begins with it, or is the newest for `last`; raises BadInput otherwise."""
    try:
        names = sorted(entry.name for entry in workspace.runs_dir.iterdir() if is_run(entry))
    except FileNotFoundError:
        names = []
    if run_id == "last" and names:
        return list_runs(workspace)[0]
    matching = [name for name in names if name == run_id] or [
        name for name in names if run_id and name.startswith(run_id)
    ]
    if len(matching) == 1:
        return read(workspace.runs_dir / matching[0])
    if matching:
        raise BadInput(
            f"run {run_id!r}: {len(matching)} runs start with this, the first two are {matching[0]} and {matching[1]}"
        )
    if not names:
        raise BadInput(f"run {run_id!r}: this workspace has no runs yet; train a head first")
    raise BadInput(f"unknown run {run_id!r}{nearest(run_id, names)} (newest: {names[-1]})")


def newest_to_look_at(runs: Sequence[RunSnapshot]) -> str | None:
    """The id of the run, of these from the newest on, that is shown by default.

    The newest finished run with results on test sets, which only the selected run of a sweep has. If no run has any
    (a workspace may have no test set), the newest finished run.
    """
    finished = [run for run in runs if run.state == "finished"]
    return next((run.id for run in finished if run.tests), finished[0].id if finished else None)
