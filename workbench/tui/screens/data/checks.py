"""All checks of the data: the quick ones at once; labels and leakage when asked for, or kept from before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from workbench.tui.screens.data import content
from workbench.tui.shell.actions import bindings_of
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.session import Session
from workbench.tui.widgets.states import ProgressLine

if TYPE_CHECKING:
    from workbench.features.checks import Check
    from workbench.tui.shell.jobs import Job

ANALYSIS = "checks"


def cached_checks(session: Session) -> tuple[Check, ...] | None:
    """The findings kept from an earlier answer of the analysis, if the data, the pair and the run are the same."""
    from workbench.errors import BadInput
    from workbench.runs import StoredRun
    from workbench.worker.work import kept_answer

    if session.store is None:
        return None
    try:
        view = StoredRun(session.run.view) if session.run else None
        blocks = kept_answer(session.workspace, session.store, ANALYSIS, session.pair, view)
        return content.read_checks(blocks) if blocks is not None else None
    except (BadInput, ValueError):
        return None  # it can still be asked for, and then says what is wrong


class ChecksView(Alive, Vertical):
    """Every check in full, under a line that says what has been looked at and what to press."""

    BINDINGS = bindings_of("checks")

    DEFAULT_CSS = """
    ChecksView > #checks-state { height: auto; color: $muted; margin-bottom: 1; }
    ChecksView > ProgressLine { display: none; margin-bottom: 1; }
    ChecksView.-running > ProgressLine { display: block; }
    ChecksView > VerticalScroll { scrollbar-size: 1 1; }
    ChecksView #checks-all { height: auto; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="checks-state", markup=False)
        yield ProgressLine()
        with VerticalScroll():
            yield Static(id="checks-all", markup=False)

    def tell(self, session: Session, slow: tuple[Check, ...] | None, job: Job | None) -> None:
        """Show `slow`, the findings of all checks, else the quick ones; `job` asked for the former."""
        palette = session.palette
        running = job is not None and not job.over
        self.set_class(running, "-running")
        if running and job is not None:
            text = job.text or ("waiting in the queue" if job.state == "queued" else "working")
            self.query_one(ProgressLine).tell(job.fraction, text, palette=palette, remaining=job.remaining)
        self.query_one("#checks-state", Static).update(content.state_text(slow, job, palette))
        checks = slow or session.checks
        self.query_one("#checks-all", Static).update(
            content.findings(checks, content.notes_of(session), palette, full=True)
        )

    def focus_text(self) -> None:
        """Let the arrow keys scroll the findings."""
        self.query_one(VerticalScroll).focus()
