"""`workbench plugin`: list, start, check and trust plugins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.common import JSON, emit, make_console, notice, say
from workbench.text import clean

if TYPE_CHECKING:
    from workbench.plugins import Review

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

PLUGIN = '''"""{title}: describe the plugin here."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.api import Analysis, Block, Context, Metric, Table, param


class {class_name}(Analysis):
    """Change in the mean of each feature from test set 1 to test set 2.

    Describe here what the analysis measures and how; the text is shown next to the result.
    """

    name = "{name}"
    title = "{title}"

    class Params:
        limit: int = param(20, help="rows to show, 0 for all", ge=0)

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        ctx.progress(0.1, "means")
        change = ctx.test2.features.mean(axis=0) - ctx.test1.features.mean(axis=0)
        yield Metric("largest change", float(np.abs(change).max()))
        frame = pl.DataFrame({{"feature": list(ctx.feature_names), "change": change}})
        frame = frame.sort(pl.col("change").abs(), descending=True)
        yield Table(frame.head(params.limit) if params.limit else frame, title="features", of=len(frame))
'''

TEST = '''"""Run with: pytest {test_name}"""

import importlib.util
from pathlib import Path

import pytest

from workbench.api import BadInput, Metric, Table
from workbench.testing import run_analysis, tiny_context

spec = importlib.util.spec_from_file_location("{module}", Path(__file__).with_name("{module}.py"))
plugin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugin)


def test_it_answers_on_a_small_set(tmp_path):
    metric, table = run_analysis(plugin.{class_name}, tiny_context(tmp_path), limit=3)
    assert isinstance(metric, Metric)
    assert metric.value > 0
    assert isinstance(table, Table)
    assert (len(table.frame), table.of) == (3, 6)


def test_it_refuses_what_is_outside_the_range(tmp_path):
    with pytest.raises(BadInput, match="limit"):
        run_analysis(plugin.{class_name}, tiny_context(tmp_path), limit=-1)
'''


@app.command("list", short_help="list all analyses, and disabled files with the reason")
def list_plugins(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="a workspace, to include its own plugins")
    ] = None,
    json: JSON = False,
) -> None:
    """List every analysis with its source, and every disabled file with the reason."""
    from workbench import plugins
    from workbench.workspace import Workspace

    workspace = Workspace.open(folder) if folder is not None else None
    infos = plugins.discover(workspace)
    if json:
        emit({"plugins": [_as_object(info) for info in infos]})
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "title", "from", "state"):
        table.add_column(heading)
    for info in infos:
        table.add_row(*map(clean, (info.name, info.title, info.source, _state(info))))
    console = make_console()
    console.print(table)
    user = next(path for source, path in plugins.folders() if source == "user")
    console.print(f"files placed in {user} are loaded automatically", style="dim")


def _state(info: Any) -> str:
    if info.error:
        return f"disabled: {info.error} ({info.path})"
    if info.trusted:
        return "ready"
    state = "not trusted" if info.verdict == "new" else "changed since it was trusted"
    return f"{'trusted by path only' if info.verdict == 'by path' else state}: workbench plugin trust FOLDER"


def _as_object(info: Any) -> dict[str, Any]:
    settings = None
    if info.settings is not None:
        settings = [
            {
                "name": one.name,
                "type": one.type.__name__,
                "default": one.default,
                "allowed": one.allowed,
                "help": one.help,
            }
            for one in info.settings
        ]
    return {
        "name": info.name,
        "title": info.title,
        "doc": info.doc,
        "source": info.source,
        "path": str(info.path) if info.path else None,
        "needs_run": info.needs_run,
        "trusted": info.trusted,
        "trust": info.verdict,
        "usable": info.usable,
        "error": info.error,
        "params": settings,
    }


@app.command("new", short_help="create a plugin: a working file and its test")
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="name of the plugin: lower-case letters, digits, '-' and '_'")
    ],
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="destination folder (default: your plugin folder)")
    ] = None,
    json: JSON = False,
) -> None:
    """Write NAME.py, an analysis that works, and test_NAME.py, its passing test."""
    from workbench import plugins
    from workbench.errors import BadInput, Failed
    from workbench.workspace import user_dir

    if not plugins.NAME.fullmatch(name):
        raise BadInput(
            f"{name!r}: a plugin's name must consist of lower-case letters, digits, '-' and '_' and start with a letter"
        )
    namesake = next((info for info in plugins.discover() if info.name == name), None)
    if namesake is not None:
        raise BadInput(
            f"the name {name!r} is taken by the {namesake.source} analysis in {namesake.path}; choose another"
        )
    place = folder or user_dir() / "plugins"
    module = name.replace("-", "_")
    words = {
        "name": name,
        "module": module,
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "class_name": "".join(part.capitalize() for part in module.split("_")),
        "test_name": f"test_{module}.py",
    }
    written = [place / f"{module}.py", place / f"test_{module}.py"]
    for file in written:
        if file.exists():
            raise BadInput(f"{file} already exists; choose another name")
    try:
        place.mkdir(parents=True, exist_ok=True)
        for file, text in zip(written, (PLUGIN, TEST), strict=True):
            file.write_text(text.format(**words), encoding="utf-8")
    except OSError as error:
        raise Failed(f"{place}: cannot write to the folder ({error.strerror}); choose another with --folder") from None
    if json:
        emit({"name": name, "files": [str(file) for file in written]})
        return
    for file in written:
        say(file)
    notice(f"next: workbench plugin check {written[0]}; then: workbench analyse FOLDER {name}")


@app.command("check", short_help="check a plugin against the contract on a small synthetic data set")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the plugin's Python file; its code is executed")],
    json: JSON = False,
) -> None:
    """Run every analysis of FILE on a small synthetic data set and report violations of the contract."""
    from workbench.errors import BadInput, Failed
    from workbench.worker import JobFailed, JobLog
    from workbench.worker.client import check_sync

    if not file.is_file():
        raise BadInput(f"{file}: no such file")
    lines: list[str] = []

    def tell(event: object) -> None:
        if isinstance(event, JobLog):
            lines.append(event.text)
            if not json:
                say(event.text)

    _, last = check_sync(str(file.absolute()), tell)
    failure = last if isinstance(last, JobFailed) else None
    if json:
        emit({"file": str(file), "ok": failure is None, "problem": failure.message if failure else None, "log": lines})
        if failure is not None:
            raise typer.Exit(2 if failure.kind == "bad input" else 1)
        return
    if failure is not None and failure.kind == "bad input":
        raise BadInput(failure.message)
    if failure is not None:
        raise Failed(f"{failure.message}\n{failure.traceback}".rstrip())


@app.command("trust", short_help="review the code in a workspace's plugins folder and allow it to run")
def trust(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="the workspace")],
    yes: Annotated[bool, typer.Option("--yes", help="trust without confirmation, for scripts")] = False,
    json: JSON = False,
) -> None:
    """Show which files of FOLDER/plugins would run, or how they differ from those reviewed, and ask for confirmation.

    Trust applies to the contents of each of these files. They run with your permissions, so read them first. After a
    file is changed, added or removed, no code of the workspace runs until it is reviewed again.
    """
    from workbench import plugins
    from workbench.errors import BadInput

    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; expected the workspace whose plugins are to be trusted")
    review = plugins.review(folder)
    if not json:
        for line in review_lines(review):
            say(line)
    if not review.sources.files:
        raise BadInput(f"{review.sources.folder}: no Python files to trust{_disabled(review)}")
    interactive = sys.stdin.isatty()
    trusted = review.trusted or yes or (interactive and _confirmed())
    if trusted and not review.trusted:
        plugins.trust(review)
    if json:
        emit(_review_object(review, trusted))
    elif trusted and not review.trusted:
        say(f"trusted: {review.workspace}")
    if not trusted and not interactive:
        raise BadInput(f"{folder} is not trusted: confirmation requires a terminal; add --yes after reading the code")
    if not trusted:
        notice("not trusted: none of the code runs")
        raise typer.Exit(1)


def _confirmed() -> bool:
    """Ask at the terminal; the question goes to stderr, so that stdout stays one JSON object with --json."""
    return typer.confirm("Allow exactly these files to run with your permissions?", err=True)


def review_lines(review: Review) -> Iterator[str]:
    """What would run, what is left alone, and the difference to what was reviewed, in lines for the terminal."""
    from workbench import plugins

    yield f"{review.sources.folder}: {plugins.WHY_NOT[review.verdict] or 'trusted, unchanged since then'}"
    if review.twin is not None and not review.trusted:
        yield f"the same files are already trusted in {review.twin}"
    if review.sources.files:
        yield "these files would run:" if not review.trusted else "these files are allowed to run:"
    width = max((len(file.name) for file in review.sources.files), default=0)
    for file in review.sources.files:
        yield f"  {file.name:<{width}}  {len(file.data):>9,} bytes  sha256 {file.sha256}"
    for one in review.sources.disabled:
        yield f"  {one.name or 'the folder'} is ignored: {one.reason}"
    if review.verdict == "changed":
        for change in plugins.changes(review):
            yield f"\n{change.name} was {change.kind}{f' ({change.note})' if change.note else ''}:"
            yield change.diff


def _disabled(review: Review) -> str:
    reasons = [f"{one.name or 'the folder'} is ignored: {one.reason}" for one in review.sources.disabled]
    return f" ({'; '.join(reasons)})" if reasons else ""


def _review_object(review: Review, trusted: bool) -> dict[str, Any]:
    from workbench import plugins

    return {
        "workspace": str(review.workspace),
        "trusted": trusted,
        "before": review.verdict,
        "files": [{"name": one.name, "bytes": len(one.data), "sha256": one.sha256} for one in review.sources.files],
        "disabled": [{"name": one.name, "reason": one.reason} for one in review.sources.disabled],
        "changes": [vars(change) for change in plugins.changes(review)] if review.verdict == "changed" else [],
        "plugins": [info.name for info in plugins.in_workspace(review) if not info.error],
    }
