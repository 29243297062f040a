"""Jobs: analyses and runs in one list, with state, progress, remaining time and log; each can be stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Static

from workbench.present.terminal import clean
from workbench.tui.screens.jobs.content import ENDED, job_columns, jobs_frame
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell import background
from workbench.tui.shell.screen import WorkbenchScreen, style_beside
from workbench.tui.shell.session import Session
from workbench.tui.widgets.states import EmptyState
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot
    from workbench.tui.shell.jobs import Job

REFRESH = 1.0  # seconds between two refreshes of the list
LOG_TAIL = 8_000  # bytes of a run's log below the list
EMPTY_LOG = "the log is empty"


class JobsScreen(WorkbenchScreen):
    """The analyses asked for since the start, and the runs of the workspace, active ones first."""

    NAME = "jobs"
    DEFAULT_CSS = style_beside(__file__)
    HELP = """
Analyses run one at a time in a worker process, each run in a separate process; neither can crash the interface.

x stops the job under the cursor: an analysis is asked to stop, and its process is killed after a second otherwise;
a run keeps a checkpoint. Below the list: the result or the traceback of an analysis, or the end of a run's log (l shows
more of it). enter on a run opens the Train screen.
"""

    def __init__(self) -> None:
        super().__init__()
        self._detail_id: str | None = None  # of the job or run whose details are on screen

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
            if self._detail_id == job.id:
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
            keys = (("2", "train a head"), ("4", "open the confusion matrix"), ("6", "run a plugin"))
            empty.tell("no jobs", "Runs and analyses are listed here.", *keys, palette=self.palette)
            pages.current = "nothing"
            return
        panel = self.query_one("#jobs", TablePanel)
        active = bool((frame["rank"] < ENDED).any())
        panel.load(frame, job_columns(self.palette, self.size.width, active=active), key="id")
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
            self._detail_id = job.id
            self.query_one("#job", JobView).show(job, self.palette)
            detail.current = "job"
        elif run is not None:
            if self._detail_id != run.id or run.active:
                self._show_log(run)
            self._detail_id = run.id
            detail.current = "run-log"

    def _show_log(self, run: RunSnapshot) -> None:
        from workbench.runs import read_log

        text = clean(read_log(run.folder, LOG_TAIL).rstrip(), lines=True)
        self.query_one("#run-log-text", Static).update(Text(text or EMPTY_LOG, style=self.palette.text))
        self.query_one("#run-log", VerticalScroll).scroll_end(animate=False)

    def action_stop(self) -> None:
        run, job = self._under_cursor()
        if job is not None:
            self.bench.jobs.cancel(job.id)
        elif run is not None:
            self._stop(run)

    @work(thread=True, group="runs-changed", exit_on_error=False)
    def _stop(self, run: RunSnapshot) -> None:
        background.change_run(run, "stop", self.post_message)
        self.app.call_later(self.bench.look_at_runs)

    def action_log(self) -> None:
        from workbench.runs import read_log
        from workbench.tui.shell.dialogs import TextDialog

        run, job = self._under_cursor()
        if run is not None:
            self.bench.show_dialog(TextDialog(f"Log of {run.id}", read_log(run.folder) or EMPTY_LOG))
        elif job is not None:
            self.bench.show_dialog(TextDialog(f"Log of {job.analysis}", "\n".join(job.log) or EMPTY_LOG))

    def go_back(self) -> bool:
        return self.query_one("#jobs", TablePanel).close_filter()
