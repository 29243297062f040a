"""Jobs: everything at work, analyses and runs alike: state, progress, time that remains, log; and how to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Static

from workbench.tui.formats import bar, clean, duration, shorten
from workbench.tui.screens.train.content import (
    STATE_SIGNS,
    remaining,
    run_fraction,
    short_name,
    state_colour,
    when,
)
from workbench.tui.screens.train.screen import read_log
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell import background
from workbench.tui.shell.screen import WorkbenchScreen
from workbench.tui.shell.session import Session
from workbench.tui.widgets.states import EmptyState
from workbench.tui.widgets.table.panel import Column, TablePanel

if TYPE_CHECKING:
    import polars as pl

    from workbench.runs import RunSnapshot
    from workbench.tui.shell.jobs import Job

REFRESH = 1.0  # seconds between two looks at what is at work
FINISHED_RUNS = 20  # runs that are over and still listed
BAR = 12


class JobsScreen(WorkbenchScreen):
    """Analyses asked for since the start and runs of the workspace, what is at work first."""

    NAME = "jobs"
    HELP = """
Analyses run one at a time in a process of their own, runs in one each; neither can take the interface with it.

x stops what is under the cursor: an analysis is asked to stop, and its process ended a second later if it does not; a
run keeps a checkpoint. Below: the answer or the traceback of an analysis, the end of a run's log (l: all of it).
enter on a run goes to it on the Train screen.
"""

    DEFAULT_CSS = """
    JobsScreen ContentSwitcher { height: 1fr; }
    JobsScreen #jobs-box { height: 2fr; min-height: 6; }
    JobsScreen #detail-box { height: 3fr; }
    JobsScreen #run-log { height: 1fr; }
    JobsScreen #detail { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._at: str | None = None

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing", id="pages"):
            yield EmptyState(id="nothing")
            with Vertical(id="page"):
                with Vertical(id="jobs-box", classes="panel") as box:
                    box.border_title = "Jobs"
                    yield TablePanel(id="jobs", noun="job")
                with Vertical(id="detail-box", classes="panel") as box:
                    box.border_title = "Detail"
                    with ContentSwitcher(initial="run-log", id="detail"):
                        yield JobView(id="job")
                        with VerticalScroll(id="run-log"):
                            yield Static(id="run-log-text", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(REFRESH, self._refill)

    def show(self, session: Session, before: Session | None) -> None:
        self._refill()

    def job_changed(self, job: Job) -> None:
        if self.bench.current is self:
            self._refill()
            if self._at == job.id:
                self._show_detail()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.is_mounted:
            self._refill()

    def _refill(self) -> None:
        if self.bench.current is not self:
            return
        frame = jobs_frame(self.bench.jobs.all, self.session)
        pages = self.query_one("#pages", ContentSwitcher)
        if not frame.height:
            empty = self.query_one(EmptyState)
            keys = (("2", "train a head"), ("4", "look at confusions"), ("6", "run a plugin"))
            empty.tell("nothing is at work", "Runs and analyses are listed here.", *keys, palette=self.palette)
            pages.current = "nothing"
            return
        panel = self.query_one("#jobs", TablePanel)
        panel.load(frame, job_columns(self.session, self.size.width, busy=bool((frame["rank"] < 2).any())), key="id")
        if pages.current != "page":
            pages.current = "page"
            panel.table.focus()
        self._show_detail()

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.panel.id == "jobs":
            self._show_detail()

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        if event.panel.id == "jobs" and event.row["kind"] == "run":
            self.bench.go("train")

    def _under_cursor(self) -> tuple[RunSnapshot | None, Job | None]:
        row = self.query_one("#jobs", TablePanel).row
        if row is None:
            return None, None
        run = next((run for run in self.session.runs or () if run.id == row["id"]), None)
        return run, self.bench.jobs.get(row["id"])

    def _show_detail(self) -> None:
        run, job = self._under_cursor()
        detail = self.query_one("#detail", ContentSwitcher)
        if job is not None:
            self._at = job.id
            self.query_one("#job", JobView).show(job, self.palette)
            detail.current = "job"
        elif run is not None:
            if self._at != run.id or run.active:
                text = clean(read_log(run, 8_000).rstrip(), lines=True)
                self.query_one("#run-log-text", Static).update(
                    Text(text or "the log is empty", style=self.palette.text)
                )
                self.query_one("#run-log", VerticalScroll).scroll_end(animate=False)
            self._at = run.id
            detail.current = "run-log"

    def action_stop(self) -> None:
        run, job = self._under_cursor()
        if job is not None:
            self.bench.jobs.cancel(job.id)
        elif run is not None:
            self._change(run, "stop")

    @work(thread=True, group="runs-changed", exit_on_error=False)
    def _change(self, run: RunSnapshot, what: str) -> None:
        background.change_run(run, what, self.post_message)
        self.app.call_later(self.bench.look_at_runs)

    def action_log(self) -> None:
        from workbench.tui.shell.dialogs import TextDialog

        run, job = self._under_cursor()
        if run is not None:
            self.bench.show_dialog(TextDialog(f"Log of {run.id}", read_log(run)))
        elif job is not None:
            self.bench.show_dialog(TextDialog(f"Log of {job.analysis}", "\n".join(job.log)))

    def go_back(self) -> bool:
        return self.query_one("#jobs", TablePanel).close_filter()


def jobs_frame(jobs: tuple[Job, ...], session: Session) -> pl.DataFrame:
    """Analyses and runs as rows: what is at work first, then the newest."""
    import polars as pl

    rows = [_job_row(job) for job in jobs]
    runs = session.runs or ()
    rows += [_run_row(run) for run in runs if run.active]
    rows += [_run_row(run) for run in [run for run in runs if not run.active][:FINISHED_RUNS]]
    rows.sort(key=lambda row: (row["rank"], -row["created"]))
    schema = {
        "id": pl.String, "kind": pl.String, "name": pl.String, "state": pl.String, "done": pl.Float64,
        "left": pl.Float64, "seconds": pl.Float64, "told": pl.String, "created": pl.Float64, "rank": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


_RANKS = {"running": 0, "queued": 1}


def _job_row(job: Job) -> dict[str, Any]:
    told = job.error.partition("\n")[0] if job.error else ("" if job.over else job.text)
    return {
        "id": job.id, "kind": "analysis", "name": job.analysis, "state": job.state, "done": job.fraction,
        "left": job.remaining, "seconds": job.seconds, "told": told or ("from the cache" if job.cached else ""),
        "created": job.created, "rank": _RANKS.get(job.state, 2),
    }  # fmt: skip


def _run_row(run: RunSnapshot) -> dict[str, Any]:
    fraction = run_fraction(run, None)
    told = run.error.partition("\n")[0] or run.reached + (f", {run.phase}" if run.phase else "")
    return {
        "id": run.id, "kind": "run", "name": short_name(run), "state": run.state, "done": fraction,
        "left": remaining(run, fraction), "seconds": run.seconds, "told": told,
        "created": run.created, "rank": _RANKS.get(run.state, 2),
    }  # fmt: skip


def job_columns(session: Session, width: int, *, busy: bool) -> list[Column]:
    """How jobs are shown in `width` cells; how far they are only while one is at work."""
    palette = session.palette
    signs = {**STATE_SIGNS, "done": "✓", "cancelled": "■"}

    def kind(value: Any, _row: Any) -> Text:
        return Text(value, style=palette.muted)

    def name(value: Any, _row: Any) -> Text:
        return Text(shorten(value, 28), style=f"bold {palette.text}")

    def state(value: Any, _row: Any) -> Text:
        return Text(f"{signs.get(value, '')} {value}", style=state_colour(value, palette))

    def done(value: Any, row: Any) -> Text:
        if row["rank"] == 2:
            return Text(" " * BAR)
        return bar(value, BAR, palette.strong, palette.faint).append(f" {100 * value:3.0f} %", style=palette.muted)

    def left(value: Any, _row: Any) -> Text:
        return Text(duration(value) if value is not None else "", style=palette.muted)

    def told(value: Any, row: Any) -> Text:
        failed = row["state"] in ("failed", "lost")
        return Text(shorten(value, 48), style=palette.severities["error"] if failed else palette.muted)

    def created(value: Any, _row: Any) -> Text:
        return Text(when(value), style=palette.muted)

    columns = [
        Column("kind", "", cell=kind),
        Column("name", cell=name),
        Column("state", cell=state),
        *([Column("done", cell=done, width=BAR + 6), Column("left", cell=left, right=True)] if busy else []),
        Column("seconds", "time", cell=left, right=True),
        Column("told", "", cell=told),
    ]
    return [*columns, Column("created", "since", cell=created)] if width >= 110 else columns
