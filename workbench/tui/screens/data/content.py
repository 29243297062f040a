"""What the Data screen shows, as frames and texts: functions of the session, without widgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.present.colours import Palette
from workbench.present.numbers import duration, number, size
from workbench.present.terminal import bar, clean, interval, shorten, split_label
from workbench.text import counted, one_line
from workbench.tui.shell.session import Session

if TYPE_CHECKING:
    import polars as pl

    from workbench.features.checks import Check
    from workbench.features.progress import IngestProgress
    from workbench.features.store import Store
    from workbench.features.summary import FeatureColumns
    from workbench.tui.shell.jobs import Job
    from workbench.tui.widgets.table.backend import Column

BALANCE_WIDTH = 12


def reading_text(progress: IngestProgress, palette: Palette) -> Text:
    """What is being read, and how fast."""
    rate = progress.done_bytes / max(progress.seconds, 1e-6)
    text = Text("Reading the feature files\n\n", style=f"bold {palette.strong}")
    text.append_text(split_label(progress.split, palette))
    text.append(f"  {counted(progress.rows, 'row')}", style=palette.text)
    text.append(f"   {size(progress.done_bytes)} of {size(progress.total_bytes)}   {size(rate)}/s", style=palette.muted)
    hint = "This happens only once; the next start opens the stored features."
    if progress.fraction >= 1:
        hint = "All rows have been read; waiting for them to be written to disk."
    text.append(f"\n\n{hint} ", style=palette.muted).append("esc", style=f"bold {palette.strong}")
    return text.append(" to stop.", style=palette.muted)


def phase_words(session: Session) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What the screen shows while there is no store: title, text, keys."""
    if session.phase == "failed":
        return "the feature files cannot be used", session.error, (("r", "reload"), ("q", "quit"))
    if session.phase == "stopped":
        text = "nothing was changed in the store"
        return "reading was stopped", text, (("r", "read the files"), ("q", "quit"))
    if session.waiting:
        return session.waiting, "the features are opened here afterwards", (("esc", "stop waiting"), ("q", "quit"))
    return "opening the store ...", "", ()


def facts_line(store: Store, session: Session) -> Text:
    """The facts about the whole feature set, and, on a separate line, that its files are missing."""
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
        warning = f"feature files not found; showing the store created on {manifest.created[:10]}"
        text.append(f"\n{warning}", style=palette.severities["warning"])
    return text


def splits_frame(store: Store, session: Session) -> pl.DataFrame:
    """One row per split: rows, classes present, samples per class, test-set evaluations."""
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
                "min": int(seen.min()) if len(seen) else 0,
                "median": float(np.median(seen)) if len(seen) else 0.0,
                "max": int(seen.max()) if len(seen) else 0,
                "evaluations": session.looks.get(name, 0) if name != "train" else None,
                "role": _role_words(name, session),
            }
        )
    return pl.DataFrame(rows, schema_overrides={"evaluations": pl.Int64})


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
        top = float(row["max"]) or 1.0
        return interval(
            float(row["median"]), (float(row["min"]), top), 0.0, top, BALANCE_WIDTH, colour, palette.faint,
            palette.mark(str(row["split"])),
        )  # fmt: skip

    def evaluations(value: Any, _row: Any) -> Text:
        return Text("" if value is None else f"{value:,}")

    return [
        Column("split", cell=name, most=20),
        Column("role", "", style=palette.muted, most=18),
        Column("rows"),
        Column("min"),
        Column("median", digits=0),
        Column("max"),
        Column("evaluations", cell=evaluations, right=True),
        Column("balance", "0 … max", cell=balance, width=BALANCE_WIDTH),
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


def of_class(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The samples of one class."""
    import polars as pl

    return frame.filter(pl.col("class") == name)


# ---- checks

COLOURS = {"error": "error", "warning": "warning", "ok": "good"}
COLUMNS = ("kind", "severity", "title", "saw", "why", "todo")


class Subject(NamedTuple):
    """What an answer to the slow checks is about."""

    fingerprint: str | None
    pair: tuple[str, ...]
    run_id: str | None


def subject_of(session: Session) -> Subject:
    """What the data checks are about."""
    store, run = session.store, session.run
    return Subject(store.fingerprint if store is not None else None, session.pair, run.id if run is not None else None)


def read_checks(blocks: Iterable[Any]) -> tuple[Check, ...]:
    """The findings in the answer of the analysis `checks`; raises ValueError when it holds none."""
    from workbench.api import Table as TableBlock
    from workbench.features.checks import Check

    table = next((block for block in blocks if isinstance(block, TableBlock)), None)
    if table is None:
        raise ValueError("the answer has no table of findings")
    rows = table.frame.select(*COLUMNS).fill_null("").rows()
    return tuple(Check(*row) for row in rows)


def checks_title(checks: tuple[Check, ...] | None, complete: bool) -> str:
    """The panel's title: how many findings, and whether of all checks."""
    if checks is None:
        return "Checks (running ...)"
    findings = sum(check.severity != "ok" for check in checks)
    title = f"Checks: {counted(findings, 'finding')}" if findings else "Checks: no findings"
    return title if complete else f"{title}; c for all"


def notes_of(session: Session) -> list[str]:
    """The notices of reading the files, and whether the files are missing."""
    store = session.store
    if store is None:
        return []
    gone = [f"feature files not found; showing the store created on {store.manifest.created[:10]}"]
    return (gone if session.sources_missing else []) + list(store.manifest.notices)


def findings(
    checks: tuple[Check, ...] | None, notes: list[str], palette: Palette, *, full: bool = False
) -> RenderableType:
    """The findings, the most severe first: what was seen and, unless ok (or `full`), why it matters and what to do."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for check in checks or ():
        colour = palette.severities[COLOURS[check.severity]]
        parts: list[RenderableType] = [
            Text(clean(check.title), style=f"bold {palette.text}"),
            Text(one_line(check.saw), style=palette.text, overflow="fold"),
        ]
        if check.severity != "ok" or full:
            words = Table.grid(padding=(0, 1))
            for label, text in (("why", check.why), ("fix", check.todo)):
                if text:
                    words.add_row(
                        Text(label, style=palette.muted), Text(one_line(text), style=palette.muted, overflow="fold")
                    )
            parts += [words] if words.row_count else []
        finding = Padding(Group(*parts), (0, 0, 1, 0)) if full else Group(*parts)
        table.add_row(Text(check.severity, style=f"bold {colour}"), finding)
    for note in notes:
        table.add_row(
            Text("note", style=f"bold {palette.muted}"), Text(one_line(note), style=palette.text, overflow="fold")
        )
    if checks is None:
        table.add_row("", Text("checking ...", style=palette.muted))
    return table


def state_text(slow: tuple[Check, ...] | None, job: Job | None, palette: Palette) -> Text:
    """Which checks were run, and the keys for the others."""
    text = Text(style=palette.muted)

    def key(name: str, what: str) -> None:
        text.append("   ").append(name, style=f"bold {palette.strong}").append(f" {what}")

    if job is not None and not job.over:
        text.append("quick checks below; checking labels and leakage")
        key("x", "stop")
        return text
    if slow is not None:
        fresh = job is not None and not job.cached
        text.append(f"all checks, done in {duration(job.seconds)}" if fresh and job else "all checks, from the cache")
        if any(check.kind == "leakage" and check.severity != "ok" for check in slow):
            key("d", "list the duplicate samples")
        return text
    if job is not None and job.state in ("failed", "cancelled"):
        failed = job.state == "failed"
        text.append("the slow checks " + (f"failed: {one_line(job.error)}" if failed else "were stopped"))
        key("⏎", "run again")
        return text
    text.append("quick checks; labels and leakage not checked yet (reads all features)")
    key("⏎", "check")
    return text


# ---- features


def feature_columns(frame: pl.DataFrame, palette: Palette) -> list[Column]:
    """How the table of features is shown."""
    from workbench.tui.widgets.table.backend import Column, digits_for

    def constant(value: Any, _row: Mapping[str, Any]) -> Text:
        return Text("constant" if value else "", style=palette.severities["warning"])

    spread = digits_for(frame.get_column("sd"))
    columns = [Column("feature", most=24, style=palette.text)]
    columns += [Column(name, digits=spread) for name in ("min", "max", "mean", "sd")]
    return columns + ([Column("constant", " ", cell=constant, width=8)] if frame.get_column("constant").any() else [])


def numbers_table(feature: FeatureColumns, palette: Palette, width: int) -> Table:
    """Statistics of the feature, one column per split."""
    from workbench.tui.shared.feature import decimals

    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", *("right" for _ in feature.columns)):
        table.add_column(justify=justify, no_wrap=True)  # type: ignore[arg-type]
    room = max(4, (width - 8) // max(len(feature.columns), 1) - 2)
    sds = [column.sd for column in feature.columns if column.sd > 0]
    digits = decimals(min(sds) if sds else None, min(column.used for column in feature.columns))
    heads = [
        Text(shorten(f"{palette.mark(c.split)} {c.split}", room), style=palette.split(c.split)) for c in feature.columns
    ]
    table.add_row("", *heads)
    for name, values in (
        ("mean", [column.mean for column in feature.columns]),
        ("sd", [column.sd for column in feature.columns]),
        ("min", [column.low for column in feature.columns]),
        ("max", [column.high for column in feature.columns]),
        ("rows", [column.rows for column in feature.columns]),
    ):
        texts = [number(value, digits) if isinstance(value, float) else number(value) for value in values]
        table.add_row(Text(name, style=palette.muted), *(Text(text) for text in texts))
    return table


def sampled_words(feature: FeatureColumns, most: int) -> str:
    """What is said when not all rows were read, but at most `most` of a split; empty when they were."""
    if all(column.used == column.rows for column in feature.columns):
        return ""
    return f"from a random sample of at most {most:,} rows per split; min and max of all rows"
