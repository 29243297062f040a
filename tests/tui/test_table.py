"""Tables: what they show of a frame, how they sort and filter, and that they never hide how much they hide."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest
from textual.widgets import Input, Static

from tests.tui.tui_support import Host, wait_for
from workbench.errors import BadInput
from workbench.tui.widgets.table.backend import Column, FrameBackend, columns_of, digits_for
from workbench.tui.widgets.table.filtering import filter_rows
from workbench.tui.widgets.table.panel import TablePanel

FRAME = pl.DataFrame(
    {
        "name": ["cat", "dog", "[red]bird[/]", "cow\x1b[2J"],
        "n": [1_000_000, 20, 3, 400],
        "rate": [0.5, 0.25, None, 0.123],
        "ok": [True, False, True, None],
    }
)


def test_cells_are_text_aligned_and_formatted() -> None:
    backend = FrameBackend(FRAME, columns=[Column("name"), Column("n"), Column("rate", percent=True)])
    row = backend.get_row_at(0)
    assert [cell.plain for cell in row] == ["cat", "1,000,000", "50.0 %"]
    assert row[1].justify == "right"
    assert backend.get_row_at(2)[0].plain == "[red]bird[/]"
    assert backend.get_row_at(2)[2].plain == "–"
    assert "\x1b" not in backend.get_row_at(3)[0].plain
    with pytest.raises(IndexError):
        backend.get_row_at(4)


def test_widths_hold_the_widest_of_many_rows() -> None:
    frame = pl.DataFrame({"n": [*range(5000), 123_456_789], "s": ["x"] * 5000 + ["y" * 30]})
    assert FrameBackend(frame).column_content_widths == [len("123,456,789"), 30]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("c", ["cat", "cow"]),
        ("CAT", ["cat"]),
        ("n>10 n<1000", ["dog", "cow"]),
        ("rate>=25%", ["cat", "dog"]),
        ("rate>0.3", ["cat"]),
        ("name=dog", ["dog"]),
        ("name!=dog n<100", ["bird"]),
        ("name:o ok=false", ["dog"]),
        ("20", ["dog"]),
        ("[red]", ["bird"]),
        ("ok=no", ["dog"]),
        ("ok=YES", ["cat", "bird"]),
        ('name="dog"', ["dog"]),
        ('name:"o" "cow', ["cow"]),
        ("c(", []),
        ("-c", ["dog", "bird"]),
        ("-ok=no rate>0.1", ["cat"]),
        ("RATE=25%", ["dog"]),
        ("name=DOG", ["dog"]),
        ("ok", ["cat", "bird"]),
        ('"ok"', []),
        ("", ["cat", "dog", "bird", "cow"]),
    ],
)
def test_filter(text: str, kept: list[str]) -> None:
    names = filter_rows(FRAME, text)["name"].to_list()
    assert len(names) == len(kept)
    assert all(want in name for want, name in zip(kept, names, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n>cat", "'cat' is no number, which n> needs"),
        ("nmae=cat", "unknown column 'nmae', did you mean 'name'?"),
        ("name=", "name= has no value"),
    ],
)
def test_a_filter_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        filter_rows(FRAME, text)


async def test_rows_stay_while_a_filter_cannot_be_read() -> None:
    async with TableHost().run_test(size=(100, 12)) as pilot:
        panel = pilot.app.query_one(TablePanel)
        panel.load(FRAME)
        panel.action_filter()
        await pilot.press(*"name:c")
        await pilot.pause()
        assert panel.rows_shown["n"].to_list() == [1_000_000, 400]
        panel.query_one(Input).value = "name:c nn>3"
        await pilot.pause()
        assert panel.rows_shown["n"].to_list() == [1_000_000, 400]
        assert "unknown column 'nn', did you mean 'n'?" in count_line(panel)
        panel.load(pl.DataFrame({"other": [1]}))  # no such columns: neither filter can be read
        await pilot.pause()
        assert panel.rows_shown.height == 1
        assert panel.close_filter()
        await pilot.pause()
        assert count_line(panel) == "1 row"


class TableHost(Host):
    def __init__(self) -> None:
        super().__init__(TablePanel(noun="row"))
        self.told: list[tuple[str, dict[str, Any]]] = []

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        self.told.append(("moved", event.row))

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        self.told.append(("chosen", event.row))


def count_line(panel: TablePanel) -> str:
    return str(panel.query_one("#count", Static).content)


def row_of(panel: TablePanel) -> dict[str, Any]:
    row = panel.row
    assert row is not None
    return row


async def test_sort_filter_and_messages() -> None:
    host = TableHost()
    async with host.run_test(size=(60, 12)) as pilot:
        panel = pilot.app.query_one(TablePanel)
        panel.load(FRAME, of=1000, key="name", note="made up")
        panel.table.focus()
        await pilot.pause()
        assert count_line(panel) == "4 rows · the first 4 of 1,000 · made up"
        await pilot.press("right")
        panel.action_sort()
        await pilot.pause()
        assert panel.rows_shown["n"].to_list() == [1_000_000, 400, 20, 3]
        panel.action_sort()
        assert panel.rows_shown["n"].to_list() == [3, 20, 400, 1_000_000]
        await pilot.press("down", "enter")
        await pilot.pause()
        assert host.told[-1] == ("chosen", {"name": "dog", "n": 20, "rate": 0.25, "ok": False})
        panel.action_filter()
        await pilot.press("n", ">", "1", "0", "0")
        await pilot.pause()
        assert panel.rows_shown["name"].to_list() == ["cow\x1b[2J", "cat"]
        assert "2 of 4 rows match" in count_line(panel)
        assert panel.close_filter()
        await pilot.pause()
        assert panel.rows_shown.height == 4
        assert not panel.close_filter()
        assert pilot.app.query_one(Input).value == ""


async def test_the_cursor_keeps_its_row_when_newer_rows_come() -> None:
    async with TableHost().run_test(size=(60, 12)) as pilot:
        panel = pilot.app.query_one(TablePanel)
        panel.load(FRAME, key="name")
        panel.table.focus()
        await pilot.press("down")
        assert row_of(panel)["name"] == "dog"
        panel.load(pl.concat([FRAME[3:], FRAME[:3]]), key="name")
        await pilot.pause()
        assert row_of(panel)["name"] == "dog"
        assert panel.select_where("name", "cat")
        assert row_of(panel)["n"] == 1_000_000
        panel.load(FRAME.clear(), key="name")
        await pilot.pause()
        assert panel.row is None


async def test_a_row_chosen_right_after_loading_is_in_sight() -> None:
    panel = TablePanel()
    async with Host(panel).run_test() as pilot:
        await pilot.pause()
        panel.load(pl.DataFrame({"n": range(1000)}))
        assert panel.select_where("n", 700)
        await wait_for(pilot, lambda: panel.table.scroll_offset.y <= 700 < panel.table.scroll_offset.y + 24)
        assert not panel.select_where("n", -1)


async def test_a_long_table_is_never_turned_into_python_rows() -> None:
    async with TableHost().run_test(size=(60, 20)) as pilot:
        panel = pilot.app.query_one(TablePanel)
        panel.load(pl.DataFrame({"row": pl.int_range(1_300_000, eager=True)}))
        panel.table.focus()
        await pilot.press("end")
        await pilot.pause()
        assert panel.row == {"row": 1_299_999}
        cached: Any = panel.table.frame_backend.get_row_at
        info = cached.cache_info()
        assert info.misses < 200


async def test_a_long_table_is_sorted_and_filtered_behind_the_screen() -> None:
    async with TableHost().run_test(size=(70, 12)) as pilot:
        panel = pilot.app.query_one(TablePanel)
        panel.load(pl.DataFrame({"row": pl.int_range(60_000, eager=True)}).with_columns(even=pl.col("row") % 2 == 0))
        panel.action_sort()
        assert panel.rows_shown["row"][0] == 0
        assert count_line(panel).startswith("sorting ...")
        await wait_for(pilot, lambda: panel.rows_shown["row"][0] == 59_999)
        assert count_line(panel) == "60,000 rows"
        panel.action_filter()
        await pilot.press(*"even=yes row<5")
        await wait_for(pilot, lambda: panel.rows_shown["row"].to_list() == [4, 2, 0])
        assert count_line(panel) == "3 of 60,000 rows match"
        panel.load(pl.DataFrame({"row": [7, 8], "even": [False, True]}))
        assert panel.rows_shown["row"].to_list() == []
        panel.close_filter()
        await pilot.pause()
        assert panel.rows_shown["row"].to_list() == [8, 7]


@pytest.mark.parametrize(
    ("values", "digits"),
    [
        ([0.5, 0.25, 0.125], 3),
        ([123.4, 98.2], 0),
        ([4e4, 3e4], 0),
        ([0.0, None, float("nan")], 1),
        ([1e-9, 2e-9], None),
        ([1e-3, 1e-3, 1e5], None),
    ],
)
def test_numbers_of_one_column_have_the_same_decimals(values: list[float | None], digits: int | None) -> None:
    assert digits_for(pl.Series("x", values, dtype=pl.Float64)) == digits


def test_p_values_have_few_digits() -> None:
    frame = pl.DataFrame({"p": [1.09e-13, 0.0312, 0.42], "r": [0.1234, 0.2345, 0.3456]})
    backend = FrameBackend(frame, columns=columns_of(frame))
    assert [backend.get_cell_at(row, 0).plain for row in range(3)] == ["<0.001", "0.031", "0.42"]
    assert backend.get_cell_at(0, 1).plain == "0.123"
