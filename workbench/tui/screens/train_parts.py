"""What the Train screen shows, as frames, texts and lines of charts: functions of the session, without widgets."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from workbench.tui.formats import clean, duration, interval, number, percent, shorten
from workbench.tui.session import Session
from workbench.tui.theme import Palette
from workbench.tui.widgets.chart import Axes, Line
from workbench.tui.widgets.form import as_text

if TYPE_CHECKING:
    import polars as pl

    from workbench.api import Metric
    from workbench.runs import RunSnapshot
    from workbench.tui.widgets.frame_backend import Column

MOST_STEPS = 8000
DRAWN = 30  # cells of the axis on which the intervals of runs are drawn
STATE_SIGNS = {"queued": "○", "running": "▶", "finished": "✓", "failed": "✗", "stopped": "■", "lost": "?"}


@dataclass
class Curves:
    """The metrics of one run as read so far; `offset` is where reading goes on."""

    offset: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, rows: list[dict[str, Any]], end: int) -> None:
        """Take up new rows; those that a resumption made void go."""
        from workbench.runs import fold

        self.offset = end
        if not rows:
            return
        resumed = any(row.get("kind") == "resumed" for row in rows)
        self.rows = fold([*self.rows, *rows]) if resumed else [*self.rows, *rows]
        steps = sum(row.get("kind") == "step" for row in self.rows)
        if steps > MOST_STEPS:
            self._thin()

    def _thin(self) -> None:
        """Drop every other step: more than the widest chart shows, and a run may last for days."""
        kept, odd = [], False
        for row in self.rows:
            odd = not odd if row.get("kind") == "step" else odd
            if row.get("kind") != "step" or odd:
                kept.append(row)
        self.rows = kept


def runs_frame(session: Session) -> pl.DataFrame:
    """One row a run, newest first; what its columns show is in them as numbers, so that they sort."""
    import polars as pl

    rows = []
    for run in session.runs or ():
        row: dict[str, Any] = {
            "id": run.id,
            "chosen": run.id == session.run_id,
            "run": short_name(run),
            "state": run.state,
            "epoch": run.epoch,
            "epochs": run.epochs,
            "started": run.created,
            "seconds": run.seconds,
            "val": run.val_accuracy,
            "gap": (run.gap or {}).get("value"),
        }
        for place in (0, 1):
            found = run.tests.get(session.pair[place]) if len(session.pair) > place else None
            row[f"test{place + 1}"] = found["accuracy"] if found else None
            row[f"n{place + 1}"] = found["n"] if found else None
            row[f"low{place + 1}"], row[f"high{place + 1}"] = found["ci"] if found else (None, None)
        rows.append(row)
    ends = ("low1", "high1", "low2", "high2")
    floats = dict.fromkeys(("val", "gap", "test1", "test2", "seconds", "started", *ends), pl.Float64)
    schema: dict[str, Any] = {
        "id": pl.String, "chosen": pl.Boolean, "run": pl.String, "state": pl.String, "epoch": pl.Int64,
        "epochs": pl.Int64, "n1": pl.Int64, "n2": pl.Int64, **floats,
    }  # fmt: skip
    return pl.DataFrame(rows, schema_overrides=schema) if rows else pl.DataFrame(schema=schema)


def short_name(run: RunSnapshot) -> str:
    """A run's id without its date: `linear-a3f1`."""
    return run.id.split("-", 2)[-1] if run.id.count("-") >= 2 else run.id


def run_columns(session: Session, width: int) -> list[Column]:
    """How the list of runs is shown in `width` cells."""
    from workbench.tui.widgets.frame_backend import Column

    palette = session.palette

    def name(value: Any, row: Any) -> Text:
        text = Text("▸ " if row["chosen"] else "  ", style=f"bold {palette.strong}")
        return text.append(shorten(value, 22), style=f"bold {palette.strong}" if row["chosen"] else palette.text)

    def state(value: Any, _row: Any) -> Text:
        return Text(f"{STATE_SIGNS.get(value, '')} {value}", style=state_colour(value, palette))

    def epoch(value: Any, row: Any) -> Text:
        return Text(f"{value:,}/{row['epochs']:,}")

    def started(value: Any, _row: Any) -> Text:
        return Text(when(value), style=palette.muted)

    def accuracy(split: str, count: str = "") -> Any:
        def cell(value: Any, row: Any) -> Text:
            n = row.get(count) if count else None
            return Text(percent(value, n=n).removesuffix(" %"), style=palette.split(split) if value is not None else "")

        return cell

    def gap(value: Any, _row: Any) -> Text:
        return Text("–" if value is None else number(100 * value, 1), style=f"bold {palette.strong}")

    def took(value: Any, _row: Any) -> Text:
        return Text(duration(value), style=palette.muted)

    names = [shorten(test, 10) for test in session.pair[:2]]
    columns = [
        Column("run", cell=name),
        Column("state", cell=state),
        Column("epoch", cell=epoch, right=True),
        Column("val", "val %", cell=accuracy("val"), right=True),
    ]
    for place, test in enumerate(names, start=1):
        columns.append(
            Column(f"test{place}", f"{test} %", cell=accuracy(session.pair[place - 1], f"n{place}"), right=True)
        )
    if len(names) == 2:
        columns.append(Column("gap", cell=gap, right=True))
    columns.append(Column("seconds", "time", cell=took, right=True))
    if width >= 96:
        columns.append(Column("started", cell=started))
    return [*columns, _intervals_column(session)] if width >= 116 and session.pair else columns


def _intervals_column(session: Session) -> Column:
    """The intervals of both test sets drawn on one axis, which all runs share."""
    from workbench.tui.widgets.frame_backend import Column

    palette = session.palette
    ends = [end for run in session.runs or () for test in session.pair[:2] if test in run.tests
            for end in run.tests[test]["ci"]]  # fmt: skip
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
        done = max(done, float(curves.rows[-1].get("epoch") or 0.0))
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


def heading(run: RunSnapshot, width: int, palette: Palette) -> Text:
    """One line that names a run and says where it stands."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{clean(run.id)}  ", style=f"bold {palette.strong}")
    text.append(f"{STATE_SIGNS.get(run.state, '')} {run.state}", style=state_colour(run.state, palette))
    phase = f", {clean(run.phase)}" if run.phase and run.active else ""
    text.append(f"{phase}  epoch {run.epoch:,} of {run.epochs:,}", style=palette.muted)
    text.append(f"  {duration(run.seconds)}", style=palette.muted)
    text.append(f"  on {clean(run.device)}" if run.device else "", style=palette.muted)
    text.truncate(width, overflow="ellipsis")
    return text


def result_metrics(run: RunSnapshot, session: Session) -> list[Metric]:
    """What came out of a run as metrics: val, each test set of the pair, and the gap where it is of that pair."""
    from workbench.api import Metric

    found = []
    if run.val_accuracy is not None:
        ci = run.summary["val"].get("ci") if run.summary else None
        found.append(Metric("val", run.val_accuracy, tuple(ci) if ci else None, "%", split="val"))
    for test in session.pair:
        result = run.tests.get(test)
        if result:
            note = f"n = {result['n']:,}"
            found.append(Metric(test, result["accuracy"], tuple(result["ci"]), "%", split=test, note=note))
    gap = run.gap
    if gap and gap.get("value") is not None:
        ci = gap.get("ci")
        found.append(Metric("gap", gap["value"], tuple(ci) if ci else None, "%", p=gap.get("p")))
    return found


def loss_chart(curves: Curves, palette: Palette) -> tuple[list[Line], Axes]:
    """Loss of train and val by epoch, with the loss of single steps faintly behind."""
    epochs = [row for row in curves.rows if row.get("kind") == "epoch"]
    steps = [row for row in curves.rows if row.get("kind") == "step"]
    train, val = palette.split("train"), palette.split("val")
    x = _column(epochs, "epoch")
    lines = [
        Line("train", x, _column(epochs, "train_loss"), train),
        Line("val", x, _column(epochs, "val_loss"), val),
    ]
    if steps and (len(epochs) < 2 or len(steps) > 2 * len(epochs)):
        first = Line("" if len(epochs) > 1 else "train steps", _column(steps, "epoch"), _column(steps, "loss"), train)
        lines = [Line(first.name, first.x, first.y, first.colour, faint=len(epochs) > 1), *lines]
    if len(epochs) < 2 and steps:
        lines = lines[:1]
    return lines, Axes("loss", "epoch", y_range=_loss_range(lines))


def _loss_range(lines: list[Line]) -> tuple[float, float] | None:
    """From zero to the highest loss: a fall is then seen at its size."""
    finite = np.concatenate([line.y[np.isfinite(line.y)] for line in lines]) if lines else np.array([])
    return (0.0, float(finite.max()) * 1.05) if finite.size and finite.min() >= 0 and finite.max() > 0 else None


def accuracy_chart(curves: Curves, palette: Palette) -> tuple[list[Line], Axes]:
    """Accuracy of train and val by epoch."""
    epochs = [row for row in curves.rows if row.get("kind") == "epoch"]
    x = _column(epochs, "epoch")
    lines = [
        Line("train", x, _column(epochs, "train_accuracy"), palette.split("train")),
        Line("val", x, _column(epochs, "val_accuracy"), palette.split("val")),
    ]
    best = _best(epochs)
    return lines, Axes("accuracy", "epoch", percent=True, note=best)


def _best(epochs: list[dict[str, Any]]) -> str:
    values = _column(epochs, "val_accuracy")
    if not np.isfinite(values).any():
        return ""
    at = int(np.nanargmax(values))
    return f"best val {percent(float(values[at]), digits=1)} at epoch {epochs[at].get('epoch')}"


def _column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([np.nan if row.get(name) is None else float(row[name]) for row in rows], dtype=np.float64)
