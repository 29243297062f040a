"""What the Jobs screen shows: analyses and runs as rows of one table. Pure functions, without widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from workbench.present.numbers import duration
from workbench.present.terminal import bar, shorten
from workbench.tui.shared.runs import progress, remaining, short_name, start_time, state_label

if TYPE_CHECKING:
    import polars as pl

    from workbench.present.colours import Palette
    from workbench.runs import RunSnapshot
    from workbench.tui.shell.jobs import Job
    from workbench.tui.shell.session import Session
    from workbench.tui.widgets.table.backend import Column

INACTIVE_RUNS = 20  # runs that have ended and are still listed
BAR_WIDTH = 12  # cells
RANKS = {"running": 0, "queued": 1}  # what has ended comes after both
ENDED = 2


def jobs_frame(jobs: tuple[Job, ...], session: Session) -> pl.DataFrame:
    """Analyses and runs as rows: those that are running first, then those in the queue, then the newest."""
    import polars as pl

    runs = session.runs or ()
    listed = [run for run in runs if run.active] + [run for run in runs if not run.active][:INACTIVE_RUNS]
    rows = [*map(_job_row, jobs), *map(_run_row, listed)]
    rows.sort(key=lambda row: (row["rank"], -row["created"]))
    schema = {
        "id": pl.String, "kind": pl.String, "name": pl.String, "state": pl.String, "progress": pl.Float64,
        "remaining": pl.Float64, "seconds": pl.Float64, "note": pl.String, "created": pl.Float64, "rank": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _job_row(job: Job) -> dict[str, Any]:
    note = job.error.partition("\n")[0] if job.error else ("" if job.over else job.text)
    return {
        "id": job.id, "kind": "analysis", "name": job.analysis, "state": job.state, "progress": job.fraction,
        "remaining": job.remaining, "seconds": job.seconds, "note": note or ("from the cache" if job.cached else ""),
        "created": job.created, "rank": RANKS.get(job.state, ENDED),
    }  # fmt: skip


def _run_row(run: RunSnapshot) -> dict[str, Any]:
    fraction = progress(run)
    note = run.error.partition("\n")[0] or run.reached + (f", {run.phase}" if run.phase else "")
    return {
        "id": run.id, "kind": "run", "name": short_name(run), "state": run.state, "progress": fraction,
        "remaining": remaining(run, fraction), "seconds": run.seconds, "note": note,
        "created": run.created, "rank": RANKS.get(run.state, ENDED),
    }  # fmt: skip


def job_columns(palette: Palette, width: int, *, active: bool) -> list[Column]:
    """How the table is shown in `width` cells; the progress columns only while something is `active`."""
    from workbench.tui.widgets.table.backend import Column

    def name(value: Any, _row: Any) -> Text:
        return Text(shorten(value, 28), style=f"bold {palette.text}")

    def state(value: Any, _row: Any) -> Text:
        return state_label(value, palette)

    def progress_bar(value: Any, row: Any) -> Text:
        if row["rank"] == ENDED:
            return Text(" " * BAR_WIDTH)
        drawing = bar(value, BAR_WIDTH, palette.strong, palette.faint)
        return drawing.append(f" {100 * value:3.0f} %", style=palette.muted)

    def time_left(value: Any, _row: Any) -> Text:
        return Text(duration(value) if value is not None else "", style=palette.muted)

    def note(value: Any, row: Any) -> Text:
        failed = row["state"] in ("failed", "lost")
        return Text(shorten(value, 48), style=palette.severities["error"] if failed else palette.muted)

    columns = [
        Column("kind", "", cell=lambda value, _row: Text(value, style=palette.muted)),
        Column("name", cell=name),
        Column("state", cell=state),
    ]
    if active:
        columns.append(Column("progress", cell=progress_bar, width=BAR_WIDTH + 6))
        columns.append(Column("remaining", "left", cell=time_left, right=True))
    columns += [Column("seconds", "time", cell=time_left, right=True), Column("note", "", cell=note)]
    if width >= 110:
        columns.append(
            Column("created", "since", cell=lambda value, _row: Text(start_time(value), style=palette.muted))
        )
    return columns
