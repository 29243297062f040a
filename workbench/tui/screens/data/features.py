"""Features on the Data screen: range, mean and spread of each, and the histogram of one in each split."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import Static

from workbench.features.store import TRAIN, Store
from workbench.features.summary import FeatureList, list_features
from workbench.present.terminal import clean
from workbench.tui.screens.data import content
from workbench.tui.screens.data.messages import FeaturesListed
from workbench.tui.shared.feature import FeatureReader, histogram_chart
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.session import Session
from workbench.tui.widgets.chart import ChartView
from workbench.tui.widgets.table.panel import TablePanel

DRAWN = 50_000  # rows of a split from which a histogram is drawn at most


class FeaturesView(Alive, Container):
    """The table of features, and the one under the cursor in train and the two test sets that are compared."""

    DEFAULT_CSS = """
    FeaturesView { layout: vertical; }
    FeaturesView #features-box { height: 1fr; min-height: 5; }
    FeaturesView #feature-box { layout: horizontal; height: 12; }
    FeaturesView #feature-chart { width: 1fr; height: 1fr; min-height: 5; }
    FeaturesView #feature-side { width: 38; height: auto; margin-left: 2; }
    FeaturesView #feature-numbers, FeaturesView #feature-note { width: 1fr; height: auto; }
    FeaturesView #feature-note { color: $muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session: Session | None = None
        self._list: FeatureList | None = None
        self._reader = FeatureReader(self, self.show_feature, most=DRAWN)
        self._log = False

    def compose(self) -> ComposeResult:
        with Vertical(id="features-box", classes="panel"):
            yield TablePanel(id="features-table", noun="feature")
        with Container(id="feature-box", classes="panel"):
            yield ChartView(id="feature-chart")
            with Vertical(id="feature-side"):
                yield Static(id="feature-numbers", markup=False)
                yield Static(id="feature-note", markup=False)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that are drawn: train and the pair."""
        return (TRAIN, *self._session.pair[:2]) if self._session else ()

    def open(self, session: Session) -> None:
        """Show the features of the session's store."""
        store = session.store
        self._session = session
        if store is None:
            return
        if self._list is None or self._list.fingerprint != store.fingerprint:
            self.query_one("#features-box").border_title = "Features (reading ...)"
            self._read_list(store)
        else:
            self._fill()
            self.follow(session.selection.feature)

    @work(thread=True, exclusive=True, group="list", exit_on_error=False)
    def _read_list(self, store: Store) -> None:
        self.post_message(FeaturesListed(list_features(store)))

    def on_features_listed(self, event: FeaturesListed) -> None:
        event.stop()
        self._list = event.features
        self._fill()
        self.follow(self._session.selection.feature if self._session else None)

    def _fill(self) -> None:
        session, listed = self._session, self._list
        if session is None or session.store is None or listed is None:
            return
        box = self.query_one("#features-box")
        box.border_title = Text("Features in train", style=session.palette.split(TRAIN))
        of = session.store.train.rows
        note = f"mean, sd of {listed.rows:,} rows" if listed.rows < of else ""
        panel = self.query_one("#features-table", TablePanel)
        panel.load(listed.frame, content.feature_columns(listed.frame, session.palette), key="index", note=note)
        self.show_feature()

    @property
    def row(self) -> dict[str, Any] | None:
        """The feature under the cursor."""
        return self.query_one("#features-table", TablePanel).row

    def follow(self, feature: int | None) -> None:
        """Put the cursor on the selected feature, wherever it was selected."""
        row = self.row
        if feature is not None and row is not None and row["index"] != feature:
            self.query_one("#features-table", TablePanel).select_where("index", feature)

    def turn_log(self) -> None:
        """Shares on a logarithmic axis, or back on a plain one."""
        self._log = not self._log
        self.show_feature()

    def show_feature(self) -> None:
        """Show the feature under the cursor, once it has been read."""
        row, session = self.row, self._session
        if row is None or session is None or session.store is None:
            return
        self.query_one("#feature-box").border_title = Text(f"Feature {clean(row['feature'])}")
        feature = self._reader.get(session.store, self.splits, row["index"])
        if feature is None:
            return
        lines, axes = histogram_chart(feature, str(row["feature"]), session.palette, log=self._log)
        self.query_one("#feature-chart", ChartView).set(lines, axes, session.palette)
        side = self.query_one("#feature-side")
        numbers = content.numbers_table(feature, session.palette, side.size.width or 38)
        self.query_one("#feature-numbers", Static).update(numbers)
        self.query_one("#feature-note", Static).update(content.sampled_words(feature, DRAWN))

    def on_resize(self) -> None:
        self.show_feature()
