"""The filter language itself; what it means for runs and for tables is tested with those."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.filters import Kind, parse
from workbench.tui.widgets.table.filtering import filter_rows

KEYS: dict[str, Kind] = {
    "name": "text", "n": "number", "rate": "number", "ok": "flag", "lr": "any", "true name": "text", "true": "text",
    "state": "text", "starred": "flag",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("", []),
        ("word", [("", "", "word", False)]),
        ("-word", [("", "", "word", True)]),
        ("-", [("", "", "-", False)]),
        ('"-word"', [("", "", "-word", False)]),
        ('""', []),
        ('-"two words" x', [("", "", "two words", True), ("", "", "x", False)]),
        ('"a=b"', [("", "", "a=b", False)]),
        ('"open', [("", "", "open", False)]),
        ("a!b", [("", "", "a!b", False)]),
        ('name="great white"', [("name", "=", "great white", False)]),
        ("-name:a=b:c", [("name", ":", "a=b:c", True)]),
        ('name=""', [("name", "=", "", False)]),
        ('"true name"!=x', [("true name", "!=", "x", False)]),
        ("true=x", [("true", "=", "x", False)]),
        ("NAM:x ra>=50%", [("name", ":", "x", False), ("rate", ">=", "50%", False)]),
        ("lr=auto", [("lr", "=", "auto", False)]),
        ("ok -starred", [("ok", "=", "true", False), ("starred", "=", "true", True)]),
        ('"ok"', [("", "", "ok", False)]),
    ],
)
def test_conditions(text: str, conditions: list[tuple[str, str, str, bool]]) -> None:
    assert [(c.key, c.operator, c.value, c.negated) for c in parse(text, KEYS)] == conditions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x nmae=a", "filter, character 3: unknown column 'nmae', did you mean 'name'?"),
        ("sta=x", "filter, character 1: 'sta' could be 'state' or 'starred'; write more of the column"),
        ("n>", "filter, character 1: n> has no value"),
        ("-n=x", "filter, character 4: 'x' is no number, which n= needs"),
        ("lr<big", "filter, character 4: 'big' is no number, which lr< needs"),
        ("=3", "filter, character 1: '=3' is no condition"),
    ],
)
def test_what_cannot_be_read_names_the_place_and_the_way_out(text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(text, KEYS, noun="column")
    assert str(caught.value).startswith(message)


VALUES = st.one_of(
    st.sampled_from(["a", "B", "ab", "true", "no", "1", "0.3", "30%", "-1e3", "x y"]), st.integers(-2, 2)
)
FRAMES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.one_of(st.none(), st.sampled_from(["a", "AB", "b", "x y", ""])),
            "n": st.one_of(st.none(), st.integers(-2, 2)),
            "rate": st.one_of(st.none(), st.sampled_from([0.1 + 0.2, 0.3, -1000.0, 1.0])),
            "ok": st.one_of(st.none(), st.booleans()),
        }
    ),
    min_size=1,
    max_size=6,
)


@given(
    FRAMES,
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["name", "n", "rate", "ok", ""]),
            st.sampled_from([":", "=", "!=", "<", "<=", ">", ">="]),
            VALUES,
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_a_frame_and_a_mapping_are_filtered_alike(
    rows: list[dict[str, Any]], terms: list[tuple[bool, str, str, object]]
) -> None:
    """Else the same filter would mean one thing for runs and another for tables."""
    schema = {"name": pl.String, "n": pl.Int64, "rate": pl.Float64, "ok": pl.Boolean}
    kinds: dict[str, Kind] = {"name": "text", "n": "number", "rate": "number", "ok": "flag"}
    text = " ".join(f'{"-" * minus}{key}{operator if key else ""}"{value}"' for minus, key, operator, value in terms)
    frame = pl.DataFrame(rows, schema=schema).with_row_index("place")
    try:
        conditions = parse(text, kinds)
    except BadInput:
        with pytest.raises(BadInput):
            filter_rows(frame.drop("place"), text)
        return
    expected = [
        place
        for place, row in enumerate(rows)
        if all(c.holds(row, [str(row[key]) for key in ("name", "n") if row[key] is not None]) for c in conditions)
    ]
    shown = frame.drop("place").with_columns(hidden=pl.Series(range(len(rows)), dtype=pl.Float64))
    assert filter_rows(shown, text)["hidden"].to_list() == expected


@given(st.text(alphabet='nameok"=:<>!-% 3é\\[', max_size=20))
def test_any_text_is_a_filter_or_bad_input(text: str) -> None:
    frame = pl.DataFrame({"name": ["cat", "é["], "n": [3, 4], "ok": [True, None]})
    try:
        rows, problem = filter_rows(frame, text).height, "filter, character"
    except BadInput as error:
        rows, problem = 0, str(error)
    assert rows <= 2
    assert problem.startswith("filter, character")
