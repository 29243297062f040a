"""Numbers, intervals and foreign text as `rich.text.Text`: right digits, right width, never markup."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from workbench.text import clean as safe
from workbench.tui.theme import Palette

SPARKS = "▁▂▃▄▅▆▇█"


def clean(value: object, *, lines: bool = False) -> str:
    """`workbench.text.clean`; `lines` keeps line breaks, and makes tabs blanks."""
    return safe(str(value).expandtabs(4), newlines=True) if lines else safe(value)


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


def number(value: object, digits: int | None = None) -> str:
    """A number with thousands grouped; `digits` decimals, or four significant ones when not given."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    number_ = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number_):
        return "NaN" if math.isnan(number_) else ("∞" if number_ > 0 else "−∞")
    if digits is not None:
        text = f"{number_:,.{digits}f}"
    elif number_ == 0:
        text = "0"
    elif 1e-3 <= abs(number_) < 1e5:
        text = f"{number_:,.{max(0, 3 - math.floor(math.log10(abs(number_))))}f}"
    else:
        text = f"{number_:.2e}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def plain(value: float) -> str:
    """A number by itself: without decimals where it is whole, like a count."""
    return number(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else number(value)


def percent_digits(n: int | None, half_width: float | None = None) -> int:
    """How many decimals of a percentage the data justify: two significant digits of its uncertainty at most.

    `n` is the number of samples behind it; `half_width` (a fraction), when known, is that of its 95% interval.
    """
    if half_width is None:
        if not n:
            return 1
        half_width = 1.96 * math.sqrt(0.25 / n)
    return 0 if half_width >= 0.095 else (1 if half_width >= 0.005 else 2)


def percent(
    value: float | None,
    ci: Sequence[float] | None = None,
    *,
    n: int | None = None,
    digits: int | None = None,
    sign: bool = False,
) -> str:
    """A fraction in percent, `95.1 % [94.2, 95.9]` with an interval; `sign` shows + before gains."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return number(value)
    if digits is None:
        digits = percent_digits(n, (ci[1] - ci[0]) / 2 if ci else None)
    text = _percent_number(value, digits, sign) + " %"
    if ci:
        text += f" [{_percent_number(ci[0], digits, sign)}, {_percent_number(ci[1], digits, sign)}]"
    return text


def points(value: float, ci: Sequence[float] | None = None, *, digits: int | None = None, sign: bool = False) -> str:
    """A difference of two fractions in percentage points (in percent it would be read as relative): `6.7 pts`."""
    return percent(value, ci, digits=digits, sign=sign).replace(" %", " pts")


def _percent_number(value: float, digits: int, sign: bool) -> str:
    text = f"{100 * value:{'+' if sign else ''}.{digits}f}"
    return text.replace("-", "−")


def p_value(p: float) -> str:
    """A p value: `p = 0.031`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def short_p(p: float | None) -> str:
    """A p value for a narrow column: `0.031`, `<0.001`."""
    if p is None or math.isnan(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units: `3 s`, `2 min 05 s`, `1 h 20 min`."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """A count of bytes: `1.4 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


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
        kept = [value for value in part if math.isfinite(value)]
        if not kept:
            cells.append("×")
            continue
        top = max(kept, key=abs)
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
