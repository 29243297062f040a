"""`workbench runs`: list, show, stop, resume, remove, star and tag runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.common import FOLDER, JSON, STATE, console_of_tables, emit, notice, say
from workbench.present.numbers import MISSING, duration, percent, points
from workbench.present.splits import val_name
from workbench.text import clean

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot
    from workbench.runs.sweep import SweepSnapshot
    from workbench.workspace import Workspace

VERBS = ("list", "show", "stop", "resume", "remove", "star", "tag")
WAIT = 30.0  # seconds that a run has to save its state


def command(
    folder: FOLDER,
    verb: Annotated[
        str, typer.Argument(metavar="[list|show|stop|resume|remove|star|tag]", help="what to do with the run")
    ] = "list",
    run_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="the run: its id, a prefix of its id, or last")
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="for tag: the tag to add, or to remove if present")
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            "--filter", metavar="TEXT", help="for list: runs to show, e.g. 'head:nn1 lr>=1e-4 val>0.8 starred'"
        ),
    ] = "",
    state: STATE = None,
    json: JSON = False,
) -> None:
    """List the runs of FOLDER, or show, stop, resume, remove, star or tag one.

    A resumed run continues from its last checkpoint; the id of a sweep stops or resumes all its runs. star and tag
    remove a mark that is already set. A filter has conditions on settings (lr>=1e-4), results (val>80%, gap<0.1) and
    the run itself (head:nn1, state:finished, tag:good, starred), all of which must hold; a leading - negates one.
    """
    from workbench import runs
    from workbench.errors import BadInput, choose
    from workbench.workspace import Workspace

    choose(verb, VERBS, "verb")
    workspace = Workspace.open(folder, state)
    if verb == "list":
        if run_id:
            raise BadInput(f"runs FOLDER list does not take a run; to show one run: runs FOLDER show {run_id}")
        _list(workspace, only, json=json)
        return
    if not run_id:
        raise BadInput(f"runs FOLDER {verb}: missing run; expected its id, a prefix of its id, or last")
    if "-sweep-" in run_id:
        _sweep(workspace, verb, run_id, json=json)
        return
    run = runs.load(workspace, run_id)
    if verb == "show":
        _show(run, json=json)
        return
    if verb == "stop":
        run = runs.stop(run, wait=WAIT)
    elif verb == "resume":
        run = runs.start_sync(runs.resume(run))
    elif verb == "star":
        run = runs.star(run)
    elif verb == "tag":
        if not name:
            raise BadInput(f"runs FOLDER tag {run_id}: missing tag")
        run = runs.tag(run, name)
    else:
        runs.remove(run)
    if verb in ("star", "tag"):
        if json:
            emit({"run": run.id, "starred": run.starred, "tags": list(run.tags)})
        else:
            say(f"{run.id} {'*' if run.starred else ''} {' '.join(run.tags)}".strip())
        return
    done = "removed" if verb == "remove" else run.state
    if json:
        emit({"run": run.id, "state": done})
    else:
        say(f"{run.id} {done}" + (", asked to stop" if verb == "stop" and run.active else ""))


def _sweep(workspace: Workspace, verb: str, sweep_id: str, *, json: bool) -> None:
    from workbench.errors import BadInput
    from workbench.runs import sweep as sweeps

    sweep = sweeps.load(workspace, sweep_id)
    if verb == "show":
        _show_sweep(sweep, json=json)
        return
    if verb == "stop":
        sweep = sweeps.stop(sweep, wait=WAIT)
    elif verb == "resume":
        sweep = sweeps.start(sweep)
    else:
        raise BadInput(f"{verb} applies to runs, not to sweeps")
    emit({"sweep": sweep.id, "state": sweep.state}) if json else say(f"{sweep.id} {sweep.state}")


def _show_sweep(sweep: SweepSnapshot, *, json: bool) -> None:
    from workbench.runs import records

    if json:
        emit(records.answer(sweep.summary) if sweep.summary else None)
        return
    say("\n".join([sweep.id, sweep.state, *(run.id for run in sweep.runs)]))
    if sweep.error:
        say(f"error: {sweep.error}")


def plain(run: RunSnapshot) -> dict[str, Any]:
    """A run as JSON tells it."""
    from workbench.runs import records

    return {
        "run": run.id,
        "head": run.head,
        "state": run.state,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "created": run.created,
        "seconds": run.seconds,
        "device": run.device,
        "error": run.error,
        "val": {"accuracy": run.val_accuracy},
        "tests": {name: records.plain(scores) for name, scores in run.tests.items()},
        "gap": records.plain(run.gap),
        "settings": run.settings,
        "starred": run.starred,
        "tags": list(run.tags),
        "sweep": run.sweep or None,
        "waits_for": run.waits_for or None,
        "folder": str(run.folder),
    }


def _list(workspace: Workspace, only: str, *, json: bool) -> None:
    from workbench import runs
    from workbench.runs import looks

    everything = runs.list_runs(workspace)
    matching = runs.matching(everything, only)
    counts = runs.test_looks(workspace)
    _tell_damage(looks.damage(workspace))
    if json:
        emit({"runs": [plain(run) for run in matching], "test_looks": counts})
        return
    if everything and not matching:
        notice(f"none of {len(everything)} runs matches {only!r}")
        return
    if not matching:
        notice(f"no runs yet; train one: workbench train {workspace.root} --head linear")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    names = workspace.test_names[:2]
    for heading in ("run", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("epoch", val_name(workspace.test_names), *names, "gap", "time"):
        table.add_column(clean(heading), justify="right", no_wrap=True)
    for run in matching:
        tests = [percent(run.tests[name].accuracy if name in run.tests else None) for name in names]
        gap = points(run.gap.value) if run.gap else MISSING
        epochs, seconds = f"{run.epoch}/{run.epochs}", duration(run.seconds)
        marks = " *" * run.starred + "".join(f" #{tag}" for tag in run.tags)
        table.add_row(clean(run.id + marks), clean(run.state), epochs, percent(run.val_accuracy), *tests, gap, seconds)
    console = console_of_tables()
    console.print(table)
    console.print("test-set evaluations: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    for run in matching:
        if run.state == "failed":
            notice(f"{run.id}: {run.error}")


def _tell_damage(damage: list[str]) -> None:
    """Report unreadable lines of a file: the first one and the number of others."""
    if damage:
        notice(damage[0] + (f", and {len(damage) - 1:,} more lines" if len(damage) > 1 else ""))


def _show(run: RunSnapshot, *, json: bool) -> None:
    from workbench.runs import metrics, records

    _tell_damage(metrics.read(run.folder).damage)
    if json:
        summary = records.answer(run.summary) if run.summary else None
        emit({**plain(run), "summary": summary, "config": records.plain(run.config) or {}})
        return
    from workbench.cli.train import show_result

    created = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.created))
    say(f"{run.id}: {run.head}, {run.state}, {run.reached}, created {created}")
    say("settings: " + ", ".join(f"{name}={value}" for name, value in run.settings.items()))
    say(f"in {run.folder}")
    if run.waits_for:
        say(f"waiting for {run.waits_for}")
    if run.error:
        say(f"error: {run.error}")
    if run.summary:
        show_result(run)
    elif run.val_accuracy is not None:
        say(f"val accuracy after the last epoch: {percent(run.val_accuracy)}")
