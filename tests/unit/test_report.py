import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench.cli.blocks import show, sparkline
from workbench.report.svg import chart, heat_map, shade, ticks

from workbench import blocks as codec
from workbench.api import Chart, HeatMap, Metric, Samples, Series, Table, Text
from workbench.report import Section, to_html, to_markdown, to_object, to_objects
from workbench.report.parts import number, p_value
from workbench.worker import results, wire

EVIL = '<script>alert(1)</script> & "quoted" | [bold]x[/bold]'
BLOCKS = [
    Metric(EVIL, 0.5, ci=(0.4, 0.6), unit="%", p=0.0, split="test1", note=EVIL),
    Metric("plain", math.nan, p=0.25),
    Table(
        pl.DataFrame({"name": [EVIL, None], "share": [0.25, math.inf], "n": [12345, 1]}), EVIL, of=9, percent=("share",)
    ),
    Chart([Series(EVIL, np.arange(3.0), np.array([1, math.nan, 2]), "test2")], EVIL, "x", EVIL),
    Chart([Series("bars", np.array(["a<b", "c"], dtype=object), np.array([1.0, 2.0]))], kind="bars"),
    Chart([Series("points", np.arange(2.0), np.array([1.0, math.inf]))], kind="points"),
    Chart([Series("steps", np.arange(3.0), np.array([0.25, 0.75]))], kind="steps"),
    Chart([Series("none", np.empty(0), np.empty(0))]),
    HeatMap(np.array([[1, math.nan], [-1, 0.5]]), EVIL, [EVIL, "b"], ["c", "d"], diverging=True),
    Text(EVIL + "\n```\nfence", EVIL),
    Samples("test1", [3, 1], EVIL, [EVIL, ""]),
]


def test_the_objects_of_the_design():
    metric, _, table, *_ = to_objects(BLOCKS)
    assert {"kind": "metric", "name": EVIL, "value": 0.5, "ci": [0.4, 0.6]}.items() <= metric.items()
    expected = {
        "kind": "table",
        "title": EVIL,
        "columns": ["name", "share", "n"],
        "rows": [[EVIL, 0.25, 12345], [None, None, 1]],
        "of": 9,
    }
    assert expected.items() <= table.items()
    assert to_object(Table(pl.DataFrame({"a": [1, 2]})))["of"] == 2
    json.dumps(to_objects(BLOCKS), allow_nan=False)
    with pytest.raises(TypeError, match="no block"):
        to_object("text")


def test_html_escapes_everything_and_stands_alone():
    page = to_html(EVIL, [Section(EVIL, BLOCKS, {"p": EVIL}, failure=EVIL)], {EVIL: EVIL}, ("test1", "test2"))
    assert "<script" not in page
    assert "http" not in page
    assert "the first 2 of 9 rows" in page
    assert "#A86400" not in chart(BLOCKS[3], ("test1", "test2"))
    assert "#A2457C" in chart(BLOCKS[3], ("test1", "test2"))
    assert "nan" not in page
    assert "NaN" not in page


def test_markdown_escapes_cells_and_fences():
    page = to_markdown("t", [Section("s", BLOCKS)])
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert any(r"\<script\>" in row and r"\|" in row for row in rows)
    assert "<script>" not in page.split("````text")[0]
    assert "````text" in page
    assert "the first 2 of 9 rows" in page


def test_the_terminal_reads_no_markup(capsys):
    show("title", {"p": "[bold]"}, "run", BLOCKS)
    out = capsys.readouterr().out
    assert "[bold]x[/bold]" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("value", "percent", "shown"),
    [
        (0.123456, True, "12.3%"), (12345, False, "12,345"), (0.0123456, False, "0.01235"), (1.0, False, "1"),
        (None, False, "–"), (math.nan, False, "–"), (True, False, "yes"), (1e-9, False, "1.00e-09"),
        (123.456, False, "123.5"), ("text", False, "text"), (0, False, "0"), (-0.5, False, "-0.5000"),
        (2.5e8, False, "2.50e+08"),
    ],
)  # fmt: skip
def test_numbers(value, percent, shown):
    assert number(value, percent) == shown


def test_p_values_have_no_zero():
    assert p_value(0.0) == "p < 1e-300"
    assert p_value(0.0421) == "p = 0.042"


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
@settings(max_examples=200, deadline=None)
def test_ticks_are_few_and_inside(low, width):
    if width > 1e-6 * abs(low):
        found = ticks(low, low + width)
        assert len(found) <= 12
        assert all(low - 1e-6 * width - 1e-9 <= tick <= low + width * (1 + 1e-6) + 1e-9 for tick in found)


def test_shades_and_empty_pictures():
    assert shade(0, True) == "#2166ac"
    assert shade(2, True) == "#b2182b"
    assert heat_map(HeatMap(np.full((2, 2), math.nan))).count("<rect x") == 20
    assert sparkline(np.array([math.nan])).startswith(" ")
    assert sparkline(np.arange(300.0)).startswith("▁")


values = st.floats(allow_nan=True, allow_infinity=True)
texts = st.text(max_size=20)


@given(st.lists(values, max_size=5), texts, st.none() | values)
@settings(max_examples=100, deadline=None)
def test_blocks_travel_unchanged(numbers, text, p):
    table = Table(
        pl.DataFrame({"x": pl.Series(numbers, dtype=pl.Float64), "t": [text] * len(numbers)}, strict=False), text
    )
    arrived = codec.decode(*_through(codec.encode(table)))
    assert arrived.frame["x"].equals(table.frame["x"])
    assert arrived.frame["t"].to_list() == [text] * len(numbers)
    metric = codec.decode(*_through(codec.encode(Metric(text, 1.0, p=p))))
    assert metric.name == text
    assert metric.p == p or (p != p and math.isnan(metric.p))


def _through(message):
    data = wire.pack(*message)
    head, body = wire.sizes(data[: wire.HEADER.size])
    rest = data[wire.HEADER.size :]
    assert len(rest) == head + body
    return wire.unpack(rest[:head], rest[head:])


@given(st.binary(max_size=200), st.binary(max_size=50))
@settings(max_examples=200, deadline=None)
def test_garbage_from_a_process_is_refused(head, body):
    with pytest.raises(ValueError, match="message"):
        wire.unpack(head, body)


@given(st.recursive(st.none() | st.integers() | texts, lambda inner: st.dictionaries(texts, inner) | st.lists(inner)))
@settings(max_examples=100, deadline=None)
def test_messages_without_a_block_are_refused(body):
    for name in ("Metric", "Table", "Chart", "HeatMap", "Text", "Samples", "Nothing"):
        with pytest.raises(ValueError, match="cannot be read"):
            codec.decode({"block": name, "body": body}, [])


def test_answers_are_kept_whole_or_not_at_all(tmp_path):
    answer = results.Answer([codec.encode(Metric("a", 1.0)), codec.encode(BLOCKS[2])], {"run": "x"})
    results.save(tmp_path, "k", answer)
    assert results.load(tmp_path, "k") == answer
    file = tmp_path / "k.answer"
    whole = file.read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert results.load(tmp_path, "k") is None
    assert results.load(tmp_path, "other") is None
    assert [path.name for path in tmp_path.iterdir()] == ["k.answer"]


def test_the_oldest_answers_go_first(tmp_path, monkeypatch):
    import os

    answer = results.Answer([codec.encode(Text("x" * 1000))])
    names = [str(i) * 40 for i in range(6)]  # as hashes are
    for i, name in enumerate(names[:5]):
        results.save(tmp_path, name, answer)
        os.utime(tmp_path / f"{name}.answer", (i, i))
    monkeypatch.setattr(results, "LARGEST_CACHE", 3500)
    torn = tmp_path / f".{names[0]}.answer.0123456789ab"
    for file in (torn, tmp_path / ".profile"):  # the second is no answer's, and not the workbench's to delete
        file.write_bytes(b"x")
        os.utime(file, (0, 0))
    results.save(tmp_path, names[5], answer)
    assert sorted(path.stem for path in tmp_path.iterdir()) == [".profile", *names[3:]]


def test_the_key_depends_on_all_that_the_answer_does():
    base = ("data", "name", "source", {"a": 1}, ("x", "y"), {"id": "r", "summary": {}})
    keys = {results.key(*base)}
    for i, other in enumerate(("d2", "n2", "s2", {"a": 2}, ("y", "x"), None)):
        keys.add(results.key(*base[:i], other, *base[i + 1 :]))
    assert len(keys) == 7
