"""Shared by commands that run analyses: progress bar, selection of run and test sets, output file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.common import make_console, notice
from workbench.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.api import Block
    from workbench.worker import Event, JobDone, JobFailed
    from workbench.workspace import Workspace

RUN = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="run to analyse (default: the newest finished run)")
]
PAIR = Annotated[
    str | None,
    typer.Option("--pair", metavar="A,B", help="names of test set 1 and test set 2 (default: the first two)"),
]


def ask(
    workspace: Workspace,
    name: str,
    params: dict[str, str],
    run: str | None = None,
    pair: tuple[str, str] | None = None,
) -> tuple[list[Block], JobDone | JobFailed]:
    """Run an analysis with a progress bar on stderr; raises BadInput, Failed or Cancelled without a result."""
    from workbench.worker import run_sync

    with _Progress(name) as progress:
        blocks, last = run_sync(workspace, name, params, run, pair, progress.tell)
    _raise_for(last)
    return blocks, last


def check_out(out: Path, formats: Sequence[str]) -> None:
    """Check before any work that the output file can be written; raises BadInput."""
    from workbench.errors import BadInput, nearest

    if out.suffix.lower() not in formats:
        raise BadInput(f"--out {out}: expected a file ending in {', '.join(formats)}{nearest(out.suffix, formats)}")
    if not out.absolute().parent.is_dir():
        raise BadInput(f"--out {out}: the folder {out.absolute().parent} does not exist")


def pair_of(text: str | None) -> tuple[str, str] | None:
    """The two test sets that `--pair A,B` names; raises BadInput."""
    from workbench.errors import BadInput

    if text is None:
        return None
    first, _, second = (part.strip() for part in text.partition(","))
    if not first or not second or first == second:
        raise BadInput(f"--pair {text!r}: expected two different test sets, e.g. --pair test1,test2")
    return first, second


def newest_run(workspace: Workspace) -> str | None:
    """The id of the run analysed by default."""
    from workbench import runs

    return runs.newest_to_look_at(runs.list_runs(workspace))


class _Progress:
    """A progress bar on stderr, and the log lines of the analysis."""

    def __init__(self, name: str) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = make_console(stderr=True)
        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(clean(name), total=1.0)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, event: Event) -> None:
        from workbench.worker import JobLog, JobProgress

        if isinstance(event, JobProgress):
            self._bar.update(self._task, completed=event.fraction, description=clean(event.text))
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


def write(out: Path, text: str) -> None:
    """Write to a temporary file and rename it, so that no partial file is ever visible."""
    from workbench import files
    from workbench.errors import Failed

    try:
        # a link given by the user as the destination is followed
        files.write_bytes(out.resolve(), text.encode("utf-8"))
    except OSError as error:
        raise Failed(f"{out}: cannot write the file ({error.strerror})") from None
