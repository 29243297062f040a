"""What is known of a run at one moment, read from its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench import files
from workbench.errors import BadInput, nearest
from workbench.runs import processes
from workbench.runs.folder import CONFIG, LAUNCHED, MARKS, METRICS, STATE, SUMMARY, RunFolder
from workbench.workspace import Workspace

ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class RunSnapshot:
    """One run, at one moment. `state` is queued, running, finished, failed, stopped or lost."""

    id: str
    folder: Path
    head: str
    state: str
    epoch: int  # epochs done
    epochs: int
    created: float  # seconds since 1970
    seconds: float  # of training so far
    error: str
    config: dict[str, Any] = field(repr=False)
    summary: dict[str, Any] | None = field(repr=False)
    pid: int | None
    device: str
    phase: str = ""  # of a running one: starting, reading features, training, evaluating
    bad_input: bool = False  # it failed because of what the user gave
    latest: dict[str, Any] = field(default_factory=dict, repr=False)  # the last epoch's metrics
    waits_for: str = ""  # of a queued one whose process waits for its turn: the run that has the device
    starred: bool = False
    tags: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.config.get("settings", {}))

    @property
    def sweep(self) -> str:
        """The id of the sweep that it is part of, empty for a run of its own."""
        return str(self.config.get("sweep", ""))

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
            found = self.summary["val"]["accuracy"]
        else:
            found = self.latest.get("val_accuracy")
        return None if found is None else float(found)

    @property
    def tests(self) -> dict[str, dict[str, Any]]:
        """`{test set: {"accuracy", "ci", "n", ...}}`; empty until the run has finished."""
        return dict(self.summary["tests"]) if self.summary else {}

    @property
    def gap(self) -> dict[str, Any] | None:
        """`{"tests", "value", "ci", "p"}` of test set 1 less test set 2; None until finished, or with one test set."""
        return self.summary["gap"] if self.summary else None

    @property
    def view(self) -> RunFolder:
        """Its predictions and config, as analyses read them."""
        return RunFolder(self.folder)


def read(folder: Path) -> RunSnapshot:
    """The run in `folder`, as it is now; one whose files are links is a failed run that says so."""
    try:
        return _read(RunFolder(folder))
    except files.UnsafeFile as error:
        return _unsafe(folder, str(error))


def _unsafe(folder: Path, error: str) -> RunSnapshot:
    return RunSnapshot(
        id=folder.name, folder=folder, head="", state="failed", epoch=0, epochs=0, created=0.0, seconds=0.0,
        error=error, config={}, summary=None, pid=None, device="",
    )  # fmt: skip


def _read(run: RunFolder) -> RunSnapshot:
    folder = run.path
    state = run.state
    told = state.get("state", "")
    if told == "running" and processes.lost(state):
        # it may have finished between our reading and its leaving
        state = run.state
        told = "lost" if state.get("state") == "running" else state.get("state", "")
    error = state.get("error") or ""
    if told == "queued" and processes.abandoned(state, files.read_json(folder / LAUNCHED) or {}):
        state = run.state
        told = "lost" if state.get("state") == "queued" else state.get("state", "")
    if not run.config or not told:
        told, error = "failed", f"{STATE if run.config else 'config.json'} cannot be read"
    summary = files.read_json(folder / SUMMARY) if told == "finished" else None
    if told == "finished" and summary is None:
        told, error = "failed", f"{SUMMARY} cannot be read"
    marks = files.read_json(folder / MARKS) or {}
    return RunSnapshot(
        id=folder.name,
        folder=folder,
        head=run.head,
        state=told,
        epoch=int(state.get("epoch", 0)),
        epochs=int(state.get("epochs", 0)),
        created=float(run.config.get("created", 0.0)),
        seconds=float(summary["seconds"] if summary else state.get("seconds", 0.0)),
        error=error if told != "lost" else "its process is gone; see its log, or resume it",
        config=dict(run.config),
        summary=summary,
        pid=state.get("pid") if told == "running" else None,
        device=str(state.get("device") or run.config.get("settings", {}).get("device", "")),
        phase=str(state.get("phase", "")) if told in ACTIVE else "",
        bad_input=bool(state.get("bad_input")),
        latest=state.get("latest") or {},
        waits_for=str(state.get("waits_for") or "") if told == "queued" else "",
        starred=bool(marks.get("starred")),
        tags=tuple(map(str, marks.get("tags", ()))),
    )


def is_run(folder: Path) -> bool:
    """Whether a folder among the runs is one, sound or not: it holds a configuration or a state."""
    return not folder.name.startswith(".") and any((folder / name).exists() for name in (CONFIG, STATE))


def list_runs(workspace: Workspace) -> list[RunSnapshot]:
    """All runs of the workspace, newest first."""
    try:
        folders = [entry for entry in workspace.runs_dir.iterdir() if is_run(entry)]
    except FileNotFoundError:
        return []
    found = [read(folder) for folder in folders]
    return sorted(found, key=lambda run: (run.created, run.id), reverse=True)


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
        raise BadInput(f"run {run_id!r}: {len(matching)} runs begin so, the first two {matching[0]} and {matching[1]}")
    if not names:
        raise BadInput(f"run {run_id!r}: this workspace has no runs yet; train a head first")
    raise BadInput(f"unknown run {run_id!r}{nearest(run_id, names)} (newest: {names[-1]})")


def newest_to_look_at(runs: Sequence[RunSnapshot]) -> str | None:
    """The id of the run, of these from the newest on, that is looked at while none was chosen.

    The newest finished one with results on test sets, which only the chosen one of a sweep has; where no run has any
    (a workspace may have no test set), the newest finished one.
    """
    finished = [run for run in runs if run.state == "finished"]
    return next((run.id for run in finished if run.tests), finished[0].id if finished else None)


def read_metrics(folder: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The rows of `metrics.jsonl` after byte `offset`, and the offset to go on from; see `files.read_lines`.

    Rows: `kind` "epoch" (`epoch`, `step`, `time`, `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`, `lr`,
    `rows_per_second`), "step" (`epoch` as a fraction, `step`, `time`, `loss`, `lr`) and, where a run was resumed,
    "resumed" (`epoch`, `step`): what came before with a later step is done again, and `fold` leaves it out.
    A closed-form head's epochs are its candidates: `setting` and `value` say which, `lr` is null.
    """
    return files.read_lines(folder / METRICS, offset)


def fold(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Metrics rows without those that a resumption made void, and without the rows that tell of resumptions."""
    out: list[dict[str, Any]] = []
    for row in rows:
        if row.get("kind") == "resumed":
            out = [kept for kept in out if kept["step"] <= row["step"]]
        else:
            out.append(row)
    return out
