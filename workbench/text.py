"""Text that came from data, paths, plugins, libraries or the command line, made harmless to show; counts in words."""

from __future__ import annotations

import re
import unicodedata

# Blank or without width, though Unicode calls them letters, marks or symbols.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_STYLES = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?")
MOST_MARKS = 4  # combining marks on one character; no writing system in use needs more


def clean(text: object, newlines: bool = False) -> str:
    """`text` with every character that could not be seen, or could do something, shown as its escape.

    The rule is that of `repr`: what is not printable is written as `\\x1b`, `\\u200b` or `\\U000e0041`. These are
    control characters, direction marks, characters without width, private and unassigned ones, lone surrogates, and
    every blank but the space; here also fillers and variation selectors, combining marks that stand on nothing, and
    those beyond `MOST_MARKS` on one character. So names that differ in such a character alone still look different, a
    terminal obeys none of them, and each remaining character has the width that it is drawn with. The price is that
    joined emoji, and words that need a joiner, show it. Backslashes stay as they are: cleaning twice changes nothing.

    Line feeds and tabs are shown as `\\n` and `\\t`, unless `newlines` keeps them, for text of several lines.
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    if newlines:
        plain = plain.replace("\r\n", "\n")
    shown, marks = [], MOST_MARKS
    for char in plain:
        if newlines and char in "\n\t":
            marks = MOST_MARKS
        elif not is_harmless(char):
            char, marks = _escape(char), 0
        elif char == " ":
            marks = MOST_MARKS
        elif unicodedata.category(char) not in ("Mn", "Me"):
            marks = 0
        elif marks < MOST_MARKS:
            marks += 1
        else:
            char = _escape(char)
        shown.append(char)
    return "".join(shown)


def is_harmless(char: str) -> bool:
    """Whether `clean` may keep a character: one that is printable and seen."""
    return char.isprintable() and char not in _BLANK


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def one_line(text: object) -> str:
    """`clean` for prose, such as the message of an exception: its line breaks and tabs become spaces."""
    return clean(" ".join(str(text).split()))


def printed(line: str) -> str:
    """`clean` for a line that a program printed, as a terminal would show it: no colours, and of a line that carriage
    returns wrote over several times (a progress bar) the last one.
    """
    plain = _STYLES.sub("", line)
    return clean(next((part for part in reversed(plain.split("\r")) if part), ""), newlines=True)


def counted(n: int, what: str, plural: str = "") -> str:
    """`1 row`, `1,300 rows`."""
    return f"{n:,} {what if n == 1 else plural or what + 's'}"
