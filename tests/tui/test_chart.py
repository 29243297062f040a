"""The one function that draws charts: any numbers, any size, gaps named, extremes kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.tui_support import Host
from workbench.present.colours import Palette
from workbench.tui.widgets.chart import Axes, ChartView, Line, draw, value_at

PALETTE = Palette()
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1e300, -1e300, 1e-300, np.nan, np.inf, 1.0])
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(NUMBERS, max_size=60),
    st.sampled_from(["line", "points", "steps", "bars"]),
    st.integers(1, 90),
    st.integers(1, 25),
    st.booleans(),
    st.booleans(),
)
def test_any_numbers_at_any_size(
    values: list[float], kind: str, width: int, height: int, log_x: bool, log_y: bool
) -> None:
    y = np.array(values, dtype=np.float64)
    x = np.arange(len(y) + (kind == "steps"), dtype=np.float64)
    axes = Axes("title", "x", "y", kind, log_x=log_x, log_y=log_y)
    text = draw([Line("a", x, y), Line("b", x, y[::-1])], axes, width, height, PALETTE)
    lines = text.plain.split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=40), st.lists(NUMBERS, min_size=1, max_size=40))
def test_any_coordinates(xs: list[float], ys: list[float]) -> None:
    count = min(len(xs), len(ys))
    assert draw([Line("a", np.array(xs[:count]), np.array(ys[:count]))], Axes(), 40, 10, PALETTE).plain


def test_gaps_are_named() -> None:
    y = np.array([1.0, np.nan, 2.0, np.inf, 3.0, np.nan])
    text = draw([Line("loss", np.arange(6.0), y)], Axes("t"), 60, 10, PALETTE).plain
    assert "2 NaN, 1 infinite left out" in text
    assert "no values yet" in draw([Line("loss", np.arange(2.0), np.full(2, np.nan))], Axes(), 60, 10, PALETTE).plain


def test_names_of_lines_are_not_markup() -> None:
    text = draw([Line("[red]x\x1b[2J", np.arange(3.0), np.arange(3.0))], Axes("[b]t"), 60, 8, PALETTE)
    assert "[red]x" in text.plain
    assert "\x1b" not in text.plain
    assert "[b]t" in text.plain


async def test_chart_is_drawn_only_when_something_changed() -> None:
    async with Host(ChartView()).run_test(size=(60, 20)) as pilot:
        chart = pilot.app.query_one(ChartView)
        line = Line("a", np.arange(5.0), np.arange(5.0))
        chart.set([line], Axes(), PALETTE)
        await pilot.pause(0.2)
        before = chart.drawings
        chart.refresh()
        await pilot.pause(0.2)
        assert chart.drawings == before
        for _ in range(50):
            chart.set([line], Axes(), PALETTE)
            await pilot.pause()
        await pilot.pause(0.2)
        assert before < chart.drawings < before + 30


def test_a_figure_larger_than_the_terminal_is_drawn_whole() -> None:
    text = draw([Line("a", np.arange(5.0), np.arange(5.0))], Axes(), 400, 120, PALETTE)
    assert len(text.plain.split("\n")) == 120


def test_without_colour_lines_differ_by_their_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    x = np.arange(5.0)
    text = draw([Line("train", x, x), Line("val", x, x[::-1])], Axes(), 60, 12, PALETTE).plain
    assert "+ val" in text
    assert text.count("+") > 3


def test_a_cursor_tells_the_value_of_each_line() -> None:
    x = np.arange(10.0)
    lines = [Line("train", x, x / 10), Line("", x, -x), Line("val", x[::3], np.full(4, 0.25))]
    axes = Axes("accuracy", percent=True, cursor=4.0, cursor_label="at epoch")
    text = draw(lines, axes, 80, 12, PALETTE).plain
    assert text.split("\n")[0].startswith("accuracy  at epoch 4  ━ train 40.00 %  ━ val 25.00 %")
    assert text.count("│") > 5
    assert value_at(lines[0], -100.0) == 0.0
    assert value_at(Line("none", np.array([]), np.array([])), 1.0) is None


def test_the_cursor_may_be_anywhere() -> None:
    x = np.arange(1.0, 10.0)
    for cursor in (-5.0, 0.0, 1e300, 3.3):
        for log in (False, True):
            assert draw([Line("a", x, x)], Axes(cursor=cursor, log_x=log), 60, 10, PALETTE).plain


def test_a_range_of_x_is_drawn_at_the_height_of_its_values() -> None:
    x = np.arange(100.0)
    text = draw([Line("a", x, x)], Axes(x_range=(10.0, 12.0)), 60, 12, PALETTE).plain
    assert "10.5" in text
    assert "80" not in text


def test_names_that_find_no_room_are_counted() -> None:
    x = np.arange(3.0)
    lines = [Line(f"run-number-{place}", x, x) for place in range(9)]
    assert "+" in draw(lines, Axes("loss"), 40, 6, PALETTE).plain.split("\n")[0]
    high = draw(lines, Axes("loss"), 60, 30, PALETTE).plain.split("\n")
    assert "run-number-8" in "\n".join(high[:4])
    assert len(high) == 30
