"""The list of runs: its filter is the language of `runs.matching`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.errors import BadInput
from workbench.tui.screens.train import content as train_parts
from workbench.tui.shared.runs import RunColours
from workbench.tui.shell.session import Session
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot


class RunsPanel(TablePanel):
    """The runs of the workspace, some of them marked: those are drawn over one another and compared."""

    help_text = (
        "Runs: space marks, * stars, t tags. / filters by settings and results: head:nn1 lr>=1e-4 val>0.8, "
        "state:finished, tag:good, starred, -state:failed, or any word of a run's name."
    )

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, noun="run")
        self._filter.placeholder = "head:nn1 lr>=1e-4 val>0.8 state:finished tag:good starred"
        self._session: Session | None = None
        self._matching: set[str] = set()
        self.marked: list[str] = []
        self.colours = RunColours()

    def show(self, session: Session, width: int) -> None:
        """List the session's runs."""
        known = {run.id for run in session.runs or ()}
        self.marked = [run_id for run_id in self.marked if run_id in known]
        self._session = session
        frame = train_parts.runs_frame(session, self.marked)
        marked = f"{len(self.marked)} marked" if self.marked else ""
        self.load(frame, train_parts.run_columns(session, width, self.colours), key="id", note=marked)

    def matching(self, frame: pl.DataFrame, text: str) -> pl.DataFrame:
        """The rows that the filter means; while it cannot be read, those that it meant before, and why."""
        from workbench import runs

        assert self._session is not None
        self._note = f"{len(self.marked)} marked" if self.marked else ""
        try:
            found = runs.matching(self._session.runs or (), text)
        except BadInput as error:
            self._note = str(error)
            return frame.filter(pl.col("id").is_in(list(self._matching)))
        self._matching = {run.id for run in found}
        return frame.filter(pl.col("id").is_in(list(self._matching)))

    def action_filter(self) -> None:
        self._matching = {run.id for run in (self._session.runs if self._session else None) or ()}
        super().action_filter()

    @property
    def run(self) -> RunSnapshot | None:
        """The run under the cursor."""
        row = self.row
        return self.by_id(row["id"]) if row else None

    def by_id(self, run_id: Any) -> RunSnapshot | None:
        return next((run for run in (self._session.runs if self._session else None) or () if run.id == run_id), None)

    @property
    def marked_runs(self) -> Sequence[RunSnapshot]:
        """The marked runs, in the order in which they were marked."""
        return [run for run in map(self.by_id, self.marked) if run is not None]

    @property
    def drawn_runs(self) -> Sequence[RunSnapshot]:
        """What the charts show: the marked runs, and the one under the cursor."""
        run = self.run
        return [*self.marked_runs, *([run] if run is not None and run.id not in self.marked else [])]

    def turn_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away."""
        run = self.run
        if run is not None:
            self.marked = (
                [other for other in self.marked if other != run.id] if run.id in self.marked else [*self.marked, run.id]
            )
