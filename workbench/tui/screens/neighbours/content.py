"""What the Neighbours screen shows, as frames and texts: functions of the session and the answer, without widgets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
from rich.cells import cell_len
from rich.text import Text

from workbench.present.numbers import percent
from workbench.present.terminal import bar, shorten, split_label
from workbench.tui.shared.predictions import said_words
from workbench.tui.widgets.table.backend import Column

if TYPE_CHECKING:
    from workbench.features.store import Store
    from workbench.present.colours import Palette
    from workbench.tui.shell.jobs import Job
    from workbench.tui.shell.session import Session

SAME, OTHER = "✓ same", "other"
NEAR_WIDTH = 8


@dataclass(frozen=True)
class Query:
    """Whose neighbours, where: the parameters of the analysis `neighbours`."""

    split: str
    row: int
    into: str
    k: int
    metric: str

    @property
    def params(self) -> dict[str, Any]:
        return asdict(self)


def sample_of(session: Session) -> tuple[str, int] | None:
    """The selected sample, if there is one that the store holds."""
    store, split, row = session.store, session.selection.split, session.selection.row
    if store is None or split is None or split not in store.splits or row is None:
        return None
    return (split, row) if 0 <= row < store.split(split).rows else None


class Subject(NamedTuple):
    """What an answer is about."""

    store: Store
    query: Query


@dataclass(frozen=True)
class Answer:
    """The neighbours, a row each, and `label`, the class index of the sample that they are neighbours of."""

    frame: pl.DataFrame
    label: int


def read_answer(job: Job, about: Subject, predictions: pl.DataFrame | None = None) -> Answer:
    """The neighbours of an answer; raises ValueError when it holds none.

    The frame has `rank`, `class`, `agreement`, `distance`, `split`, `row`, `path` and `index`, the class index of the
    neighbour. `said`, what a run predicted on the split that was searched, gives the column `predicted` in words.
    """
    store = about.store
    label = int(store.split(about.query.split).labels[about.query.row])
    return Answer(_neighbours_frame(job, store, label, predictions), label)


def _neighbours_frame(job: Job, store: Store, label: int, predictions: pl.DataFrame | None) -> pl.DataFrame:
    from workbench.api import Table

    table = next(
        (block.frame for block in job.blocks if isinstance(block, Table) and block.title == "neighbours"), None
    )
    if table is None:
        raise ValueError("the answer has no table called neighbours")
    # By row: labels that are text come back without the control characters that they have in the store.
    indices = [int(store.split(split).labels[row]) for split, row in table.select("split", "row").iter_rows()]
    frame = table.select("rank", "split", "row", "path", "distance").with_columns(
        pl.Series("index", indices, dtype=pl.Int64),
        pl.Series("class", [store.classes[index] for index in indices], dtype=pl.String),
        pl.Series("agreement", [SAME if index == label else OTHER for index in indices], dtype=pl.String),
    )
    if predictions is None:
        return frame
    picked = predictions[frame["row"].to_list()].rows(named=True)
    return frame.with_columns(pl.Series("predicted", [said_words(row, store) for row in picked], dtype=pl.String))


def distance_digits(frame: pl.DataFrame) -> int:
    """Decimals that give the farthest neighbour four significant digits: float32 sums hold no more."""
    far = frame["distance"].max() if frame.height else None
    if not isinstance(far, int | float) or not math.isfinite(far) or far <= 0:
        return 4
    return min(max(0, 3 - math.floor(math.log10(far))), 6)


def neighbour_columns(frame: pl.DataFrame, palette: Palette, *, drawn: bool) -> list[Column]:
    """How neighbours are shown; `drawn` adds a bar of the distance, for which narrow screens have no room."""
    far = float(frame["distance"].max() or 0.0) if frame.height else 0.0  # type: ignore[arg-type]
    good, other = palette.severities["good"], palette.severities["warning"]

    def agreement(value: Any, _row: Mapping[str, Any]) -> Text:
        return Text(str(value), style=good if value == SAME else other)

    def split(value: Any, _row: Mapping[str, Any]) -> Text:
        return split_label(str(value), palette, bold=False)

    def near(_value: Any, row: Mapping[str, Any]) -> Text:
        share = float(row["distance"]) / far if far > 0 else 0.0
        return bar(share, NEAR_WIDTH, palette.muted, palette.faint)

    columns = [
        Column("rank"),
        Column("class", most=24),
        Column("agreement", "agrees", cell=agreement, width=6),
        Column("distance", digits=distance_digits(frame)),
        *([Column("far", "0 … max", cell=near, width=NEAR_WIDTH)] if drawn else []),
        Column("row"),
        Column("path", keep_end=True, most=40, style=palette.muted),
        Column("split", cell=split, most=20),
        *([Column("predicted", most=30)] if "predicted" in frame.columns else []),
    ]
    # Feature files without a column of paths have none to show.
    return [column for column in columns if column.name != "path" or frame["path"].null_count() < frame.height]


def question_line(query: Query, session: Session) -> Text:
    """`◆ test2 row 12  →  20 nearest in ■ train, cosine`."""
    palette = session.palette
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append_text(split_label(query.split, palette)).append(f" row {query.row:,}", style=palette.text)
    text.append("  →  ", style=palette.muted).append(f"{query.k:,} nearest", style=palette.text)
    text.append(" in ", style=palette.muted).append_text(split_label(query.into, palette))
    return text.append(f" by {query.metric} distance", style=palette.muted)


def agreement_line(frame: pl.DataFrame, label: int, store: Store, palette: Palette, width: int) -> Text:
    """How many of the neighbours are of the query's class, each in order of rank, and the classes they are of."""
    same = (frame["index"] == label).to_list()
    text = Text(no_wrap=True, overflow="ellipsis")
    if not same:
        return text.append("no neighbours", style=palette.muted)
    text.append("same class ", style=palette.muted)
    text.append(f"{sum(same)} of {len(same)}", style=f"bold {palette.strong}")
    text.append(f" ({percent(sum(same) / len(same), digits=0)})  ", style=palette.text)
    if len(same) <= min(30, width - 50):
        for one in same:
            colour = palette.severities["good"] if one else palette.severities["warning"]
            text.append("✓" if one else "·", style=colour)
        text.append("  ")
    counts = frame["index"].value_counts(sort=True).rows()
    counts.sort(key=lambda entry: (-entry[1], entry[0]))
    parts = [f"{shorten(store.classes[index], 18)} {count}" for index, count in counts]
    shown = len(parts)
    while shown > 1 and text.cell_len + cell_len(_listed(parts, shown)) > width:
        shown -= 1
    return text.append(_listed(parts, shown), style=palette.muted)


def _listed(parts: Sequence[str], shown: int) -> str:
    more = [f"{len(parts) - shown} more"] if shown < len(parts) else []
    return ", ".join([*parts[:shown], *more])
