"""A chart block as a chart of the interface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.blocks import Chart
from workbench.blocks.chart import categories, numeric_x
from workbench.present.colours import Palette
from workbench.present.terminal import shorten
from workbench.tui.widgets.chart import Axes, ChartView, Line

TICK_WIDTH, MOST_TICKS = 12, 8  # of words along the x axis


class ChartBlock(ChartView):
    """A chart block; series that name a split get its colour, x that is text gets ticks."""

    def __init__(self, blocks: Sequence[Chart], palette: Palette) -> None:
        super().__init__(classes="chart")
        self.set(*chart_parts(blocks[0], palette), palette)


def chart_parts(block: Chart, palette: Palette) -> tuple[list[Line], Axes]:
    """A chart block as the lines and the axes of `workbench.tui.widgets.chart`."""
    names = categories(block)
    colours = palette.of_chart([series.split for series in block.series])
    lines = [
        Line(series.name, numeric_x(series, names), np.asarray(series.y), colour)
        for series, colour in zip(block.series, colours, strict=True)
    ]
    ticks = tuple((float(place), shorten(name, TICK_WIDTH)) for place, name in enumerate(names))
    shown = ticks[:: 1 + len(names) // MOST_TICKS]
    return lines, Axes(block.title, block.x_label, block.y_label, block.kind, note=block.note, x_ticks=shown)
