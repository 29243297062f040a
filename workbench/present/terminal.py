"""What only the characters of a terminal can draw: bars, sparklines, intervals on an axis; foreign text made to fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from workbench.present.colours import Palette
from workbench.text import clean as harmless

SPARKS = "▁▂▃▄▅▆▇█"


def clean(value: object, *, lines: bool = False) -> str:
    """`workbench.text.clean`; `lines` keeps line breaks, and makes tabs blanks."""
    return harmless(str(value).expandtabs(4), newlines=True) if lines else harmless(value)


def data_text(value: object, style: str = "", *, lines: bool = False) -> Text:
    """Text from data (class names, paths, plugin output): never markup, never control codes."""
    return Text(clean(value, lines=lines), style=style, no_wrap=not lines, overflow="ellipsis")


def shorten(value: object, width: int, *, keep_end: bool = False) -> str:
    """`value` in at most `width` cells, an ellipsis where something is left out; `keep_end` keeps the end (paths)."""
    text = clean(value)
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    if keep_end:
        while cell_len(text) > width - 1:
            text = text[1:]
        return "…" + text
    return set_cell_size(text, width - 1).rstrip() + "…"


def interval(
    value: float,
    ci: Sequence[float] | None,
    low: float,
    high: float,
    width: int,
    colour: str = "",
    faint: str = "",
    mark: str = "●",
) -> Text:
    """An interval drawn on the axis `low` to `high`, `width` cells wide: `  ──●──   `.

    Without `ci` the mark alone. What lies beyond the axis is shown as an arrow at its end.
    """
    cells, styles = ["·"] * max(width, 1), [faint] * max(width, 1)
    last = len(cells) - 1

    def at(x: float) -> int:
        span = high - low
        return round((x - low) / span * last) if span > 0 and math.isfinite(x) else 0

    if ci and all(math.isfinite(end) for end in ci):
        for cell in range(max(at(ci[0]), 0), min(at(ci[1]), last) + 1):
            cells[cell], styles[cell] = "─", colour
    if math.isfinite(value):
        where = at(value)
        sign = mark if 0 <= where <= last else ("◂" if where < 0 else "▸")
        cells[min(max(where, 0), last)], styles[min(max(where, 0), last)] = sign, colour
    text = Text(no_wrap=True)
    for char, style in zip(cells, styles, strict=True):
        text.append(char, style)
    return text


def bar(fraction: float, width: int, colour: str = "", faint: str = "") -> Text:
    """A horizontal bar of half cells: `fraction` 0 to 1 of `width` cells, the rest drawn in `faint` if given."""
    fraction = min(max(fraction if math.isfinite(fraction) else 0.0, 0.0), 1.0)
    halves = round(fraction * width * 2)
    drawn = "━" * (halves // 2) + "╸" * (halves % 2)
    text = Text(drawn, style=colour, no_wrap=True)
    return text.append("┄" * (width - len(drawn)) if faint else " " * (width - len(drawn)), style=faint)


def sparkline(values: Sequence[float], width: int, style: str = "") -> Text:
    """The shape of a vector in `width` cells: in each the value of largest size, scaled from minimum to maximum."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width < 1:
        return Text("")
    low, high = min(finite), max(finite)
    cells = []
    for cell in range(min(width, len(values))):
        count = min(width, len(values))
        part = values[
            cell * len(values) // count : max((cell + 1) * len(values) // count, cell * len(values) // count + 1)
        ]
        finite_part = [value for value in part if math.isfinite(value)]
        if not finite_part:
            cells.append("×")
            continue
        top = max(finite_part, key=abs)
        span = high / 2 - low / 2  # halves, since the difference of two large numbers may overflow
        cells.append(SPARKS[round((top / 2 - low / 2) / span * 7)] if span > 0 else SPARKS[3])
    return Text("".join(cells), style=style, no_wrap=True)


def split_label(name: str, palette: Palette, *, mark: bool = True, bold: bool = True) -> Text:
    """A split's name in its colour, with its mark."""
    text = f"{palette.mark(name)} {clean(name)}" if mark else clean(name)
    return Text(text, style=f"{'bold ' if bold else ''}{palette.split(name)}", no_wrap=True)


def keys_hint(*pairs: tuple[str, str], palette: Palette) -> Text:
    """`t  train a head` and so on: what to press, for empty screens."""
    keys, whats = max(len(key) for key, _ in pairs), max(len(what) for _, what in pairs)
    text = Text()
    for index, (key, what) in enumerate(pairs):
        text.append("\n" if index else "")
        text.append(f"{key:>{keys}}  ", style=f"bold {palette.strong}").append(f"{what:<{whats}}", style=palette.muted)
    return text
