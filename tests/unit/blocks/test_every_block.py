"""The contract that every kind of block passes by being registered."""

from __future__ import annotations

import doctest
import importlib
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench.blocks
from tests.hostile import HOSTILE, unsafe
from workbench.api import Chart, HeatMap, Metric, Samples, Series, Table, Text
from workbench.blocks import KINDS, decode, encode, grouped, kind_of
from workbench.cli.common import make_console
from workbench.worker import wire

MARKUP = '<script>alert(1)</script> & "quoted" | [bold]x[/bold] {{ 7 * 7 }} `code` \x1b[31m' + HOSTILE

number = st.floats(allow_nan=True, allow_infinity=True)
text = st.text(max_size=20) | st.just(MARKUP)
split = st.sampled_from(["", "train", "test1", "other"])


def arrays(n: int) -> st.SearchStrategy[np.ndarray]:
    return st.lists(number, min_size=n, max_size=n).map(lambda values: np.array(values, np.float64))


@st.composite
def metrics(draw: Any) -> Metric:
    ci = draw(st.none() | st.tuples(number, number))
    unit = draw(st.sampled_from(["", "%", "pts", MARKUP]))
    return Metric(draw(text), draw(number), ci, unit, draw(st.none() | number), draw(split), draw(text))


@st.composite
def tables(draw: Any) -> Table:
    n = draw(st.integers(0, 5))
    columns = {
        "x": pl.Series(draw(arrays(n)), dtype=pl.Float64),
        "p_adjusted": pl.Series(draw(arrays(n)), dtype=pl.Float64),
        MARKUP: pl.Series([draw(st.none() | text) for _ in range(n)], dtype=pl.String),
        "n": pl.Series([draw(st.none() | st.integers(-9, 9)) for _ in range(n)], dtype=pl.Int64),
    }
    percent = draw(st.sampled_from([(), ("x",), ("x", "n", MARKUP)]))
    return Table(pl.DataFrame(columns), draw(text), draw(st.none() | st.just(9)), "n", draw(split), percent, draw(text))


@st.composite
def charts(draw: Any) -> Chart:
    kind = draw(st.sampled_from(["line", "points", "steps", "bars"]))
    series = []
    for _ in range(draw(st.integers(0, 3))):
        n = draw(st.integers(0, 5))
        x = draw(arrays(n + (kind == "steps")))
        if kind == "bars" and draw(st.booleans()):
            x = np.array([draw(text) for _ in range(n)], dtype=object)
        series.append(Series(draw(text), x, draw(arrays(n)), draw(split)))
    return Chart(tuple(series), draw(text), draw(text), draw(text), kind, draw(text))


@st.composite
def heat_maps(draw: Any) -> HeatMap:
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    values = draw(arrays(rows * columns)).reshape(rows, columns)
    names = tuple(draw(text) for _ in range(rows)), tuple(draw(text) for _ in range(columns))
    low, high = draw(st.none() | st.just(-1.0)), draw(st.none() | st.just(2.0))
    return HeatMap(values, draw(text), *names, low, high, draw(st.booleans()), draw(text))


@st.composite
def samples(draw: Any) -> Samples:
    rows = draw(st.lists(st.integers(0, 10**9), max_size=4))
    notes = draw(st.just(()) | st.tuples(*(text for _ in rows)))
    return Samples(draw(text), tuple(rows), draw(text), notes)


EXAMPLES: dict[str, st.SearchStrategy[Any]] = {
    "Metric": metrics(),
    "Table": tables(),
    "Chart": charts(),
    "HeatMap": heat_maps(),
    "Text": st.builds(Text, text.map(lambda t: t + "\n```\n" + t), text),
    "Samples": samples(),
}


def same(a: Any, b: Any) -> bool:
    """Whether two values of blocks hold the same."""
    if isinstance(a, pl.DataFrame):
        return bool(a.equals(b))
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, msgspec.Struct):
        return type(a) is type(b) and same(msgspec.structs.astuple(a), msgspec.structs.astuple(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b or (a != a and b != b))


def through(message: wire.Message) -> wire.Message:
    data = wire.pack(*message)
    head, body = wire.sizes(data[: wire.HEADER.size])
    rest = data[wire.HEADER.size :]
    assert len(rest) == head + body
    return wire.unpack(rest[:head], rest[head:])


def test_every_kind_has_examples_here() -> None:
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("module", sorted(Path(workbench.blocks.__file__).parent.glob("*.py")), ids=lambda p: p.stem)
def test_the_examples_of_the_docstrings(module: Path) -> None:
    name = "" if module.stem == "__init__" else f".{module.stem}"
    assert doctest.testmod(importlib.import_module(f"workbench.blocks{name}")).failed == 0


@pytest.mark.parametrize("name", KINDS)
def test_it_travels_unchanged(name: str) -> None:
    @given(EXAMPLES[name])
    @settings(max_examples=40, deadline=None)
    def check(block: Any) -> None:
        assert same(decode(*through(encode(block))), block)

    check()


def console_text(block: Any) -> str:
    console = make_console(width=100)
    with console.capture() as capture:
        kind_of(block).show(block, console)
    return capture.get()


DRAWINGS: dict[str, Callable[[Any], str]] = {
    "markdown": lambda block: "\n".join(kind_of(block).markdown(block)),
    "html": lambda block: str(kind_of(block).html(block, ("test1", "test2"))),
    "console": console_text,
}


@pytest.mark.parametrize("drawing", DRAWINGS)
@pytest.mark.parametrize("name", KINDS)
def test_no_text_of_it_does_anything_where_it_is_drawn(name: str, drawing: str) -> None:
    @given(EXAMPLES[name])
    @settings(max_examples=25, deadline=None)
    def check(block: Any) -> None:
        drawn = DRAWINGS[drawing](block)
        assert not unsafe(drawn, allowed="\n\t"), drawn  # both are kept in text of several lines
        if drawing == "html":
            assert "<script" not in drawn
            coordinates = re.findall(r' (?:d|x|y|cx|cy|width|height)="([^"]*)"', drawn)
            assert not any("nan" in value or "inf" in value for value in coordinates)
        if drawing == "markdown" and name != "Text":
            assert "<script" not in drawn.replace("\\<script", "")

    check()


@pytest.mark.parametrize("name", KINDS)
def test_its_json_is_strict(name: str) -> None:
    @given(EXAMPLES[name])
    @settings(max_examples=25, deadline=None)
    def check(block: Any) -> None:
        written = json.loads(json.dumps(kind_of(block).json(block), allow_nan=False))
        assert isinstance(written["kind"], str)

    check()


def test_what_is_no_block_is_refused_by_name() -> None:
    for value in ("text", None, 3.0, Series("s", np.arange(2.0), np.arange(2.0))):
        with pytest.raises(TypeError, match="is no block"):
            kind_of(value)
        with pytest.raises(TypeError, match=r"run\(\) yielded a .*; expected one of Metric"):
            encode(value)


UNSOUND = [
    (Metric("m", 1.0, ci=(1.0, 2.0, 3.0)), "ci is"),  # type: ignore[arg-type]
    (Table({"a": 1}), "polars DataFrame"),  # type: ignore[arg-type]
    (Table(pl.DataFrame({"a": [1]}), percent=("b",)), "'b'"),
    (Chart([Series("s", np.arange(3.0), np.arange(2.0))]), "shapes"),
    (Chart([Series("s", np.arange(2.0), np.arange(2.0))], kind="pie"), "pie"),
    (Chart([Series("s", np.arange(2.0), np.array(["a", "b"]))]), "y holds numbers"),
    (HeatMap(np.zeros(3)), "matrix"),
    (HeatMap(np.zeros((2, 2)), row_names=["a"]), "names"),
    (Samples("train", [1, 2], notes=["a"]), "1 notes for 2 rows"),
]


@pytest.mark.parametrize(("block", "message"), UNSOUND, ids=lambda value: value if isinstance(value, str) else "")
def test_an_unsound_block_is_refused_where_it_is_sent_and_where_it_is_read(block: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        encode(block)
    if not isinstance(block, Table):
        kind = KINDS[type(block).__name__]
        writer = workbench.blocks.buffers.Writer()
        body = {"kind": "block", "block": kind.name, "body": kind.pack(block, writer)}
        if kind.name != "Metric":  # of which only the two ends are read
            with pytest.raises(ValueError, match="an invalid block"):
                decode(body, writer.buffers)


@given(st.recursive(st.none() | st.integers() | text, lambda inner: st.dictionaries(text, inner) | st.lists(inner)))
@settings(max_examples=100, deadline=None)
def test_messages_without_a_block_are_refused(body: Any) -> None:
    for name in (*KINDS, "Nothing"):
        with pytest.raises(ValueError, match="an invalid block"):
            decode({"block": name, "body": body}, [])


def test_blocks_are_made_as_plugins_make_them() -> None:
    frame = pl.DataFrame({"a": [1]})
    assert Metric("m", 1.0, (0.0, 2.0), "%", 0.5, "train", "note") == Metric(
        name="m", value=1.0, ci=(0.0, 2.0), unit="%", p=0.5, split="train", note="note"
    )
    assert Table(frame, "t", 5, "a", "train", ("a",), "n").note == Table(frame=frame, note="n").note
    with pytest.raises(AttributeError):
        Metric("m", 1.0).value = 2.0  # type: ignore[misc]


def test_neighbours_of_a_grouped_kind_are_together() -> None:
    metric, words = Metric("m", 1.0), Text("t")
    groups = grouped([metric, metric, words, words, metric])
    assert [len(group) for group in groups] == [2, 1, 1, 1]
    assert math.isclose(sum(map(len, groups)), 5)
