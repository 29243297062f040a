"""`workbench analyse`: run an analysis, headless."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.common import FOLDER, JSON, SET, STATE, emit, notice, read_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.api import Block
    from workbench.plugins import PluginInfo
    from workbench.worker import Event, JobDone, JobFailed
    from workbench.workspace import Workspace

FORMATS = (".md", ".html", ".json")


def command(
    folder: FOLDER,
    name: Annotated[str, typer.Argument(metavar="NAME", help="the analysis; `workbench plugin list` tells them all")],
    run: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="the run to look at (default: the newest finished one)")
    ] = None,
    settings: SET = None,
    pair: Annotated[
        str | None, typer.Option("--pair", metavar="A,B", help="test sets 1 and 2 (default: the first two)")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="write the answer to a .md, .html or .json file")
    ] = None,
    state: STATE = None,
    json: JSON = False,
) -> None:
    """Run the analysis NAME on FOLDER and show its answer, or write it to a file."""
    from workbench import plugins
    from workbench.settings import parse_pairs
    from workbench.workspace import Workspace

    if out is not None:
        _check_out(out)
    info = plugins.find(Workspace.open(folder, state), name)
    params = parse_pairs(settings or [])
    _check_params(info, params)
    workspace, _ = read_store(folder, state)
    chosen = _choose_run(workspace, run, info)
    blocks, last = ask(workspace, name, params, chosen, _pair(pair))
    _give(workspace, info, chosen, _params(last), blocks, out, json)


def ask(
    workspace: Workspace,
    name: str,
    params: dict[str, str],
    run: str | None = None,
    pair: tuple[str, str] | None = None,
) -> tuple[list[Block], JobDone | JobFailed]:
    """Run an analysis with a bar on stderr; raises BadInput, Failed or Cancelled for one that gave no answer."""
    from workbench.worker import run_sync

    with _Progress(name) as progress:
        blocks, last = run_sync(workspace, name, params, run, pair, progress.tell)
    _raise_for(last)
    return blocks, last


def _check_out(out: Path) -> None:
    from workbench.errors import BadInput, nearest

    if out.suffix.lower() not in FORMATS:
        raise BadInput(f"--out {out}: expected a file ending in {', '.join(FORMATS)}{nearest(out.suffix, FORMATS)}")
    if not out.absolute().parent.is_dir():
        raise BadInput(f"--out {out}: the folder {out.absolute().parent} does not exist")


def _check_params(info: PluginInfo, params: dict[str, str]) -> None:
    """Refuse what the file itself shows to be wrong, before anything is read; the worker checks again."""
    from workbench.errors import choose

    if info.settings is None:
        return
    known = {setting.name: setting for setting in info.settings}
    for name, value in params.items():
        known[choose(name, known, f"parameter of {info.name}")].convert(value, f"analysis {info.name}: ")


def _pair(text: str | None) -> tuple[str, str] | None:
    from workbench.errors import BadInput

    if text is None:
        return None
    first, _, second = (part.strip() for part in text.partition(","))
    if not first or not second or first == second:
        raise BadInput(f"--pair {text!r}: expected two different test sets, e.g. --pair test1,test2")
    return first, second


def _choose_run(workspace: Workspace, asked: str | None, info: PluginInfo) -> str | None:
    """The id of the run that was asked for, or of the newest finished one."""
    from workbench import runs
    from workbench.errors import BadInput

    if asked is not None:
        return runs.load(workspace, asked).id
    newest = newest_run(workspace)
    if newest is None and info.needs_run:
        raise BadInput(
            f"analysis {info.name!r} needs a finished run and there is none: train one first, e.g. "
            f"workbench train {workspace.root} --head linear"
        )
    return newest


def newest_run(workspace: Workspace) -> str | None:
    """The id of the newest finished run."""
    from workbench import runs

    return next((run.id for run in runs.list_runs(workspace) if run.state == "finished"), None)


class _Progress:
    """A bar on stderr while the analysis works, and its log lines."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(name, total=1.0)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, event: Event) -> None:
        from workbench.worker import JobLog, JobProgress

        if isinstance(event, JobProgress):
            self._bar.update(self._task, completed=event.fraction, description=event.text)
        elif isinstance(event, JobLog):
            notice(event.text)


def _raise_for(last: JobDone | JobFailed) -> None:
    from workbench.errors import BadInput, Cancelled, Failed
    from workbench.worker import JobFailed

    if isinstance(last, JobFailed):
        if last.kind == "bad input":
            raise BadInput(last.message)
        if last.kind == "cancelled":
            raise Cancelled(last.message)
        raise Failed(f"{last.message}\n{last.traceback}".rstrip())


def _params(last: JobDone | JobFailed) -> dict[str, Any]:
    return dict(getattr(last, "params", {}))


def _give(
    workspace: Workspace,
    info: PluginInfo,
    run: str | None,
    params: dict[str, Any],
    blocks: Sequence[Block],
    out: Path | None,
    json: bool,
) -> None:
    from workbench.report import Section, to_html, to_markdown, to_objects

    if json or (out and out.suffix.lower() == ".json"):
        answer = {"analysis": info.name, "params": params, "run": run, "blocks": to_objects(blocks)}
    if out is not None:
        facts = {"workspace": workspace.name, **({"run": run} if run else {})}
        section = Section(info.title, blocks, params)
        match out.suffix.lower():
            case ".json":
                _write(out, _json(answer))
            case ".md":
                _write(out, to_markdown(workspace.name, [section], facts))
            case _:
                _write(out, to_html(workspace.name, [section], facts, workspace.test_names[:2]))
        notice(f"written: {out}")
    if json:
        emit(answer)
    elif out is None:
        from workbench.cli.blocks import show

        show(info.title, params, run, blocks)


def _json(answer: dict[str, Any]) -> str:
    import json

    from workbench.cli.common import finite

    return json.dumps(finite(answer), ensure_ascii=False, indent=1) + "\n"


def _write(out: Path, text: str) -> None:
    """Write beside and rename, so that no half report is ever seen."""
    import os

    from workbench.errors import Failed

    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Failed(f"{out}: cannot be written ({error.strerror})") from None
