"""Numbers with the digits they deserve, intervals drawn to scale, and foreign text made harmless."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from workbench.tui import formats
from workbench.tui.theme import COLOURS, LIGHT_COLOURS, Palette


@pytest.mark.parametrize(
    ("value", "kwargs", "told"),
    [
        (0.951, {"ci": (0.942, 0.959)}, "95.1 % [94.2, 95.9]"),
        (0.951, {"n": 497}, "95.1 %"),
        (0.5, {"n": 20}, "50 %"),
        (0.82710, {"n": 50_000}, "82.71 %"),
        (0.0, {}, "0.0 %"),
        (-0.012, {"digits": 1, "sign": True}, "−1.2 %"),
        (0.012, {"digits": 1, "sign": True}, "+1.2 %"),
        (float("nan"), {}, "NaN"),
        (None, {}, "–"),
    ],
)
def test_percent(value: float | None, kwargs: dict, told: str) -> None:
    assert formats.percent(value, **kwargs) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1281167, "1,281,167"),
        (0.5, "0.5000"),
        (123.456, "123.5"),
        (-3, "-3"),
        (-0.25, "−0.2500"),
        (1e-9, "1.00e-09"),
        (math.inf, "∞"),
        (math.nan, "NaN"),
        (None, "–"),
        (True, "yes"),
    ],
)
def test_number(value: object, told: str) -> None:
    assert formats.number(value) == told


def test_interval_is_drawn_to_scale() -> None:
    assert formats.interval(0.5, (0.25, 0.75), 0.0, 1.0, 9).plain == "··──●──··"
    assert formats.interval(2.0, (1.5, 2.5), 0.0, 1.0, 5).plain == "····▸"
    assert formats.interval(math.nan, None, 0.0, 1.0, 5).plain == "·····"
    assert formats.interval(0.5, (0.5, 0.5), 0.5, 0.5, 3).plain  # an axis without length


@given(st.text(), st.integers(1, 30))
def test_foreign_text_is_harmless_and_fits(text: str, width: int) -> None:
    shown = formats.shorten(text, width)
    assert cell_len(shown) <= width
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in shown)
    assert formats.data_text(text).spans == []


def test_escape_sequences_and_markup_stay_text() -> None:
    assert "\x1b" not in formats.clean("\x1b[31mred\x1b[0m")
    assert formats.data_text("[bold]x[/bold]").plain == "[bold]x[/bold]"
    assert formats.clean("a\nb") == "a\\nb"
    assert formats.clean("a\nb", lines=True) == "a\nb"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200), st.integers(0, 60))
def test_sparkline_fits(values: list[float], width: int) -> None:
    assert len(formats.sparkline(values, width)) <= width


def test_palette_knows_the_pair() -> None:
    palette = Palette(True, ("v2", "val"))
    assert palette.split("v2") == palette.split("test1") == COLOURS["test1"]
    assert palette.split("val") == COLOURS["test2"]  # a test set called val is a test set
    assert palette.mark("v2") != palette.mark("val")
    assert Palette(False, ("a", "b")).split("train") == LIGHT_COLOURS["train"]
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_duration() -> None:
    assert formats.duration(3.21) == "3.2 s"
    assert formats.duration(59.7) == "1 min 00 s"
    assert formats.duration(125) == "2 min 05 s"
    assert formats.duration(4800) == "1 h 20 min"
    assert formats.duration(None) == "–"
