"""What the Train screen shows of runs, as frames and texts: functions of the session, without widgets."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from rich.text import Text

from workbench.present.colours import Palette
from workbench.present.numbers import duration, number, p_value, percent
from workbench.present.terminal import clean, interval, shorten
from workbench.text import one_line
from workbench.tui.shared.runs import RunColours, short_name, start_time, state_label
from workbench.tui.shell.session import Session
from workbench.tui.widgets.form import as_text

if TYPE_CHECKING:
    import polars as pl

    from workbench.api import Metric
    from workbench.features.store import Store
    from workbench.runs import RunSnapshot
    from workbench.tui.widgets.table.backend import Column

AXIS_WIDTH = 30  # cells of the axis on which the intervals of runs are drawn
WIDE, WIDEST = 96, 118  # cells from which there is room for the start of a run, and for its intervals

# ---- the list of runs


def runs_frame(session: Session, marks: Collection[str] = ()) -> pl.DataFrame:
    """One row a run, newest first, with numbers as numbers, so that columns sort; `marks` are ids of runs."""
    import polars as pl

    rows = [_run_row(run, session, marks) for run in session.runs or ()]
    ends = ("low1", "high1", "low2", "high2")
    floats = dict.fromkeys(("val", "gap", "test1", "test2", "seconds", "started", *ends), pl.Float64)
    schema: dict[str, Any] = {
        "id": pl.String, "chosen": pl.Boolean, "marked": pl.Boolean, "starred": pl.Boolean, "tags": pl.String,
        "run": pl.String, "state": pl.String, "epoch": pl.Int64, "epochs": pl.Int64, "n1": pl.Int64, "n2": pl.Int64,
        **floats,
    }  # fmt: skip
    return pl.DataFrame(rows, schema_overrides=schema) if rows else pl.DataFrame(schema=schema)


def _run_row(run: RunSnapshot, session: Session, marks: Collection[str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": run.id,
        "chosen": run.id == session.run_id,
        "marked": run.id in marks,
        "starred": run.starred,
        "tags": " ".join(run.tags),
        "run": short_name(run),
        "state": run.state,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "started": run.created,
        "seconds": run.seconds,
        "val": run.val_accuracy,
        "gap": run.gap.value if run.gap else None,
    }
    for place in (1, 2):
        scores = run.tests.get(session.pair[place - 1]) if len(session.pair) >= place else None
        row[f"test{place}"] = scores.accuracy if scores else None
        row[f"n{place}"] = scores.n if scores else None
        row[f"low{place}"], row[f"high{place}"] = (scores and scores.ci) or (None, None)
    return row


def run_columns(session: Session, width: int, colours: RunColours) -> list[Column]:
    """How the list of runs is shown in `width` cells; marked runs have the colour of their curves."""
    from workbench.tui.widgets.table.backend import Column

    palette = session.palette

    def name(value: Any, row: Any) -> Text:
        text = Text("━" if row["marked"] else " ", style=f"bold {colours.of(row['id'], palette)}")
        text.append("▸ " if row["chosen"] else "  ", style=f"bold {palette.strong}")
        text.append(shorten(value, 22), style=f"bold {palette.strong}" if row["chosen"] else palette.text)
        return text.append(" ★" if row["starred"] else "", style=f"bold {palette.strong}")

    def state(value: Any, _row: Any) -> Text:
        return state_label(value, palette)

    def epoch(value: Any, row: Any) -> Text:
        return Text(f"{value:,}/{row['epochs']:,}")

    def muted(format_value: Any) -> Any:
        return lambda value, _row: Text(format_value(value), style=palette.muted)

    columns = [
        Column("run", cell=name),
        Column("state", cell=state),
        Column("epoch", cell=epoch, right=True),
        *accuracy_columns(session),
        Column("seconds", "time", cell=muted(duration), right=True),
    ]
    longest_tags = max((len(" ".join(run.tags)) for run in session.runs or ()), default=0)
    if width >= WIDE and longest_tags:  # on a narrower screen they are in the heading of the run alone
        columns.append(Column("tags", cell=muted(clean), most=16))
        width -= 2 + min(16, longest_tags)
    if width >= WIDE:
        columns.append(Column("started", cell=muted(start_time)))
    return [*columns, _intervals_column(session)] if width >= WIDEST and session.pair else columns


def accuracy_columns(session: Session) -> list[Column]:
    """Val, both test sets and the gap: columns of a frame with `val`, `test1`, `n1`, `test2`, `n2`, `gap`."""
    from workbench.tui.widgets.table.backend import Column

    palette = session.palette

    def accuracy(split: str, count: str = "") -> Any:
        def cell(value: Any, row: Any) -> Text:
            n = row.get(count) if count else None
            return Text(percent(value, n=n).removesuffix(" %"), style=palette.split(split) if value is not None else "")

        return cell

    def gap(value: Any, _row: Any) -> Text:
        return Text("–" if value is None else number(100 * value, 1), style=f"bold {palette.strong}")

    def title(name: str, split: str) -> str:
        # a test set may be called val as well: their marks tell the two apart
        sign = f"{palette.mark(split)} " if name == "val" != palette.val_name else ""
        return f"{sign}{shorten(name, 10)} %"

    val = palette.val_name
    columns = [Column("val", title("val", val), cell=accuracy(val), right=True)]
    for place, test in enumerate(session.pair[:2], start=1):
        cell = accuracy(test, f"n{place}")
        columns.append(Column(f"test{place}", title(test, test), cell=cell, right=True))
    return [*columns, Column("gap", cell=gap, right=True)] if len(session.pair) > 1 else columns


def _intervals_column(session: Session) -> Column:
    """The intervals of both test sets on one axis, the same for all runs."""
    from workbench.tui.widgets.table.backend import Column

    palette = session.palette
    ends = [end for run in session.runs or () for test in session.pair[:2] if test in run.tests
            for end in run.tests[test].ci or ()]  # fmt: skip
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)

    def cell(_value: Any, row: Any) -> Text:
        drawing = Text("")
        for place in (1, 2):
            name = f"test{place}"
            if row[name] is not None:
                ci, colour, mark = (row[f"low{place}"], row[f"high{place}"]), palette.split(name), palette.mark(name)
                one = interval(row[name], ci, low, high, AXIS_WIDTH, colour, palette.faint, mark)
                drawing = overlay(drawing, one) if drawing else one
        return drawing

    label = f"{percent(low, digits=0)} … {percent(high, digits=0)}" if ends else ""
    return Column("where", label, cell=cell, width=AXIS_WIDTH)


def overlay(under: Text, over: Text) -> Text:
    """Two intervals on the same axis as one drawing: where the second is blank, the first is seen."""
    text = Text(no_wrap=True)
    for place, (below, above) in enumerate(zip(under.plain, over.plain, strict=True)):
        front = under if above == "·" else over
        text.append_text(front[place]) if (below, above) != ("·", "·") else text.append("·", over.spans[0].style)
    return text


# ---- one run


def run_text(run: RunSnapshot, session: Session, width: int, *, short: bool) -> Text:
    """A run in lines of `width` cells: its heading, its settings, its error and, once it has ended, its results."""
    palette = session.palette
    text = heading(run, width, palette, session.store)
    text.append("\n").append_text(settings_text(run, width, palette))
    if run.error:
        text.append(f"\n{one_line(run.error)}", style=palette.severities["error"])
    results = Text() if run.active else results_text(run, session, width, short=short)
    return text.append("\n").append_text(results) if results else text


def heading(run: RunSnapshot, width: int, palette: Palette, store: Store | None = None) -> Text:
    """One line: a run's id and state, with a warning where it was trained on other features than those of `store`."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{clean(run.id)}  ", style=f"bold {palette.strong}").append_text(state_label(run.state, palette))
    phase = f", {clean(run.phase)}" if run.phase and run.active else ""
    phase += f" for {clean(run.waits_for)}" if run.waits_for else ""
    if store is not None and not run.trained_on(store.fingerprint):
        text.append("  its features have changed since then", style=palette.severities["warning"])
    text.append(f"{phase}  {run.reached}", style=palette.muted)
    text.append(f"  {duration(run.seconds)}", style=palette.muted)
    text.append(f"  on {clean(run.device)}" if run.device else "", style=palette.muted)
    text.append("  ★" if run.starred else "", style=f"bold {palette.strong}")
    text.append(f"  {clean(' '.join(run.tags))}" if run.tags else "", style=palette.text)
    text.truncate(width, overflow="ellipsis")
    return text


def settings_text(run: RunSnapshot, width: int, palette: Palette) -> Text:
    """The settings of a run in one line: those that differ from their default first and bright."""
    from workbench.heads import HEADS
    from workbench.settings import declared

    spec = HEADS.get(run.head)
    declarations = declared(spec.Settings) if spec else {}
    changes, defaults = Text(), Text()
    for name, value in run.settings.items():
        default = declarations[name].default if name in declarations else object()
        part = f"{clean(name).replace('_', ' ')} {clean(as_text(value)) or 'none'}  "
        if value != default:
            changes.append(part, style=palette.text)
        else:
            defaults.append(part, style=palette.faint)
    text = changes.append_text(defaults)
    text.no_wrap = True
    text.truncate(width, overflow="ellipsis")
    return text


def result_metrics(run: RunSnapshot, session: Session) -> list[Metric]:
    """The results of a run: val, each test set of the pair, and the gap."""
    from workbench.api import Metric

    metrics = []
    if run.val_accuracy is not None:
        ci = run.summary.val.ci if run.summary else None
        name = session.palette.val_name
        metrics.append(Metric(name, run.val_accuracy, ci, "%", split=name))
    for test in session.pair:
        scores = run.tests.get(test)
        if scores and scores.accuracy is not None:
            metrics.append(Metric(test, scores.accuracy, scores.ci, "%", split=test, note=f"n = {scores.n:,}"))
    if run.gap:
        metrics.append(Metric("gap", run.gap.value, run.gap.ci, "pts", p=run.gap.p))
    return metrics


def results_text(run: RunSnapshot, session: Session, width: int, *, short: bool) -> Text:
    """The results of a run: a line each with its interval drawn, or side by side where `short`."""
    from workbench.present.numbers import with_unit
    from workbench.tui.widgets.blocks.metric import metrics_text

    palette, metrics = session.palette, result_metrics(run, session)
    if not short:
        return metrics_text(metrics, width, palette)
    text, line = Text(), Text(no_wrap=True)
    for metric in metrics:
        sign = f"{palette.mark(metric.split)} " if metric.split else ""
        part = Text(f"{sign}{clean(metric.name)} {with_unit(metric.value, metric.ci, metric.unit)}")
        part.stylize(palette.split(metric.split) if metric.split else f"bold {palette.strong}")
        part.append(f"  {p_value(metric.p)}" if metric.p is not None else "", style=palette.muted)
        if line and line.cell_len + part.cell_len + 3 > width:
            text.append_text(line).append("\n")
            line = Text(no_wrap=True)
        line.append("   " if line else "").append_text(part)
    return text.append_text(line)
