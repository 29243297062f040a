"""Whole pages: sections, facts, failures, in HTML, Markdown, JSON and on the console."""

from __future__ import annotations

import html.parser
import json
import math
import re

import numpy as np
import polars as pl
import pytest

from workbench.api import Block, Chart, HeatMap, Metric, Samples, Series, Table, Text
from workbench.cli.analyse import show
from workbench.present.colours import DARK, LIGHT
from workbench.report import Section, to_html, to_markdown, to_object, to_objects

EVIL = '<script>alert(1)</script> & "quoted" | [bold]x[/bold]'
BLOCKS: list[Block] = [
    Metric(EVIL, 0.5, ci=(0.4, 0.6), unit="%", p=0.0, split="test1", note=EVIL),
    Metric("plain", math.nan, p=0.25),
    Table(pl.DataFrame({"name": [EVIL, None], "share": [0.25, 1.0], "n": [12345, 1]}), EVIL, of=9, percent=("share",)),
    Chart([Series(EVIL, np.arange(3.0), np.array([1, math.nan, 2]), "v2")], EVIL, "x", EVIL),
    HeatMap(np.array([[1, math.nan], [-1, 0.5]]), EVIL, [EVIL, "b"], ["c", "d"], diverging=True),
    Text(EVIL + "\n```\nfence", EVIL),
    Samples("test1", [3, 1], EVIL, [EVIL, ""]),
]
PAIR = ("v1", "v2")


def test_the_objects_of_the_design() -> None:
    metric, _, table, *_ = to_objects(BLOCKS)
    assert {"kind": "metric", "name": EVIL, "value": 0.5, "ci": [0.4, 0.6]}.items() <= metric.items()
    expected = {
        "kind": "table",
        "title": EVIL,
        "columns": ["name", "share", "n"],
        "rows": [[EVIL, 0.25, 12345], [None, 1.0, 1]],
        "of": 9,
    }
    assert expected.items() <= table.items()
    assert to_object(Table(pl.DataFrame({"a": [1, 2]})))["of"] == 2
    json.dumps(to_objects(BLOCKS), allow_nan=False)
    with pytest.raises(TypeError, match="no block"):
        to_object("text")  # type: ignore[arg-type]


def test_html_escapes_everything_and_stands_alone() -> None:
    page = to_html(EVIL, [Section(EVIL, BLOCKS, {"p": EVIL}, failure=EVIL)], {EVIL: EVIL}, PAIR)
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:image/png)', page)
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("&lt;script&gt;") > 15
    assert "the first 2 of 9 rows" in page
    assert unclosed(page) == []
    assert "Incomplete" in page


def test_a_split_has_its_colour_in_light_and_dark() -> None:
    series = [Series(name, np.arange(2.0), np.arange(2.0), name) for name in ("train", *PAIR)]
    page = to_html("t", [Section("s", [Chart(series)])], pair=PAIR)
    keys = re.findall(r'<g style="--c:var\(--([a-z0-9-]+)\)">', page)
    assert keys == ["train", "test1", "test2"]
    for shades in (LIGHT, DARK):
        for key in keys:
            assert f"--{key}:{shades.splits[key]};" in page


def test_markdown_escapes_cells_and_fences() -> None:
    page = to_markdown("t", [Section("s", BLOCKS)])
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert any(r"\<script\>" in row and r"\|" in row for row in rows)
    assert "<script>" not in page.split("````text")[0]
    assert "````text" in page
    assert "the first 2 of 9 rows" in page


def test_the_terminal_reads_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show("title", {"p": "[bold]"}, "run", BLOCKS)
    out = capsys.readouterr().out
    assert "[bold]x[/bold]" in out
    assert "\x1b" not in out


def test_numbers_are_the_same_in_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = [Metric("gap", 0.067, (0.05, 0.08), "pts", p=2e-12), Metric("accuracy", 0.951, (0.942, 0.959), "%")]
    show("title", {}, None, blocks)
    page = to_html("t", [Section("s", blocks)])
    for text in (capsys.readouterr().out, to_markdown("t", [Section("s", blocks)]).replace("\\", ""), page):
        for shown in ("6.7 points", "[5.0, 8.0]", "95.1 %", "[94.2, 95.9]"):
            assert shown in text
        assert "p < 0.001" in text or "p &lt; 0.001" in text


def unclosed(page: str) -> list[str]:
    """The elements that a page opens and does not close, in order."""
    opened: list[str] = []

    class Elements(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br"):
                opened.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Elements().feed(page)
    return opened
