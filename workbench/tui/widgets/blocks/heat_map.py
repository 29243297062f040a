"""A heat map block in half blocks: two rows of the matrix to a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from workbench.blocks import HeatMap
from workbench.blocks.heat_map import matrix
from workbench.present import heat
from workbench.present.colours import Palette
from workbench.present.numbers import plain
from workbench.tui.widgets.blocks.titles import title_text


class HeatMapView(Widget):
    """A matrix as colours, two rows of it to a line, means of several cells where it is larger than the room."""

    DEFAULT_CSS = "HeatMapView { height: auto; width: 1fr; margin-bottom: 1; }"

    def __init__(self, blocks: Sequence[HeatMap], palette: Palette) -> None:
        super().__init__(classes="block")
        self.block = blocks[0]
        self.palette = palette

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        rows, columns = self.block.values.shape
        side = min(rows, max(8, min(48, width * rows // max(columns, 1))))
        return 2 + -(-int(side) // 2)

    def render(self) -> Text:
        return heat_text(self.block, self.size.width, self.size.height, self.palette)


def heat_text(block: HeatMap, width: int, height: int, palette: Palette) -> Text:
    """A heat map in `width` by `height` cells: title, the matrix in half blocks, the scale. NaN is left blank."""
    values = matrix(block)
    if not np.isfinite(values).any():
        return title_text(block.title, palette).append("\nno values", style=palette.muted)
    low, high = heat.limits(values, block.low, block.high, block.diverging)
    rows = min(values.shape[0], max(2 * (height - 2), 2))
    repeat = max(1, min(4, width // max(values.shape[1], 1)))
    small = heat.shrink(values, rows, min(values.shape[1], width))
    limited = heat.shrunk_by(values.shape, small.shape)
    text = title_text(block.title, palette, "  ".join(filter(None, (limited, block.note))))
    text.truncate(width, overflow="ellipsis")
    text.append("\n")
    if small.shape[0] % 2:
        small = np.vstack([small, np.full((1, small.shape[1]), np.nan)])
    colours = _styles(small, low, high, block.diverging, palette)
    for top in range(0, len(colours), 2):
        for above, below in zip(colours[top], colours[top + 1], strict=True):
            text.append(("▀" if above or below else " ") * repeat, Style(color=above, bgcolor=below))
        text.append("\n")
    return text.append_text(_scale(low, high, block.diverging, palette))


def _styles(values: np.ndarray, low: float, high: float, diverging: bool, palette: Palette) -> list[list[Color | None]]:
    """The colour of each cell; None where it has no value."""
    shades = heat.colours(heat.shares(values, low, high), diverging, palette.dark)
    known = np.isfinite(values)
    return [
        [Color.from_rgb(*shade) if sound else None for shade, sound in zip(row, finite, strict=True)]
        for row, finite in zip(shades.tolist(), known.tolist(), strict=True)
    ]


def _scale(low: float, high: float, diverging: bool, palette: Palette) -> Text:
    text = Text(f"{plain(low)} ", style=palette.muted)
    for red, green, blue in heat.colours(np.linspace(0.0, 1.0, 16), diverging, palette.dark).tolist():
        text.append("█", Style(color=Color.from_rgb(red, green, blue)))
    return text.append(f" {plain(high)}", style=palette.muted)
