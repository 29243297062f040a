"""`workbench ingest`: feature files into the store."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from workbench.cli.common import FOLDER, JSON, STATE, emit, make_console
from workbench.present.numbers import duration
from workbench.text import clean


def command(
    folder: FOLDER,
    non_finite: Annotated[
        str | None,
        typer.Option(
            "--non-finite",
            metavar="refuse|drop",
            help="rows with missing, NaN or infinite values: refuse the file, or drop those rows; remembered",
        ),
    ] = None,
    state: STATE = None,
    json: JSON = False,
) -> None:
    """Read the feature files of FOLDER into the store; unchanged files that were read before are not read again."""
    from workbench.cli.common import notice, read_store
    from workbench.features.ingest import strangers
    from workbench.workspace import Workspace

    started = time.perf_counter()
    if non_finite is not None:
        Workspace.open(folder, state).remember(non_finite=non_finite)
    workspace, store = read_store(folder, state)
    seconds = time.perf_counter() - started
    manifest = store.manifest
    left_alone = strangers(workspace)
    if left_alone:
        notice(left_alone)
    if json:
        emit(
            {
                "workspace": str(workspace.root),
                "store": str(store.folder),
                "fingerprint": store.fingerprint,
                "dim": store.dim,
                "dtype": manifest.dtype,
                "classes": len(store.classes),
                "splits": {
                    info.name: {"rows": info.rows, "dropped_rows": info.dropped_rows} for info in manifest.splits
                },
                "rounding_error": manifest.rounding_error,
                "notices": manifest.notices,
                "seconds": seconds,
            }
        )
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("split")
    for heading in ("rows", "D", "classes"):
        table.add_column(heading, justify="right")
    for info in manifest.splits:
        table.add_row(
            clean(info.name), f"{info.rows:,}", f"{store.dim:,}", f"{sum(n > 0 for n in info.class_counts):,}"
        )
    console = make_console()
    console.print(table)
    if manifest.rounding_error:
        console.print(f"stored as {manifest.dtype}; the largest rounding error is {manifest.rounding_error:.2g}")
    console.print(f"in {store.folder} ({duration(seconds)})")
