"""`workbench [FOLDER]`: the terminal interface."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.common import STATE


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="a workspace, or a folder of feature files")
    ] = Path(),
    state: STATE = None,
) -> None:
    """Open the terminal interface on FOLDER (default: the current folder)."""
    from workbench.workspace import Workspace

    run(Workspace.open(folder, state))


def run(workspace: object) -> None:
    """Show the interface until the user leaves it."""
    import sys

    from workbench.errors import BadInput
    from workbench.features.ingest import ingested
    from workbench.workspace import Workspace

    assert isinstance(workspace, Workspace)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # Textual draws on stderr
        raise BadInput(
            "the interface requires a terminal; otherwise use workbench ingest, train, analyse (see workbench --help)"
        )
    if ingested(workspace) is None:
        workspace.writable()
    from workbench.tui import app

    if code := app.run(workspace):
        raise typer.Exit(code)
