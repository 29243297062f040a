"""The feature under a cursor: read once the cursor rests on it, and drawn as one histogram a split."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from textual.timer import Timer
from textual.widget import Widget

from workbench.features.store import Store
from workbench.features.summary import FeatureColumns, read_feature
from workbench.present.colours import Palette
from workbench.present.terminal import clean
from workbench.tui.widgets.chart import Axes, Line

PAUSE = 0.06  # seconds that the cursor rests on a feature before it is read
CACHED = 200  # features whose histograms are kept

Key = tuple[str, tuple[str, ...], int]


class FeatureReader:
    """Reads the feature that was asked for last, in a thread, and keeps those read before.

    Not a question to the worker: that would wait behind whatever analysis is at work there, for minutes maybe, and
    would make a job of every move of the cursor. The bins are those of the analysis nevertheless.
    """

    def __init__(self, owner: Widget, changed: Callable[[], None], *, most: int | None = None) -> None:
        """`changed()` is called when a feature has been read, of at most `most` rows of each split (None: all)."""
        self._owner = owner
        self._changed = changed
        self._most = most
        self._cache: OrderedDict[Key, FeatureColumns] = OrderedDict()
        self._rest: Timer | None = None

    def get(self, store: Store, splits: Sequence[str], index: int) -> FeatureColumns | None:
        """The feature in these splits; None while it is being read, `changed()` follows then."""
        key = (store.fingerprint, tuple(splits), index)
        if self._rest is not None:
            self._rest.stop()
            self._rest = None
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        self._rest = self._owner.set_timer(PAUSE, partial(self._start, store, key))
        return None

    def _start(self, store: Store, key: Key) -> None:
        self._rest = None
        self._owner.run_worker(
            partial(self._read, store, key), group="feature", exclusive=True, thread=True, exit_on_error=False
        )

    def _read(self, store: Store, key: Key) -> None:
        _, splits, index = key
        columns = read_feature([store.splits[name] for name in splits], index, most=self._most)
        self._owner.call_later(self._take, key, columns)

    def _take(self, key: Key, columns: FeatureColumns) -> None:
        self._cache[key] = columns
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        self._changed()


def histogram_chart(feature: FeatureColumns, name: str, palette: Palette, *, log: bool) -> tuple[list[Line], Axes]:
    """A histogram as steps for each split, in its colour and named; `log` is the axis of the shares."""
    lines = [
        Line(f"{palette.mark(column.split)} {clean(column.split)}",
             feature.edges if column.shares.size else column.shares, column.shares, palette.split(column.split))
        for column in feature.columns
    ]  # fmt: skip
    top = max((float(column.shares.max(initial=0.0)) for column in feature.columns), default=0.0)
    y_range = None if log or not top else (0.0, 1.05 * top)
    label = "fraction of samples" + (", log" if log else "")
    return lines, Axes("", clean(name), label, "steps", percent=not log, log_y=log, y_range=y_range)


def decimals(sd: float | None, rows: int) -> int | None:
    """Decimals that a mean over `rows` values justifies: two significant digits of its standard error."""
    if sd is None or not sd > 0 or rows < 2:
        return None
    return int(min(max(1 - math.floor(math.log10(sd / math.sqrt(rows))), 0), 8))
