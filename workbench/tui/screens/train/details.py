"""The run under the cursor: its state, its settings, and its results or its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from workbench.tui.screens.train.content import run_text
from workbench.tui.shared.runs import progress, remaining
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.states import ProgressLine

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot
    from workbench.tui.shell.session import Session

LOW = 32  # rows of a screen below which results are side by side


class RunDetails(Alive, Vertical):
    """Shows one run in a few lines."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self.border_title = "Run"

    def compose(self) -> ComposeResult:
        yield Static(id="run-text", markup=False)
        yield ProgressLine()

    def show(self, run: RunSnapshot, session: Session, epoch: float = 0.0) -> None:
        """Show `run`; `epoch` is the last one in its curves, which are newer than the snapshot."""
        size = self.screen.size
        text = run_text(run, session, max(size.width - 2, 10), short=size.height < LOW)
        self.query_one("#run-text", Static).update(text)
        self.set_class(run.active, "-active")
        if run.active:
            fraction = progress(run, epoch)
            line = self.query_one(ProgressLine)
            line.tell(fraction, run.phase or run.state, palette=session.palette, remaining=remaining(run, fraction))
