"""Text made harmless: no unsafe character is left, whatever came in."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE, unsafe
from workbench.text import MOST_MARKS, clean, one_line, printed

# Any character, lone surrogates too, with those that matter often among them.
ODD = st.sampled_from(sorted(set(HOSTILE) | set("\n\t\r \\ab\ud800\U000e0001\u0301\u20dd\u0d3e")))
TEXTS = st.text(st.characters(exclude_categories=()) | ODD, max_size=60)


@given(TEXTS)
@settings(max_examples=1000, deadline=None)
def test_nothing_unsafe_is_left_and_a_second_cleaning_changes_nothing(text: str) -> None:
    for shown, again in (
        (clean(text), clean),
        (one_line(text), one_line),
        (printed(text), lambda one: clean(one, newlines=True)),
        (clean(text, newlines=True), lambda one: clean(one, newlines=True)),
    ):
        assert unsafe(shown, "\n\t") == []
        assert again(shown) == shown
        shown.encode()
    assert "\n" not in clean(text) + one_line(text)
    assert "\t" not in clean(text) + one_line(text)


def test_every_character_there_is() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        shown = clean(f"a{char}")
        if shown == f"a{char}":
            assert unicodedata.category(char)[0] not in "CZ" or char == " "
        else:
            assert shown == "a" + char.encode("unicode_escape").decode()


@given(TEXTS, TEXTS)
@settings(max_examples=500, deadline=None)
def test_texts_without_backslashes_that_differ_still_differ(one: str, other: str) -> None:
    if one != other and "\\" not in one + other:
        assert clean(one) != clean(other)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat", "cat"), ("cat\u200b", "cat\\u200b"), ("a\x1b[31mb", "a\\x1b[31mb"), ("a\tb\n", "a\\tb\\n"),
        ("\u202egpj.exe", "\\u202egpj.exe"), ("New\xa0York", "New\\xa0York"), ("\ud800", "\\ud800"),
        ("ein Hund, 犬, собака, כלב, Điện", "ein Hund, 犬, собака, כלב, Điện"), ("e\u0301", "e\u0301"),
        ("\u0301a", "\\u0301a"), ("\u2764\ufe0f", "\u2764\\ufe0f"), ("C:\\new", "C:\\new"), (3, "3"), (None, "None"),
        ("\U000e0041", "\\U000e0041"), ("ab \u3164", "ab \\u3164"),
    ],
)  # fmt: skip
def test_what_is_shown(text: object, shown: str) -> None:
    assert clean(text) == shown


def test_marks_are_bounded() -> None:
    marks = "\u0301" * 6
    assert clean("a" + marks) == "a" + "\u0301" * MOST_MARKS + "\\u0301" * 2


def test_lines() -> None:
    assert clean("a\r\nb\tc\x1b", newlines=True) == "a\nb\tc\\x1b"
    assert one_line("a \n\n b\tc\u200b") == "a b c\\u200b"
    assert printed("\x1b[31mred\x1b[0m \x1b]8;;http://x\x1b\\link") == "red link"
    assert printed(" 10%\r 50%\r100%\r") == "100%"
