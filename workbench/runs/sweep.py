"""Sweeps: one run for each point of a grid of settings; selection uses only val, and only the selected run is evaluated
on the test sets."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench import files
from workbench.errors import BadInput, nearest
from workbench.features.store import Store
from workbench.heads import find, resolve_settings
from workbench.runs import control, processes, records
from workbench.runs.folder import SweepFolder
from workbench.runs.records import FILES, Launched, RunState, SweepConfig, SweepSummary
from workbench.runs.snapshot import ACTIVE, RunSnapshot, read
from workbench.settings import declared
from workbench.workspace import Workspace

SWEEPS = "sweeps"
MOST = 1024  # points


@dataclass(frozen=True)
class SweepSnapshot:
    """One sweep, at one moment. `state` is queued, running, finished, failed, stopped or lost; `grid` maps the swept
    settings to their values; `runs` are in the order of the grid, the last setting fastest; `best` is a run's id."""

    id: str
    folder: Path
    head: str
    state: str
    error: str
    grid: dict[str, list[Any]]
    runs: tuple[RunSnapshot, ...] = field(repr=False)
    best: str
    summary: SweepSummary | None = field(repr=False)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


def points(head: str, grid: Mapping[str, str | Sequence[Any]], settings: Mapping[str, object]) -> list[dict[str, Any]]:
    """The settings of each point; values are a sequence, or text with commas between them.

    Raises BadInput for settings that the head does not have, values that it does not allow, a setting both swept and
    set, and grids without, or with more than 1,024, points.
    """
    known = declared(find(head).Settings)
    if not grid:
        raise BadInput("a sweep requires at least one setting to vary, e.g. --grid lr=1e-4,1e-3,1e-2")
    values: dict[str, list[Any]] = {}
    for key, choices in grid.items():
        if key not in known:
            raise BadInput(f"head {head}: unknown setting {key!r}{nearest(key, known)}")
        if key in settings:
            raise BadInput(f"{key} is both in --grid and in --set; remove one")
        items = [item.strip() for item in choices.split(",")] if isinstance(choices, str) else list(choices)
        values[key] = list(dict.fromkeys(known[key].convert(item, f"head {head}: ") for item in items if item != ""))
        if not values[key]:
            raise BadInput(f"--grid {key}=: missing values")
    grid_points = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    if len(grid_points) > MOST:
        raise BadInput(f"the grid has {len(grid_points):,} points; at most {MOST:,}")
    for point in grid_points:
        resolve_settings(head, {**settings, **point})
    return grid_points


def create(
    workspace: Workspace,
    store: Store,
    head: str,
    grid: Mapping[str, str | Sequence[Any]],
    settings: Mapping[str, object],
    *,
    parallel: int = 1,
) -> SweepSnapshot:
    """A queued sweep with a queued run for each point; raises BadInput like `points` and `runs.create`."""
    grid_points = points(head, grid, settings)
    sweep_id = f"{time.strftime('%Y%m%d-%H%M%S')}-sweep-{head}-{secrets.token_hex(2)}"
    runs = [
        control.create(workspace, store, head, {**settings, **point}, parallel=parallel, sweep=sweep_id)
        for point in grid_points
    ]
    folder = files.folder(files.folder(workspace.state / SWEEPS, make=True) / sweep_id, make=True)
    axes = {key: list(dict.fromkeys(point[key] for point in grid_points)) for key in grid_points[0]}
    records.write(folder, RunState(state="queued"))
    config = SweepConfig(id=sweep_id, head=head, grid=axes, runs=[run.id for run in runs], parallel=parallel)
    records.write(folder, config)
    return read_sweep(folder)


def start(sweep: SweepSnapshot) -> SweepSnapshot:
    """Start or resume the process of a sweep in a new session; raises BadInput while it is running."""
    if sweep.active and SweepFolder(sweep.folder).state.pid:
        raise BadInput(f"sweep {sweep.id} is {sweep.state}")
    if sweep.state == "finished":
        raise BadInput(f"sweep {sweep.id} is finished")
    for run in sweep.runs:
        if run.state in ("stopped", "failed", "lost"):
            control.resume(run)
    records.write(sweep.folder, RunState(state="queued"))
    child = control.launch("workbench.runs.sweep_child", sweep.folder)
    launched = Launched(processes=[processes.birth(child.pid)])
    for folder in [sweep.folder, *(run.folder for run in sweep.runs if run.state != "finished")]:
        records.write(folder, launched)
    return read_sweep(sweep.folder)


def stop(sweep: SweepSnapshot, wait: float = 0.0) -> SweepSnapshot:
    """Ask a sweep to keep the state of its runs and stop; waits up to `wait` seconds until it has."""
    deadline = time.monotonic() + wait
    while sweep.active:
        state = SweepFolder(sweep.folder).state
        if state.pid and processes.alive(state.process):
            os.kill(state.pid, signal.SIGTERM)
        if time.monotonic() >= deadline:
            break
        time.sleep(0.1)
        sweep = read_sweep(sweep.folder)
    return sweep


def read_sweep(folder: Path) -> SweepSnapshot:
    """The sweep in `folder`, as it is now; raises BadInput when its files cannot be read."""
    sweep = SweepFolder(folder)
    config, state = sweep.config, sweep.state
    launched = records.find(folder, Launched) or Launched()
    lost = (state.state == "running" and processes.lost(state)) or (
        state.state == "queued" and processes.abandoned(state, launched)
    )
    runs_dir = files.folder(sweep.state_dir / "runs")
    names = [files.name(name, "run", folder / FILES[SweepConfig]) for name in config.runs]
    summary = records.read(folder, SweepSummary) if state.state == "finished" else None
    return SweepSnapshot(
        id=folder.name,
        folder=folder,
        head=config.head,
        state="lost" if lost else state.state,
        error="its process has ended unexpectedly; see its log" if lost else state.error,
        grid=config.grid,
        runs=tuple(read(runs_dir / name) for name in names if (runs_dir / name).is_dir()),
        best=(summary.best or "") if summary else "",
        summary=summary,
    )


def list_sweeps(workspace: Workspace) -> list[SweepSnapshot]:
    """All sweeps of the workspace, newest first; one that cannot be read is a failed one that says so."""
    folders = files.folder(workspace.state / SWEEPS).glob("*/" + FILES[SweepConfig])
    return [_read_any(path.parent) for path in sorted(folders, reverse=True)]


def _read_any(folder: Path) -> SweepSnapshot:
    try:
        return read_sweep(folder)
    except BadInput as error:  # one that cannot be read must not hide the others
        return SweepSnapshot(folder.name, folder, "", "failed", str(error), {}, (), "", None)


def load(workspace: Workspace, sweep_id: str) -> SweepSnapshot:
    """The sweep whose id is, or begins with, `sweep_id`, or the newest for `last`; raises BadInput otherwise."""
    sweeps = list_sweeps(workspace)
    matching = sweeps[:1] if sweep_id == "last" else [one for one in sweeps if sweep_id and one.id.startswith(sweep_id)]
    if len(matching) != 1:
        raise BadInput(
            f"sweep {sweep_id!r}: {len(matching)} sweeps start with this"
            + nearest(sweep_id, [one.id for one in sweeps])
        )
    return matching[0]


def best_of(runs: Sequence[RunSnapshot]) -> RunSnapshot | None:
    """The finished run with the highest val accuracy, of equal ones that of the lowest val loss; None without any."""
    ranking = [
        (run.summary.val.accuracy, -(run.summary.val.loss or 0.0), -place)
        for place, run in enumerate(runs)
        if run.summary is not None and run.summary.val.accuracy is not None
    ]
    return runs[-max(ranking)[2]] if ranking else None
