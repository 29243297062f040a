"""Sweeps: one run for each point of a grid of settings; val alone chooses among them, and only the chosen one is
evaluated on the test sets."""

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
from workbench.runs import control, processes
from workbench.runs.folder import CONFIG, LAUNCHED, STATE, SUMMARY
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
    summary: dict[str, Any] | None = field(repr=False)

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
        raise BadInput("a sweep needs something to sweep, e.g. --grid lr=1e-4,1e-3,1e-2")
    values: dict[str, list[Any]] = {}
    for key, given in grid.items():
        if key not in known:
            raise BadInput(f"head {head}: unknown setting {key!r}{nearest(key, known)}")
        if key in settings:
            raise BadInput(f"{key} is both swept and set: leave one")
        items = [item.strip() for item in given.split(",")] if isinstance(given, str) else list(given)
        values[key] = list(dict.fromkeys(known[key].convert(item, f"head {head}: ") for item in items if item != ""))
        if not values[key]:
            raise BadInput(f"--grid {key}=: no values")
    found = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    if len(found) > MOST:
        raise BadInput(f"the grid has {len(found):,} points; at most {MOST:,}")
    for point in found:
        resolve_settings(head, {**settings, **point})
    return found


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
    found = points(head, grid, settings)
    sweep_id = f"{time.strftime('%Y%m%d-%H%M%S')}-sweep-{head}-{secrets.token_hex(2)}"
    made = [
        control.create(workspace, store, head, {**settings, **point}, parallel=parallel, sweep=sweep_id)
        for point in found
    ]
    folder = files.folder(files.folder(workspace.state / SWEEPS, make=True) / sweep_id, make=True)
    axes = {key: list(dict.fromkeys(point[key] for point in found)) for key in found[0]}
    config = {"id": sweep_id, "head": head, "grid": axes, "runs": [run.id for run in made], "parallel": parallel}
    files.write_json(folder / STATE, {"state": "queued"})
    files.write_json(folder / CONFIG, config)
    return read_sweep(folder)


def start(sweep: SweepSnapshot) -> SweepSnapshot:
    """Start, or take up again, the process of a sweep, in a session of its own; raises BadInput while it is at work."""
    if sweep.active and (files.read_json(sweep.folder / STATE) or {}).get("pid"):
        raise BadInput(f"sweep {sweep.id} is {sweep.state}")
    if sweep.state == "finished":
        raise BadInput(f"sweep {sweep.id} is finished")
    for run in sweep.runs:
        if run.state in ("stopped", "failed", "lost"):
            control.resume(run)
    files.write_json(sweep.folder / STATE, {"state": "queued"})
    child = control.launch("workbench.runs.sweep_child", sweep.folder)
    launched = {"processes": [processes.birth(child.pid)]}
    for folder in [sweep.folder, *(run.folder for run in sweep.runs if run.state != "finished")]:
        files.write_json(folder / LAUNCHED, launched)
    return read_sweep(sweep.folder)


def stop(sweep: SweepSnapshot, wait: float = 0.0) -> SweepSnapshot:
    """Ask a sweep to keep the state of its runs and stop; waits up to `wait` seconds until it has."""
    deadline = time.monotonic() + wait
    while sweep.active:
        state = files.read_json(sweep.folder / STATE) or {}
        if processes.alive(state):
            os.kill(int(state["pid"]), signal.SIGTERM)
        if time.monotonic() >= deadline:
            break
        time.sleep(0.1)
        sweep = read_sweep(sweep.folder)
    return sweep


def read_sweep(folder: Path) -> SweepSnapshot:
    """The sweep in `folder`, as it is now; raises BadInput when its files cannot be read."""
    files.folder(folder)
    config, state = files.read_json(folder / CONFIG), files.read_json(folder / STATE)
    if config is None or state is None:
        raise BadInput(f"{folder}: not a sweep that can be read")
    told = str(state.get("state", ""))
    launched = files.read_json(folder / LAUNCHED) or {}
    gone = processes.lost(state) if told == "running" else told == "queued" and processes.abandoned(state, launched)
    runs_dir = files.folder(folder.parent.parent / "runs")
    names = [files.name(one, "run", folder / CONFIG) for one in config["runs"]]
    summary = files.read_json(folder / SUMMARY) if told == "finished" else None
    return SweepSnapshot(
        id=folder.name,
        folder=folder,
        head=str(config["head"]),
        state="lost" if gone else told,
        error="its process is gone; see its log" if gone else str(state.get("error") or ""),
        grid=dict(config["grid"]),
        runs=tuple(read(runs_dir / name) for name in names if (runs_dir / name).is_dir()),
        best=str((summary or {}).get("best") or ""),
        summary=summary,
    )


def list_sweeps(workspace: Workspace) -> list[SweepSnapshot]:
    """All sweeps of the workspace, newest first."""
    folders = files.folder(workspace.state / SWEEPS).glob("*/" + CONFIG)
    return [_read_any(path.parent) for path in sorted(folders, reverse=True)]


def _read_any(folder: Path) -> SweepSnapshot:
    try:
        return read_sweep(folder)
    except BadInput as error:  # one that cannot be read must not hide the others
        return SweepSnapshot(folder.name, folder, "", "failed", str(error), {}, (), "", None)


def load(workspace: Workspace, sweep_id: str) -> SweepSnapshot:
    """The sweep whose id is, or begins with, `sweep_id`, or the newest for `last`; raises BadInput otherwise."""
    found = list_sweeps(workspace)
    matching = found[:1] if sweep_id == "last" else [one for one in found if sweep_id and one.id.startswith(sweep_id)]
    if len(matching) != 1:
        raise BadInput(
            f"sweep {sweep_id!r}: {len(matching)} sweeps begin so" + nearest(sweep_id, [s.id for s in found])
        )
    return matching[0]


def best_of(runs: Sequence[RunSnapshot]) -> RunSnapshot | None:
    """The finished run with the highest val accuracy, of equal ones that of the lowest val loss; None without any."""
    scored = [(run.summary or {}).get("val", {}) for run in runs if run.state == "finished"]
    done = [run for run in runs if run.state == "finished"]
    ranked = [
        (score["accuracy"], -(score["loss"] or 0.0), -place)
        for place, score in enumerate(scored)
        if score.get("accuracy") is not None
    ]
    return done[-max(ranked)[2]] if ranked else None
