"""`workbench analyse`: run an analysis, headless."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.answers import PAIR, RUN, ask, check_out, newest_run, pair_of, write
from workbench.cli.common import FOLDER, JSON, SET, STATE, as_json, emit, make_console, notice, read_store
from workbench.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.blocks import Block
    from workbench.plugins import PluginInfo
    from workbench.worker import JobDone, JobFailed
    from workbench.workspace import Workspace

FORMATS = (".md", ".html", ".json")


def command(
    folder: FOLDER,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="name of the analysis (`workbench plugin list` shows all)")
    ],
    run: RUN = None,
    settings: SET = None,
    pair: PAIR = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="write the result to a .md, .html or .json file")
    ] = None,
    state: STATE = None,
    json: JSON = False,
) -> None:
    """Run the analysis NAME on FOLDER and show the result, or write it to a file."""
    from workbench import plugins
    from workbench.settings import parse_pairs
    from workbench.workspace import Workspace

    if out is not None:
        check_out(out, FORMATS)
    info = plugins.find(Workspace.open(folder, state), name)
    params = parse_pairs(settings or [])
    _check_params(info, params)
    workspace, _ = read_store(folder, state)
    chosen = _choose_run(workspace, run, info)
    blocks, last = ask(workspace, name, params, chosen, pair_of(pair))
    _give(workspace, info, chosen, _params(last), blocks, out, json)


def _check_params(info: PluginInfo, params: dict[str, str]) -> None:
    """Check the parameters against the plugin's declaration before reading data; the worker validates them again."""
    from workbench.errors import choose

    if info.settings is None:
        return
    known = {setting.name: setting for setting in info.settings}
    for name, value in params.items():
        known[choose(name, known, f"parameter of {info.name}")].convert(value, f"analysis {info.name}: ")


def _choose_run(workspace: Workspace, run_id: str | None, info: PluginInfo) -> str | None:
    """The id of the requested run, or of the newest finished run."""
    from workbench import runs
    from workbench.errors import BadInput

    if run_id is not None:
        return runs.load(workspace, run_id).id
    newest = newest_run(workspace)
    if newest is None and info.needs_run:
        raise BadInput(
            f"analysis {info.name!r} needs a finished run, but there is none; train one first, e.g. "
            f"workbench train {workspace.root} --head linear"
        )
    return newest


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
                write(out, as_json(answer, indent=1) + "\n")
            case ".md":
                write(out, to_markdown(workspace.name, [section], facts))
            case _:
                write(out, to_html(workspace.name, [section], facts, workspace.test_names[:2]))
        notice(f"result written to {out}")
    if json:
        emit(answer)
    elif out is None:
        show(info.title, params, run, blocks)


def show(title: str, params: Mapping[str, Any], run: str | None, blocks: Sequence[Block]) -> None:
    """Print all blocks of a result on stdout. Text from the data is never interpreted as markup."""
    from rich.text import Text

    from workbench.blocks import kind_of
    from workbench.report.parts import given

    console = make_console()
    console.print(Text(clean(title), style="bold"))
    settings = ", ".join(filter(None, [given(params), f"run {clean(run)}" if run else ""]))
    if settings:
        console.print(Text(settings, style="dim"))
    for block in blocks:
        kind_of(block).show(block, console)
