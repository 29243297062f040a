"""`workbench report`: several analyses in one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.answers import PAIR, RUN, ask, check_out, newest_run, pair_of, write
from workbench.cli.common import FOLDER, JSON, STATE, emit, notice, read_store

if TYPE_CHECKING:
    from workbench.plugins import PluginInfo
    from workbench.report import Section
    from workbench.workspace import Workspace

FORMATS = (".html", ".md")
USUAL = ("gap", "confusion", "calibration", "divergence", "checks")


def command(
    folder: FOLDER,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="output file, .html or .md")],
    analyses: Annotated[
        list[str] | None,
        typer.Option("--analysis", metavar="NAME", help=f"an analysis; can be repeated (default: {', '.join(USUAL)})"),
    ] = None,
    run: RUN = None,
    pair: PAIR = None,
    state: STATE = None,
    json: JSON = False,
) -> None:
    """Run several analyses on FOLDER, with their default parameters, and write their results to one page.

    If an analysis fails, the page shows the reason instead of its result, and the exit code is 1.
    """
    from workbench import plugins, runs
    from workbench.errors import BadInput, Failed
    from workbench.report import to_html, to_markdown
    from workbench.workspace import Workspace

    check_out(out, FORMATS)
    chosen_pair = pair_of(pair)
    opened = Workspace.open(folder, state)
    infos = [plugins.find(opened, name) for name in dict.fromkeys(analyses or USUAL)]
    chosen = runs.load(opened, run).id if run else newest_run(opened)
    left_out = [info.name for info in infos if info.needs_run and chosen is None]
    if left_out and analyses:
        raise BadInput(f"analysis {left_out[0]!r} needs a finished run, but there is none; train one first")
    if left_out:
        notice(f"skipped, since there is no finished run: {', '.join(left_out)}")
    workspace, _ = read_store(folder, state)
    sections = [_section(workspace, info, chosen, chosen_pair) for info in infos if info.name not in left_out]
    facts = {"workspace": str(workspace.root), **({"run": chosen} if chosen else {})}
    colours = chosen_pair or tuple(workspace.test_names[:2])
    if out.suffix.lower() == ".md":
        write(out, to_markdown(workspace.name, sections, facts))
    else:
        write(out, to_html(workspace.name, sections, facts, colours))
    notice(f"report written to {out}")
    failed = {section.title: section.failure for section in sections if section.failure}
    if json:
        emit(_told(out, chosen, [info.name for info in infos if info.name not in left_out], left_out, failed))
    if failed:
        raise Failed("; ".join(f"{title}: {why}" for title, why in failed.items()))


def _section(workspace: Workspace, info: PluginInfo, run: str | None, pair: tuple[str, str] | None) -> Section:
    """The answer of one analysis, or why there is none."""
    from workbench.errors import BadInput, Failed
    from workbench.report import Section

    try:
        blocks, last = ask(workspace, info.name, {}, run, pair)
    except (BadInput, Failed) as error:
        return Section(info.title, failure=str(error).splitlines()[0])
    return Section(info.title, blocks, dict(getattr(last, "params", {})))


def _told(out: Path, run: str | None, names: list[str], left_out: list[str], failed: dict[str, str]) -> dict[str, Any]:
    return {"out": str(out), "run": run, "analyses": names, "left_out": left_out, "failed": failed}
