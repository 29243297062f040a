"""What the Train screen shows, as frames and texts: functions of the session, without widgets."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from rich.text import Text

from workbench.tui.formats import clean, duration, interval, number, percent, shorten
from workbench.tui.shell.session import Session
from workbench.tui.theme import Palette
from workbench.tui.widgets.form import as_text

if TYPE_CHECKING:
    import polars as pl

    from workbench.api import Metric
    from workbench.features.store import Store
    from workbench.runs import RunSnapshot
    from workbench.tui.screens.train.curves import Colours, Curves
    from workbench.tui.widgets.table.backend import Column

DRAWN = 30  # cells of the axis on which the intervals of runs are drawn
STATE_SIGNS = {"queued": "○", "running": "▶", "finished": "✓", "failed": "✗", "stopped": "■", "lost": "?"}


def runs_frame(session: Session, marked: Collection[str] = ()) -> pl.DataFrame:
    """One row a run, newest first; what its columns show is in them as numbers, so that they sort."""
    import polars as pl

    rows = []
    for run in session.runs or ():
        row: dict[str, Any] = {
            "id": run.id,
            "chosen": run.id == session.run_id,
            "marked": run.id in marked,
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
        for place in (0, 1):
            found = run.tests.get(session.pair[place]) if len(session.pair) > place else None
            row[f"test{place + 1}"] = found.accuracy if found else None
            row[f"n{place + 1}"] = found.n if found else None
            row[f"low{place + 1}"], row[f"high{place + 1}"] = (found and found.ci) or (None, None)
        rows.append(row)
    ends = ("low1", "high1", "low2", "high2")
    floats = dict.fromkeys(("val", "gap", "test1", "test2", "seconds", "started", *ends), pl.Float64)
    schema: dict[str, Any] = {
        "id": pl.String, "chosen": pl.Boolean, "marked": pl.Boolean, "starred": pl.Boolean, "tags": pl.String,
        "run": pl.String, "state": pl.String, "epoch": pl.Int64, "epochs": pl.Int64, "n1": pl.Int64, "n2": pl.Int64,
        **floats,
    }  # fmt: skip
    return pl.DataFrame(rows, schema_overrides=schema) if rows else pl.DataFrame(schema=schema)


def short_name(run: RunSnapshot) -> str:
    """A run's id without its date: `linear-a3f1`."""
    return run.id.split("-", 2)[-1] if run.id.count("-") >= 2 else run.id


def run_columns(session: Session, width: int, colours: Colours) -> list[Column]:
    """How the list of runs is shown in `width` cells; `colours` gives marked runs the colour of their curves."""
    from workbench.tui.widgets.table.backend import Column

    palette = session.palette

    def name(value: Any, row: Any) -> Text:
        text = Text("━" if row["marked"] else " ", style=f"bold {colours.of(row['id'], palette)}")
        text.append("▸ " if row["chosen"] else "  ", style=f"bold {palette.strong}")
        text.append(shorten(value, 22), style=f"bold {palette.strong}" if row["chosen"] else palette.text)
        return text.append(" ★" if row["starred"] else "", style=f"bold {palette.strong}")

    def state(value: Any, _row: Any) -> Text:
        return Text(f"{STATE_SIGNS.get(value, '')} {value}", style=state_colour(value, palette))

    def epoch(value: Any, row: Any) -> Text:
        return Text(f"{value:,}/{row['epochs']:,}")

    def faint(told: Any) -> Any:
        return lambda value, _row: Text(told(value), style=palette.muted)

    columns = [
        Column("run", cell=name),
        Column("state", cell=state),
        Column("epoch", cell=epoch, right=True),
        *accuracy_columns(session),
        Column("seconds", "time", cell=faint(duration), right=True),
    ]
    if width >= 96 and any(run.tags for run in session.runs or ()):  # else the heading of the run tells them
        columns.append(Column("tags", cell=faint(clean), most=16))
        width -= 2 + min(16, max(len(" ".join(run.tags)) for run in session.runs or ()))
    if width >= 96:
        columns.append(Column("started", cell=faint(when)))
    return [*columns, _intervals_column(session)] if width >= 118 and session.pair else columns


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
    """The intervals of both test sets drawn on one axis, which all runs share."""
    from workbench.tui.widgets.table.backend import Column

    palette = session.palette
    ends = [end for run in session.runs or () for test in session.pair[:2] if test in run.tests
            for end in run.tests[test].ci or ()]  # fmt: skip
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)

    def cell(_value: Any, row: Any) -> Text:
        drawn = Text("")
        for place in (1, 2):
            if row[f"test{place}"] is not None:
                ci = row[f"low{place}"], row[f"high{place}"]
                name = f"test{place}"
                one = interval(row[name], ci, low, high, DRAWN, palette.split(name), palette.faint, palette.mark(name))
                drawn = overlay(drawn, one) if drawn else one
        return drawn

    label = f"{percent(low, digits=0)} … {percent(high, digits=0)}" if ends else ""
    return Column("where", label, cell=cell, width=DRAWN)


def overlay(under: Text, over: Text) -> Text:
    """Two drawn intervals on the same axis as one: what the second leaves blank shows the first."""
    text = Text(no_wrap=True)
    for place, (below, above) in enumerate(zip(under.plain, over.plain, strict=True)):
        chosen = under if above == "·" else over
        text.append_text(chosen[place]) if (below, above) != ("·", "·") else text.append("·", over.spans[0].style)
    return text


def state_colour(state: str, palette: Palette) -> str:
    """The colour of a run's or job's state; the word itself always stands beside it."""
    good, bad, warn = (palette.severities[name] for name in ("good", "error", "warning"))
    return {
        "running": f"bold {palette.strong}", "finished": good, "done": good, "failed": bad, "lost": bad,
        "stopped": warn, "cancelled": warn,
    }.get(state, palette.muted)  # fmt: skip


def when(created: float) -> str:
    """A moment as one says it: the time today, the day before that."""
    then, now = time.localtime(created), time.localtime()
    if (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday):
        return time.strftime("%H:%M:%S", then)
    return time.strftime("%d %b %H:%M" if then.tm_year == now.tm_year else "%Y-%m-%d", then)


def run_fraction(run: RunSnapshot, curves: Curves | None) -> float:
    """How much of its epochs a run has done, the running epoch included."""
    done = float(run.epoch)
    if curves is not None and curves.rows:
        done = max(done, float(getattr(curves.rows[-1], "epoch", 0.0)))
    return min(done / run.epochs, 1.0) if run.epochs else 0.0


def remaining(run: RunSnapshot, fraction: float) -> float | None:
    """Seconds to go at the pace so far."""
    if not run.active or fraction <= 0 or run.seconds < 1:
        return None
    return run.seconds * (1 - fraction) / fraction


def settings_text(run: RunSnapshot, width: int, palette: Palette) -> Text:
    """The settings of a run in one line, those that are not the default first and bright."""
    from workbench.heads import HEADS
    from workbench.settings import declared

    spec = HEADS.get(run.head)
    known = declared(spec.Settings) if spec else {}
    changed, usual = Text(), Text()
    for name, value in run.settings.items():
        default = known[name].default if name in known else object()
        part = f"{clean(name).replace('_', ' ')} {clean(as_text(value)) or 'none'}  "
        if value != default:
            changed.append(part, style=palette.text)
        else:
            usual.append(part, style=palette.faint)
    text = changed.append_text(usual)
    text.no_wrap = True
    text.truncate(width, overflow="ellipsis")
    return text


def heading(run: RunSnapshot, width: int, palette: Palette, store: Store | None = None) -> Text:
    """One line that names a run and says where it stands, and that it was trained on other features than `store`'s."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{clean(run.id)}  ", style=f"bold {palette.strong}")
    text.append(f"{STATE_SIGNS.get(run.state, '')} {run.state}", style=state_colour(run.state, palette))
    phase = f", {clean(run.phase)}" if run.phase and run.active else ""
    phase += f" for {clean(run.waits_for)}" if run.waits_for else ""
    if store is not None and not run.trained_on(store.fingerprint):
        text.append("  its features have changed since", style=palette.severities["warning"])
    text.append(f"{phase}  {run.reached}", style=palette.muted)
    text.append(f"  {duration(run.seconds)}", style=palette.muted)
    text.append(f"  on {clean(run.device)}" if run.device else "", style=palette.muted)
    text.append("  ★" if run.starred else "", style=f"bold {palette.strong}")
    text.append(f"  {clean(' '.join(run.tags))}" if run.tags else "", style=palette.text)
    text.truncate(width, overflow="ellipsis")
    return text


def result_metrics(run: RunSnapshot, session: Session) -> list[Metric]:
    """What came out of a run as metrics: val, each test set of the pair, and the gap where it is of that pair."""
    from workbench.api import Metric

    found = []
    if run.val_accuracy is not None:
        ci = run.summary.val.ci if run.summary else None
        name = session.palette.val_name
        found.append(Metric(name, run.val_accuracy, ci, "%", split=name))
    for test in session.pair:
        result = run.tests.get(test)
        if result and result.accuracy is not None:
            found.append(Metric(test, result.accuracy, result.ci, "%", split=test, note=f"n = {result.n:,}"))
    if run.gap:
        found.append(Metric("gap", run.gap.value, run.gap.ci, "pts", p=run.gap.p))
    return found


def results_text(run: RunSnapshot, session: Session, width: int, *, short: bool) -> Text:
    """What came out of a run: a line each with its interval drawn, or side by side where lines are `short`."""
    from workbench.tui.formats import p_value
    from workbench.tui.widgets.blocks import metric_value, metrics_text

    palette, metrics = session.palette, result_metrics(run, session)
    if not short:
        return metrics_text(metrics, width, palette)
    text, line = Text(), Text(no_wrap=True)
    for metric in metrics:
        sign = f"{palette.mark(metric.split)} " if metric.split else ""
        part = Text(f"{sign}{clean(metric.name)} {metric_value(metric)}")
        part.stylize(palette.split(metric.split) if metric.split else f"bold {palette.strong}")
        part.append(f"  {p_value(metric.p)}" if metric.p is not None else "", style=palette.muted)
        if line and line.cell_len + part.cell_len + 3 > width:
            text.append_text(line).append("\n")
            line = Text(no_wrap=True)
        line.append("   " if line else "").append_text(part)
    return text.append_text(line)
