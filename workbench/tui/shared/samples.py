"""All samples of a split as a table: what they are, and what the chosen run predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from workbench.tui.shared.predictions import predictions

if TYPE_CHECKING:
    import polars as pl

    from workbench.present.colours import Palette
    from workbench.tui.shell.session import Session
    from workbench.tui.widgets.table.backend import Column


def samples_frame(session: Session, split: str) -> pl.DataFrame:
    """All samples of a split: row, class, path, metadata; with a run, what it predicted."""
    import polars as pl

    store = session.store
    assert store is not None
    frame = store.split(split).frame.collect().with_row_index("row")
    names = pl.Series("class", store.classes)
    frame = frame.with_columns(names.gather(frame["label"]).alias("class"), pl.col("row").cast(pl.Int64)).drop("label")
    if frame["path"].null_count() == frame.height:
        frame = frame.drop("path")
    predicted = predictions(session, split)
    if predicted is not None and predicted.height == frame.height:
        frame = frame.with_columns(
            names.gather(predicted["predicted"]).alias("predicted"),
            predicted["confidence"].alias("confidence"),
            predicted["correct"].alias("correct"),
        )
    first = [name for name in ("row", "class", "predicted", "correct", "confidence", "path") if name in frame.columns]
    return frame.select(*first, pl.exclude(first))


def sample_columns(frame: pl.DataFrame, palette: Palette) -> list[Column]:
    """How samples are shown."""
    from workbench.tui.widgets.table.backend import Column

    def correct(value: Any, _row: Any) -> Text:
        good = bool(value)
        return Text("yes" if good else "no", style=palette.muted if good else palette.severities["error"])

    special = {
        "row": Column("row"),
        "class": Column("class", most=24),
        "predicted": Column("predicted", most=24),
        "correct": Column("correct", cell=correct, width=7),
        "confidence": Column("confidence", "conf.", percent=True),
        "path": Column("path", keep_end=True, most=44),
    }
    return [special.get(name, Column(name, most=24)) for name in frame.columns]
