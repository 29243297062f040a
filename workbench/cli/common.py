"""What the commands share: their common options, JSON on stdout, notices on stderr, reading with progress."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.text import clean

if TYPE_CHECKING:
    from rich.console import Console

    from workbench.features.progress import IngestProgress
    from workbench.features.store import Store
    from workbench.workspace import Workspace

FOLDER = Annotated[Path, typer.Argument(metavar="FOLDER", help="a workspace, or a folder of feature files")]
STATE = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="store runs and caches in DIR/.workbench (default: FOLDER/.workbench)"),
]
JSON = Annotated[bool, typer.Option("--json", help="print one JSON object on stdout and nothing else")]
SET = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a setting; can be repeated")]


def emit(answer: Any) -> None:
    """Print one JSON object on stdout; NaN and infinity become null."""
    print(as_json(answer), flush=True)


def as_json(answer: Any, indent: int | None = None) -> str:
    """JSON of ASCII alone: a terminal may show it, and any encoding holds it."""
    return json.dumps(finite(answer), indent=indent)


def finite(value: Any) -> Any:
    """`value` with every NaN and infinity replaced by None, since JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def notice(text: str) -> None:
    """A line for the person, on stderr."""
    print(clean(text, newlines=True), file=sys.stderr, flush=True)


def say(text: object) -> None:
    """A line for the person, on stdout."""
    print(clean(text, newlines=True), flush=True)


def make_console(*, stderr: bool = False, width: int | None = None) -> Console:
    """Stdout (or stderr) for styled text and tables: no text is read as markup, and every `str` is cleaned."""
    from rich.console import Console
    from rich.text import Text

    class CleanConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(clean(text, newlines=True), **options)

    return CleanConsole(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def console_of_tables() -> Console:
    """Stdout for tables of runs: a pipe has no width, and its reader wants whole lines."""
    console = make_console()
    return console if console.is_terminal else make_console(width=200)


def read_store(folder: Path, state: Path | None = None) -> tuple[Workspace, Store]:
    """The workspace in `folder` and its store, read first, with a progress bar on stderr, where that is due."""
    from workbench.features.ingest import ingested, open_store, sources_missing
    from workbench.workspace import Workspace

    workspace = Workspace.open(folder, state)
    store = ingested(workspace)
    if store is not None:
        if sources_missing(workspace):
            notice(f"{workspace.root}: feature files not found; using the existing store")
        return workspace, open_store(workspace)
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = make_console(stderr=True)
    columns = (
        TextColumn("reading {task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(clean(workspace.name), total=1.0, rate="")

        def show(step: IngestProgress) -> None:
            rate = f"{step.done_bytes / 1e6 / max(step.seconds, 1e-9):,.0f} MB/s"
            bar.update(task, completed=step.fraction, description=clean(step.split), rate=rate)

        store = open_store(workspace, progress=show, notice=notice)
    for text in store.manifest.notices:
        notice(text)
    return workspace, store
