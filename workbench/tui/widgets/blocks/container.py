"""Blocks one under the other, each drawn by its widget."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.widget import Widget

from workbench.blocks import Block, grouped, kind_of
from workbench.present.colours import Palette
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.blocks.chart import ChartBlock
from workbench.tui.widgets.blocks.heat_map import HeatMapView
from workbench.tui.widgets.blocks.metric import MetricsView
from workbench.tui.widgets.blocks.samples import SamplesBlock
from workbench.tui.widgets.blocks.table import TableBlock
from workbench.tui.widgets.blocks.text import TextBlock

# The widget of each kind of block, one line each: it is given the blocks that it draws together, and the palette.
WIDGETS: dict[str, type[Widget]] = {
    "Metric": MetricsView,
    "Table": TableBlock,
    "Chart": ChartBlock,
    "HeatMap": HeatMapView,
    "Text": TextBlock,
    "Samples": SamplesBlock,
}
LARGE = (TableBlock, ChartBlock, SamplesBlock)  # they take all the room when they are alone


class Blocks(Alive, VerticalScroll):
    """Blocks one under the other; `show` gives it all of them, drawing anew only those that came since."""

    DEFAULT_CSS = """
    Blocks { height: 1fr; width: 1fr; scrollbar-size: 1 1; }
    Blocks > .block { height: auto; margin-bottom: 1; }
    Blocks > .chart { height: 14; min-height: 8; margin-bottom: 1; }
    Blocks > .table { height: 16; margin-bottom: 1; }
    Blocks.-single > .table, Blocks.-single > .chart { height: 1fr; }
    """
    can_focus = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._blocks: tuple[Block, ...] = ()
        self._units: list[tuple[Block, ...]] = []
        self._palette: Palette | None = None

    def show(self, blocks: Sequence[Block], palette: Palette) -> None:
        """Show these blocks; consecutive metrics share one panel, so that their intervals have one axis."""
        fresh = tuple(blocks)
        if _same(fresh, self._blocks) and palette == self._palette:
            return
        if palette != self._palette:
            self._units = []
        self._palette = palette
        units = grouped(fresh)
        same = 0
        while same < min(len(units), len(self._units)) and _same(units[same], self._units[same]):
            same += 1
        for widget in list(self.children)[same:]:
            widget.remove()
        self._blocks, self._units = fresh, units
        for unit in units[same:]:
            self.mount(block_widget(unit, palette))
        self.set_class(len(units) == 1 and issubclass(WIDGETS[kind_of(units[0][0]).name], LARGE), "-single")


def _same(one: tuple[Block, ...], other: tuple[Block, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def block_widget(blocks: Sequence[Block], palette: Palette) -> Widget:
    """The widget of one block, or of several that are drawn together."""
    return WIDGETS[kind_of(blocks[0]).name](blocks, palette)  # type: ignore[arg-type]
