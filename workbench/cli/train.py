"""`workbench train`: train a head in a separate process and follow its progress."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.common import FOLDER, JSON, SET, STATE, emit, make_console, notice, read_store, say
from workbench.heads import HEADS, HeadSpec
from workbench.heads.descent import GradientSettings
from workbench.heads.settings import DataSettings, TrainedByGradient
from workbench.present.numbers import duration, number, p_value, percent, percent_digits, points
from workbench.present.splits import val_name
from workbench.settings import Setting, declared, parse_pairs
from workbench.text import clean

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot
    from workbench.runs.records import Scores

POLL = 0.1  # seconds between polls of the run's files


def command(
    folder: FOLDER,
    head: Annotated[str, typer.Option("--head", metavar="NAME", help=f"name of the head: {', '.join(HEADS)}")],
    settings: SET = None,
    detach: Annotated[bool, typer.Option("--detach", help="start the run in the background and print its id")] = False,
    parallel: Annotated[
        int,
        typer.Option("--parallel", min=1, help="maximum number of concurrent runs on the device; further runs wait"),
    ] = 1,
    state: STATE = None,
    json: JSON = False,
) -> None:
    from workbench import runs
    from workbench.heads import resolve_settings

    values = parse_pairs(settings or [])
    resolve_settings(head, values)  # before anything is read, which may take long
    workspace, store = read_store(folder, state)
    run = runs.start_sync(runs.create(workspace, store, head, values, parallel=parallel))
    if detach:
        if json:
            emit({"run": run.id, "head": run.head, "epochs": run.epochs, "state": run.state, "folder": str(run.folder)})
        else:
            say(run.id)
        return
    follow(run, json=json)


def follow(run: RunSnapshot, *, json: bool) -> None:
    """Watch a run until its end and print its result.

    Raises Failed or BadInput when it failed, Cancelled when it was stopped. Ctrl-C stops it, keeping its state.
    """
    from workbench import runs
    from workbench.errors import BadInput, Cancelled, Failed
    from workbench.runs import records

    try:
        run = _watch(run)
    except KeyboardInterrupt:
        run = runs.read(run.folder)
        if run.active:
            run = runs.stop(run, wait=30.0)
        if run.state != "finished":
            raise Cancelled(
                f"interrupted: run {run.id} is {run.state} after {run.epoch} of {run.epochs} epochs"
            ) from None
    if run.state == "stopped":
        raise Cancelled(f"run {run.id} was stopped after {run.epoch} of {run.epochs} epochs; it can be resumed")
    if run.state != "finished":
        if run.bad_input:
            runs.remove(run)  # bad input leaves nothing behind
            raise BadInput(run.error)
        raise Failed(f"run {run.id} {run.state}: {run.error}")
    if json:
        assert run.summary is not None
        emit(records.answer(run.summary))
    else:
        show_result(run)


def _watch(run: RunSnapshot) -> RunSnapshot:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from workbench import runs
    from workbench.runs.metrics import Note

    console = make_console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("epoch {task.fields[epochs]}"),
        TextColumn("{task.fields[val]}"),
        TimeRemainingColumn(),
    )
    notice(f"run {run.id}")
    offset, epoch = 0, 0.0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=float(run.epochs), epochs=f"0/{run.epochs}", val="")
        while True:
            run = runs.read(run.folder)
            rows, offset = runs.read_metrics(run.folder, offset)
            epoch = float(next((row.epoch for row in reversed(rows) if not isinstance(row, Note)), epoch))
            val = "" if run.val_accuracy is None else f"val {percent(run.val_accuracy)}"
            bar.update(
                task, completed=epoch, description=clean(_phase(run)), epochs=f"{int(epoch)}/{run.epochs}", val=val
            )
            if not run.active:
                return run
            time.sleep(POLL)


def _phase(run: RunSnapshot) -> str:
    if run.waits_for:
        return f"waiting for {run.waits_for}"
    return run.phase or run.state


def show_result(run: RunSnapshot) -> None:
    """A finished run's accuracies with their intervals, and the gap, on stdout."""
    from rich import box
    from rich.table import Table

    summary = run.summary
    assert summary is not None
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("split")
    for heading in ("accuracy [95% interval]", "top-5", "F1", "ECE", "samples"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, score in [("train", summary.train), (val_name(run.tests), summary.val), *run.tests.items()]:
        if score.n:
            table.add_row(*_row(name, score))
    console = make_console()
    # heads with a closed-form solution have no epochs
    closed = run.head in HEADS and HEADS[run.head].fit is not None
    what = ", ".join(f"{key} {value:.3g}" for key, value in summary.chosen.items() if _is_number(value))
    how = f"solved{what and f' ({what})'}" if closed else f"{run.epochs} epochs"
    console.print(f"{run.head}, {how} in {duration(run.seconds)} on {summary.device_name}")
    console.print(table)
    temperature = summary.temperature
    if temperature and temperature.n and temperature.value is not None:
        console.print(
            f"temperature fitted on val: {temperature.value:.3f} (ECE: before, after scaling by it); F1: macro"
        )
    if run.gap:
        first, second = run.gap.tests
        p = "" if run.gap.p is None else f", {p_value(run.gap.p)}"
        console.print(f"gap {first} - {second}: {points(run.gap.value, run.gap.ci)}{p}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _row(name: str, score: Scores) -> tuple[str, ...]:
    digits = percent_digits(score.n, (score.ci[1] - score.ci[0]) / 2 if score.ci else None)
    top5, f1 = percent(score.top5, digits=digits), percent(score.f1, digits=digits)
    errors = (score.ece, score.calibrated.ece if score.calibrated else None)
    error = ", ".join(number(value, 3) for value in errors) if score.calibrated else number(None)
    return clean(name), percent(score.accuracy, score.ci), top5, f1, error, number(score.n)


def _describe(setting: Setting) -> str:
    default = "none" if setting.default is None else setting.default
    kind = "" if setting.choices else {int: "whole number", float: "number", list: "list"}.get(setting.type, "")
    allowed = " ".join(filter(None, (kind, setting.allowed)))
    return f"    {setting.name}={default}" + (f"  ({allowed})" if allowed else "") + f"\n        {setting.help}"


def _help() -> str:
    """The command's help, with every head and its settings."""

    def own(spec: HeadSpec) -> list[Setting]:
        common = declared(TrainedByGradient)
        return [setting for name, setting in declared(spec.Settings).items() if setting != common.get(name)]

    parts = [
        "Train a head on FOLDER in a process that outlives this terminal. Ctrl-C stops the run and keeps its state.",
        "\b\nSettings of all heads (--set seed=1):\n" + "\n".join(map(_describe, declared(DataSettings).values())),
        "\b\nSettings of heads trained by gradient descent "
        f"({', '.join(name for name, spec in HEADS.items() if spec.fit is None)}):\n"
        + "\n".join(map(_describe, declared(GradientSettings).values())),
        "Heads, with their specific settings:",
    ]
    parts += ["\b\n" + "\n".join([f"  {s.name}: {s.help}", *map(_describe, own(s))]) for s in HEADS.values()]
    parts.append(
        "The comparison of ImageNet heads from which nn1 and nn2 are taken used "
        "--set epochs=100 --set batch_size=65536 --set lr=5e-5."
    )
    return "\n\n".join(parts)


command.__doc__ = _help()
