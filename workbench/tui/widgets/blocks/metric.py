"""Metrics one a line, with their intervals drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from textual.widget import Widget

from workbench.blocks import Metric
from workbench.present.colours import Palette
from workbench.present.numbers import p_value, with_unit
from workbench.present.terminal import interval, shorten
from workbench.text import one_line


class MetricsView(Widget):
    """Metrics one a line: name, value with interval, the interval drawn on a common axis, p value, note."""

    DEFAULT_CSS = "MetricsView { height: auto; width: 1fr; margin-bottom: 1; }"

    def __init__(self, metrics: Sequence[Metric], palette: Palette) -> None:
        super().__init__(classes="block")
        self.metrics = metrics
        self.palette = palette

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        return len(self.metrics)

    def render(self) -> Text:
        return metrics_text(self.metrics, self.size.width, self.palette)


def metrics_text(metrics: Sequence[Metric], width: int, palette: Palette) -> Text:
    """Lines of metrics in `width` cells; intervals of the same unit and a like size share an axis."""
    names = [shorten(metric.name, max(10, width // 3)) for metric in metrics]
    values = [with_unit(metric.value, metric.ci, metric.unit) for metric in metrics]
    name_width = max(map(len, names), default=0)
    value_width = max(map(len, values), default=0)
    room = min(36, width - name_width - value_width - 6)
    lines = []
    for metric, name, value in zip(metrics, names, values, strict=True):
        colour = palette.split(metric.split) if metric.split else palette.strong
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{name:<{name_width}}  ", style=palette.text).append(
            f"{value:>{value_width}}", style=f"bold {colour}"
        )
        if metric.ci and room >= 10:
            low, high = _axis_of(metric, metrics)
            mark = palette.mark(metric.split) if metric.split else "●"
            line.append("  ").append_text(
                interval(metric.value, metric.ci, low, high, room, colour, palette.faint, mark)
            )
        tail = "  ".join(
            part for part in (p_value(metric.p) if metric.p is not None else "", one_line(metric.note)) if part
        )
        line.append(f"  {tail}" if tail else "", style=palette.muted)
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return Text("\n").join(lines)


def _axis_of(metric: Metric, metrics: Sequence[Metric]) -> tuple[float, float]:
    """One axis for all metrics of this unit whose values lie within a factor of two of this one's."""
    alike = [
        other for other in metrics if other.unit == metric.unit and other.ci and (other.value < 0) == (metric.value < 0)
    ]
    near = [other for other in alike if 0.5 <= _ratio(other.value, metric.value) <= 2] or [metric]
    low = min(min(other.ci[0], other.value) for other in near if other.ci)
    high = max(max(other.ci[1], other.value) for other in near if other.ci)
    pad = (high - low) * 0.08 or 1.0
    return low - pad, high + pad


def _ratio(one: float, other: float) -> float:
    return abs(one) / abs(other) if other else 0.0
