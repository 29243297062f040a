"""Numbers as text: the digits that they deserve, the same on every screen and page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.text import clean

MISSING = "–"
POINTS = " points"  # of percentage


def number(value: object, digits: int | None = None) -> str:
    """A number with thousands grouped; `digits` decimals, or four significant ones when not given.

    >>> number(1281167), number(0.5), number(-0.25, 1), number(1e-9), number(None), number(float("nan"))
    ('1,281,167', '0.5000', '−0.2', '1.00e-09', '–', 'NaN')
    """
    if value is None:
        return MISSING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return _minus(f"{value:,}")
    real = float(value)  # type: ignore[arg-type]
    if not math.isfinite(real):
        return "NaN" if math.isnan(real) else ("∞" if real > 0 else "−∞")
    if digits is not None:
        return _minus(f"{real:,.{digits}f}")
    if real == 0:
        return "0"
    if 1e-3 <= abs(real) < 1e5:
        return _minus(f"{real:,.{max(0, 3 - math.floor(math.log10(abs(real))))}f}")
    return _minus(f"{real:.2e}")


def _minus(text: str) -> str:
    """A leading hyphen as the minus sign that it stands for."""
    return "−" + text[1:] if text.startswith("-") else text


def plain(value: float) -> str:
    """A number by itself: without decimals where it is whole, like a count.

    >>> plain(900.0), plain(0.25)
    ('900', '0.2500')
    """
    return number(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else number(value)


def percent_digits(n: int | None, half_width: float | None = None) -> int:
    """How many decimals of a percentage the data justify: two significant digits of its uncertainty at most.

    `n` is the number of samples behind it; `half_width` (a fraction), when known, is that of its 95% interval.
    """
    if half_width is None or not math.isfinite(half_width):
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
    """A fraction in percent, with its interval behind it where there is one; `sign` shows + before gains.

    >>> percent(0.951, (0.942, 0.959)), percent(0.5, n=20)
    ('95.1 % [94.2, 95.9]', '50 %')
    """
    return " ".join(filter(None, _hundredths(value, ci, n, digits, sign, " %")))


def points(
    value: float | None, ci: Sequence[float] | None = None, *, digits: int | None = None, sign: bool = False
) -> str:
    """A difference of two fractions in percentage points; in percent it would be read as a relative change.

    >>> points(0.067, (0.05, 0.08), sign=True)
    '+6.7 points [+5.0, +8.0]'
    """
    return " ".join(filter(None, _hundredths(value, ci, None, digits, sign, POINTS)))


def _hundredths(
    value: float | None, ci: Sequence[float] | None, n: int | None, digits: int | None, sign: bool, unit: str
) -> tuple[str, str]:
    """A fraction times 100 with its unit, and its interval."""
    if value is None or not math.isfinite(value):
        return number(value), ""
    if digits is None:
        digits = percent_digits(n, (ci[1] - ci[0]) / 2 if ci else None)

    def shown(fraction: float) -> str:
        if not math.isfinite(fraction):
            return number(fraction)
        return _minus(f"{100 * fraction:{'+' if sign else ''}.{digits}f}")

    return shown(value) + unit, f"[{shown(ci[0])}, {shown(ci[1])}]" if ci else ""


def value_and_interval(value: float, ci: Sequence[float] | None = None, unit: str = "") -> tuple[str, str]:
    """A value in a unit of `workbench.api.Metric` ("%", "pts", or any text shown behind it), and its interval.

    The decimals are those that the interval justifies.

    >>> value_and_interval(1.2345, (1.1, 1.4), "nats"), value_and_interval(0.037, (0.003, 0.069), "pts")
    (('1.23 nats', '[1.10, 1.40]'), ('3.7 points', '[0.3, 6.9]'))
    """
    if unit in ("%", "pts"):
        return _hundredths(value, ci, None, None, False, " %" if unit == "%" else POINTS)
    behind = f" {clean(unit)}" if unit else ""
    if not ci or not all(map(math.isfinite, (*ci, value))):
        return plain(value) + behind, ""
    half = (ci[1] - ci[0]) / 2
    digits = max(0, min(8, 1 - math.floor(math.log10(half)))) if half > 0 else None
    low, high = (number(float(end), digits) for end in ci)
    return number(float(value), digits) + behind, f"[{low}, {high}]"


def with_unit(value: float, ci: Sequence[float] | None = None, unit: str = "") -> str:
    """`value_and_interval` in one text.

    >>> with_unit(0.5, None, "%"), with_unit(900.0)
    ('50.0 %', '900')
    """
    return " ".join(filter(None, value_and_interval(value, ci, unit)))


def p_value(p: float) -> str:
    """A p value: `p = 0.031`, and `p < 0.001` below that.

    Three decimals at most, as the style of the American Psychological Association has it: further digits of a small p
    depend on the tails of an approximation and change no decision. JSON output has the exact value.

    >>> p_value(0.0312), p_value(2e-12), p_value(0.25), p_value(float("nan"))
    ('p = 0.031', 'p < 0.001', 'p = 0.25', 'p unknown')
    """
    if math.isnan(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {short_p(p)}"


def short_p(p: float | None) -> str:
    """A p value for a column whose heading says so: `0.031`, `<0.001`."""
    if p is None or math.isnan(p):
        return MISSING
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def is_p_column(name: str) -> bool:
    """Whether a column of a table holds p values, by its name: `p`, `p_adjusted`."""
    return name == "p" or name.startswith("p_")


def column_digits(values: np.ndarray) -> int | None:
    """Decimals with which the middle of the sizes of `values`, shape [n], has three significant digits.

    None, for digits chosen value by value, where the values are of too different sizes for that.

    >>> column_digits(np.array([0.01, 0.5, 2.0])), column_digits(np.array([1e-9, 1e-9, 1.0]))
    (3, None)
    """
    sizes = np.abs(np.asarray(values, np.float64))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not len(sizes):
        return 1
    middle, most = float(np.median(sizes)), float(sizes.max())
    digits = 2 - math.floor(math.log10(middle))
    if digits > 6 or most >= 1e7 or math.log10(most) - math.log10(middle) > 4:
        return None
    return max(digits, 0)


def cell(value: Any, digits: int | None = None) -> str:
    """Any value of a table as harmless text; whole floats without decimals where no `digits` are asked for."""
    if value is None or isinstance(value, bool | int | np.integer | np.bool_):
        return number(value)
    if isinstance(value, float | np.floating):
        return plain(float(value)) if digits is None else number(float(value), digits)
    return clean(value)


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units.

    >>> duration(3.21), duration(125), duration(4800), duration(None)
    ('3.2 s', '2 min 05 s', '1 h 20 min', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """A count of bytes.

    >>> size(512), size(1.4e9)
    ('512 B', '1.4 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
