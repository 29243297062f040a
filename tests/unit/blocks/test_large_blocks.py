"""Large tables and matrices cost no more than what is shown of them, and say what is not."""

from __future__ import annotations

import base64
import io
import re
import time

import numpy as np
import polars as pl
from PIL import Image

from workbench.api import Chart, HeatMap, Samples, Series, Table
from workbench.blocks import chart, kind_of, labels, svg
from workbench.cli.common import make_console


def page_of(block: object) -> str:
    return str(kind_of(block).html(block, ()))


def markdown_of(block: object) -> str:
    return "\n".join(kind_of(block).markdown(block))


def console_of(block: object) -> str:
    console = make_console(width=100)
    with console.capture() as capture:
        kind_of(block).show(block, console)
    return capture.get()


def test_a_table_of_two_million_rows_is_cut_and_says_so() -> None:
    n = 2_000_000
    block = Table(pl.DataFrame({"row": np.arange(n), "x": np.linspace(0, 1, n)}), "many", of=5_000_000)
    for draw, rows in ((page_of, labels.PAGE_ROWS), (markdown_of, labels.PAGE_ROWS), (console_of, labels.CONSOLE_ROWS)):
        draw(Table(block.frame.head(2)))  # what a library imports when it is first needed is not measured
        started = time.process_time()
        drawn = draw(block)
        assert time.process_time() - started < 2.0
        assert f"the first {rows:,} of 5,000,000 rows (--json has 2,000,000)" in drawn
        assert f"{rows - 1}" in drawn
        assert f"{rows + 1}" not in drawn
    many = Samples("train", range(n), notes=[])
    assert page_of(many).count("<tr>") == labels.PAGE_ROWS + 1
    assert "of 2,000,000 rows" in markdown_of(many)


def test_a_heat_map_is_one_image_with_the_colour_of_each_value() -> None:
    values = np.random.default_rng(0).random((1000, 1000))
    values[3, 4] = np.nan
    page = page_of(HeatMap(values, "big", [f"class {i}" for i in range(1000)]))
    assert page.count("<image") == 2  # the matrix and its scale
    assert page.count("<text") < 120
    assert "<rect" not in page
    data = re.search(r'href="data:image/png;base64,([^"]+)"', page)
    assert data
    picture = Image.open(io.BytesIO(base64.b64decode(data.group(1))))
    assert picture.size == (1000, 1000)
    pixels = np.asarray(picture.convert("RGBA")).astype(int)
    assert pixels[3, 4, 3] == 0
    assert (pixels[:, :, 3] == 0).sum() == 1
    dark, bright = pixels[values > 0.99][:, :3].sum(1).mean(), pixels[values < 0.01][:, :3].sum(1).mean()
    assert dark < bright / 2


def test_cells_of_a_small_heat_map_tell_their_value() -> None:
    page = page_of(HeatMap(np.array([[5, 1], [0, 6]]), "confusion", ["cat", "dog"], ["cat", "dog"]))
    assert "<title>cat, dog: 1</title>" in page
    assert page.count("<title>") == 4
    assert "no values" in page_of(HeatMap(np.zeros((0, 3))))


def test_markdown_lists_the_largest_cells_of_a_large_heat_map() -> None:
    values = np.zeros((300, 400))
    values[7, 9], values[8, 1] = -3.0, 2.0
    lines = markdown_of(HeatMap(values, diverging=True)).splitlines()
    assert any("the 20 largest of 300 × 400 values (--json has all)" in line for line in lines)
    rows = [line for line in lines if line.startswith("|")]
    assert rows[2:4] == ["| 7 | 9 | −3 |", "| 8 | 1 | 2 |"]
    assert len(rows) == 22
    small = markdown_of(HeatMap(np.eye(2), row_names=["a", "b"], column_names=["c", "d"]))
    assert "| a | 1 | 0 |" in small
    assert len(markdown_of(HeatMap(np.full((300, 400), np.nan)))) < 1000


def test_the_console_shrinks_a_heat_map_to_its_width() -> None:
    drawn = console_of(HeatMap(np.random.default_rng(0).random((1000, 700))))
    assert max(map(len, drawn.splitlines())) <= 100
    assert "each cell the mean of up to 25×9" in drawn


def test_a_long_line_keeps_its_peak() -> None:
    y = np.zeros(1_000_000)
    y[123_456] = 9.0
    x = np.arange(len(y), dtype=np.float64)
    on = svg.canvas([x], [y], "line")
    path = svg.line(on, x, y)
    assert len(path) < 40_000
    assert f" {svg.TOP:.1f}" in path
    page = page_of(Chart([Series("s", x, y)], kind="points"))
    assert page.count("<circle") <= svg.MOST_DOTS


def test_gaps_stay_gaps() -> None:
    x, y = np.arange(5.0), np.array([1.0, np.nan, 2.0, 3.0, np.inf])
    path = svg.line(svg.canvas([x], [y], "line"), x, y)
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert chart.sparkline(np.array([np.nan])).startswith(" ")
    assert chart.sparkline(np.arange(300.0)).startswith("▁")
