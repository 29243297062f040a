"""`workbench sweep`: a run for each point of a grid of settings, the best on val evaluated on the test sets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.common import (
    FOLDER,
    JSON,
    SET,
    STATE,
    console_of_tables,
    emit,
    make_console,
    notice,
    read_store,
    say,
)
from workbench.present.numbers import duration, percent
from workbench.settings import parse_pairs
from workbench.text import clean

if TYPE_CHECKING:
    from workbench.runs.sweep import SweepSnapshot

POLL = 0.2  # seconds between polls of the runs


def command(
    folder: FOLDER,
    head: Annotated[str, typer.Option("--head", metavar="NAME", help="name of the head (see workbench train --help)")],
    grid: Annotated[
        list[str],
        typer.Option(
            "--grid", metavar="KEY=VALUE,VALUE", help="values of a setting; can be repeated for further settings"
        ),
    ],
    settings: SET = None,
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, help="maximum number of concurrent runs on the device")
    ] = 1,
    detach: Annotated[
        bool, typer.Option("--detach", help="start the sweep in the background and print its id")
    ] = False,
    state: STATE = None,
    json: JSON = False,
) -> None:
    """Train a head on every point of a grid of settings, select the best on val and evaluate it on the test sets.

    Linear heads that differ only in optimisation settings (lr, weight_decay, ...) are trained together in one pass over
    the data. Only the selected head is evaluated on the test sets. Ctrl-C stops the sweep and keeps its state.
    """
    from workbench.runs import records
    from workbench.runs import sweep as sweeps

    axes, values = parse_pairs(grid, "--grid"), parse_pairs(settings or [])
    sweeps.points(head, axes, values)  # before reading data, which can take long
    workspace, store = read_store(folder, state)
    sweep = sweeps.start(sweeps.create(workspace, store, head, axes, values, parallel=parallel))
    if detach:
        if json:
            emit({"sweep": sweep.id, "head": sweep.head, "state": sweep.state, "runs": [run.id for run in sweep.runs]})
        else:
            say(sweep.id)
        return
    sweep = _follow(sweep)
    if json:
        assert sweep.summary is not None
        emit(records.answer(sweep.summary))
    else:
        show(sweep)


def _follow(sweep: SweepSnapshot) -> SweepSnapshot:
    """Watch a sweep until its end; raises Failed when it failed, Cancelled when it was stopped."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from workbench.errors import Cancelled, Failed
    from workbench.runs import sweep as sweeps

    notice(f"sweep {sweep.id}: {len(sweep.runs)} runs")
    console = make_console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("sweep", total=1.0, done="")
            while sweep.active:
                time.sleep(POLL)
                sweep = sweeps.read_sweep(sweep.folder)
                share = sum(min(run.epoch / max(run.epochs, 1), 1.0) for run in sweep.runs) / max(len(sweep.runs), 1)
                finished = sum(run.state == "finished" for run in sweep.runs)
                bar.update(
                    task, completed=share, description=clean(sweep.state), done=f"{finished}/{len(sweep.runs)} runs"
                )
    except KeyboardInterrupt:
        sweep = sweeps.stop(sweep, wait=30.0)
        if sweep.state != "finished":
            raise Cancelled(f"interrupted: sweep {sweep.id} is {sweep.state}") from None
    if sweep.state == "stopped":
        raise Cancelled(f"sweep {sweep.id} was stopped")
    if sweep.state != "finished" or sweep.summary is None:
        raise Failed(f"sweep {sweep.id} {sweep.state}: {sweep.error}")
    if not sweep.best:
        raise Failed(
            f"sweep {sweep.id}: none of its runs has a val accuracy; " + next((r.error for r in sweep.runs), "")
        )
    return sweep


def show(sweep: SweepSnapshot) -> None:
    """Print every point with its val accuracy, best first, and the result of the selected run."""
    from rich.table import Table

    from workbench.cli.train import show_result

    table = Table(box=None, pad_edge=False)
    for heading in sweep.grid:
        table.add_column(clean(heading), justify="right", no_wrap=True)
    for heading in ("val", "epochs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("run", no_wrap=True)
    for run in sorted(sweep.runs, key=lambda run: -1.0 if run.val_accuracy is None else run.val_accuracy, reverse=True):
        val = run.state if run.val_accuracy is None else percent(run.val_accuracy, digits=2)
        values = [clean(run.settings.get(key)) for key in sweep.grid]
        mark = " *" if run.id == sweep.best else ""
        table.add_row(*values, val, str(run.epoch), duration(run.seconds), clean(run.id) + mark)
    console = console_of_tables()
    console.print(table)
    console.print("* selected on val")
    best = next(run for run in sweep.runs if run.id == sweep.best)
    show_result(best)
    seconds = sweep.summary.seconds if sweep.summary else 0.0
    console.print(f"total time {duration(seconds)}; the other runs were not evaluated on a test set")
