"""The list of runs: its filter asks for settings and results, not for columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.tui.screens.train.content import run_columns, runs_frame
from workbench.tui.shared.runs import RunColours
from workbench.tui.shell.session import Session
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot


class RunsPanel(TablePanel):
    """The runs of the workspace. Runs that the user marks are drawn over one another and compared."""

    help_text = (
        "Runs: space marks, * stars, t tags. / filters by settings and results: head:nn1 lr>=1e-4 val>0.8, "
        "state:finished, tag:good, starred, -state:failed, or any word in a run's name."
    )

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, noun="run")
        self._filter.placeholder = "head:nn1 lr>=1e-4 val>0.8 state:finished tag:good starred"
        self._session: Session | None = None
        self.marks: list[str] = []  # ids of the runs that are marked, in the order in which they were
        self.colours = RunColours()

    def show(self, session: Session, width: int) -> None:
        """List the session's runs."""
        self._session = session
        ids = {run.id for run in self._runs}
        self.marks = [run_id for run_id in self.marks if run_id in ids]
        columns = run_columns(session, width, self.colours)
        self.load(runs_frame(session, self.marks), columns, key="id", note=self._marks_note)

    @property
    def _runs(self) -> Sequence[RunSnapshot]:
        return (self._session.runs if self._session else None) or ()

    @property
    def _marks_note(self) -> str:
        return f"{len(self.marks)} marked" if self.marks else ""

    def matching(self, frame: pl.DataFrame, text: str) -> pl.DataFrame:
        """The rows of the runs that the filter matches, by their settings and results too."""
        from workbench import runs

        return frame.filter(pl.col("id").is_in([run.id for run in runs.matching(self._runs, text)]))

    @property
    def run(self) -> RunSnapshot | None:
        """The run under the cursor."""
        row = self.row
        return self.by_id(row["id"]) if row else None

    def by_id(self, run_id: Any) -> RunSnapshot | None:
        """The run with this id; None where it is no longer there."""
        return next((run for run in self._runs if run.id == run_id), None)

    @property
    def chart_runs(self) -> Sequence[RunSnapshot]:
        """The runs for the charts: those that are marked, in the order of their marks, and the one under the cursor."""
        run = self.run
        under_cursor = [run] if run is not None and run.id not in self.marks else []
        return [*(run for run in map(self.by_id, self.marks) if run is not None), *under_cursor]

    def toggle_mark(self) -> None:
        """Mark the run under the cursor, or remove its mark."""
        run = self.run
        if run is None:
            return
        if run.id in self.marks:
            self.marks.remove(run.id)
        else:
            self.marks.append(run.id)

    def clear_marks(self) -> None:
        """Remove all marks."""
        self.marks.clear()
