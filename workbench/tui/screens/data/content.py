"""What the Data screen shows, as frames and texts: functions of the session, without widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from workbench.text import counted
from workbench.tui.formats import bar, clean, interval, size, split_label
from workbench.tui.shared.predictions import predictions
from workbench.tui.shell.session import Session
from workbench.tui.theme import Palette

if TYPE_CHECKING:
    import polars as pl
    from textual.screen import Screen

    from workbench.features.store import Store
    from workbench.tui.widgets.table.backend import Column

BALANCE_WIDTH = 12


def tell_reading(screen: Screen[Any], session: Session) -> None:
    """Progress of reading the feature files."""
    from textual.widgets import Static

    from workbench.tui.widgets.states import ProgressLine

    progress, palette = session.progress, session.palette
    if progress is None:
        return
    rate = progress.done_bytes / max(progress.seconds, 1e-6)
    text = Text("Reading the feature files\n\n", style=f"bold {palette.strong}")
    text.append_text(split_label(progress.split, palette))
    text.append(f"  {counted(progress.rows, 'row')}", style=palette.text)
    text.append(f"   {size(progress.done_bytes)} of {size(progress.total_bytes)}   {size(rate)}/s", style=palette.muted)
    told = "Once only: the next start opens what this one makes."
    if progress.fraction >= 1:
        told = "All rows are read; waiting until the disk has them."
    text.append(f"\n\n{told} ", style=palette.muted).append("esc", style=f"bold {palette.strong}")
    text.append(" stops.", style=palette.muted)
    screen.query_one("#reading-text", Static).update(text)
    line = screen.query_one(ProgressLine)
    line.tell(progress.fraction, "", palette=palette, remaining=progress.remaining)


def phase_words(session: Session) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What stands on the screen while there is no store to show: title, text, keys."""
    if session.phase == "failed":
        return "the feature files cannot be used", session.error, (("r", "read again"), ("q", "leave"))
    if session.phase == "stopped":
        text = "nothing was changed; the store is as it was"
        return "reading was stopped", text, (("r", "read the files"), ("q", "leave"))
    if session.waiting:
        return session.waiting, "what it reads is opened here then", (("esc", "stop waiting"), ("q", "leave"))
    return "opening the store ...", "", ()


def facts_line(store: Store, session: Session) -> Text:
    """The facts about the whole feature set, and, on a line of its own, that its files are gone."""
    manifest, palette = store.manifest, session.palette
    dtype = manifest.dtype
    if manifest.rounding_error:
        dtype += f", rounded by at most {manifest.rounding_error:.2g}"
    elif dtype == "float16":
        dtype += ", which holds every value exactly"
    validation = session.workspace.config.validation
    parts = [
        f"D = {store.dim:,} features",
        dtype,
        f"{len(store.classes):,} classes",
        f"val: {100 * validation.fraction:g} % of train, seed {validation.seed}",
    ]
    in_place = [split.name for split in store.splits.values() if split.info.in_place]
    if in_place:
        parts.append(f"used in place: {clean(', '.join(in_place))}")
    text = Text(" · ".join(parts))
    if session.sources_missing:
        told = f"the feature files are gone; this is the store read from them on {manifest.created[:10]}"
        text.append(f"\n{told}", style=palette.severities["warning"])
    return text


def splits_frame(store: Store, session: Session) -> pl.DataFrame:
    """One row a split: rows, classes seen, samples a class, looks."""
    import polars as pl

    rows = []
    for name, split in store.splits.items():
        counts = np.array(split.info.class_counts)
        seen = counts[counts > 0]
        rows.append(
            {
                "split": name,
                "rows": split.rows,
                "classes": len(seen),
                "least": int(seen.min()) if len(seen) else 0,
                "median": float(np.median(seen)) if len(seen) else 0.0,
                "most": int(seen.max()) if len(seen) else 0,
                "looks": session.looks.get(name, 0) if name != "train" else None,
                "role": _role_words(name, session),
            }
        )
    return pl.DataFrame(rows, schema_overrides={"looks": pl.Int64})


def _role_words(name: str, session: Session) -> str:
    if name in session.pair:
        return f"test set {session.pair.index(name) + 1}"
    return "train and val" if name == "train" else "not compared"


def split_columns(palette: Palette, complete: bool) -> list[Column]:
    """How the table of splits is shown; `complete` when every split has every class."""
    from workbench.tui.widgets.table.backend import Column

    def name(value: Any, _row: Any) -> Text:
        return split_label(str(value), palette)

    def balance(_value: Any, row: Any) -> Text:
        colour = palette.split(str(row["split"]))
        top = float(row["most"]) or 1.0
        return interval(
            float(row["median"]), (float(row["least"]), top), 0.0, top, BALANCE_WIDTH, colour, palette.faint,
            palette.mark(str(row["split"])),
        )  # fmt: skip

    def looks(value: Any, _row: Any) -> Text:
        return Text("" if value is None else f"{value:,}")

    return [
        Column("split", cell=name, most=20),
        Column("role", "", style=palette.muted, most=18),
        Column("rows"),
        Column("least"),
        Column("median", digits=0),
        Column("most"),
        Column("looks", cell=looks, right=True),
        Column("balance", "0 … most", cell=balance, width=BALANCE_WIDTH),
    ] + ([] if complete else [Column("classes")])


def classes_frame(store: Store) -> pl.DataFrame:
    """One row a class: its samples in each split."""
    import polars as pl

    columns: dict[str, Any] = {"label": [str(value) for value in store.label_values], "class": store.classes}
    for name, split in store.splits.items():
        columns[f"in {name}"] = np.array(split.info.class_counts, dtype=np.int64)
    frame = pl.DataFrame(columns)
    return frame.drop("label") if columns["label"] == list(store.classes) else frame


def class_columns(store: Store, palette: Palette, bars: int) -> list[Column]:
    """How the table of classes is shown: a bar of `bars` cells and the count for train, counts for the test sets."""
    from workbench.tui.widgets.table.backend import Column

    columns = [Column("label", most=12), Column("class", most=28)]
    for name, split in store.splits.items():
        most = max(split.info.class_counts, default=1) or 1
        columns.append(
            Column(
                f"in {name}", name, cell=_bar_cell(most, palette.split(name), palette, bars if name == "train" else 0)
            )
        )
    return columns


def _bar_cell(most: int, colour: str, palette: Palette, width: int) -> Any:
    digits = len(f"{most:,}")

    def cell(value: Any, _row: Any) -> Text:
        text = bar(int(value) / most, width, colour) if width else Text()
        return text.append(f"{' ' if width else ''}{int(value):>{digits},}", style=colour if value else palette.faint)

    return cell


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


def of_class(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The samples of one class."""
    import polars as pl

    return frame.filter(pl.col("class") == name)


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
