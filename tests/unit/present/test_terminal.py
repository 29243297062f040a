"""Intervals drawn to scale, and foreign text that fits and is harmless."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from workbench.present import terminal


def test_interval_is_drawn_to_scale() -> None:
    assert terminal.interval(0.5, (0.25, 0.75), 0.0, 1.0, 9).plain == "··──●──··"
    assert terminal.interval(2.0, (1.5, 2.5), 0.0, 1.0, 5).plain == "····▸"
    assert terminal.interval(math.nan, None, 0.0, 1.0, 5).plain == "·····"
    assert terminal.interval(0.5, (0.5, 0.5), 0.5, 0.5, 3).plain  # an axis without length


@given(st.text(), st.integers(1, 30))
def test_foreign_text_is_harmless_and_fits(text: str, width: int) -> None:
    shown = terminal.shorten(text, width)
    assert cell_len(shown) <= width
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in shown)
    assert terminal.data_text(text).spans == []


def test_escape_sequences_and_markup_stay_text() -> None:
    assert "\x1b" not in terminal.clean("\x1b[31mred\x1b[0m")
    assert terminal.data_text("[bold]x[/bold]").plain == "[bold]x[/bold]"
    assert terminal.clean("a\nb") == "a\\nb"
    assert terminal.clean("a\nb", lines=True) == "a\nb"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200), st.integers(0, 60))
def test_sparkline_fits(values: list[float], width: int) -> None:
    assert len(terminal.sparkline(values, width)) <= width
