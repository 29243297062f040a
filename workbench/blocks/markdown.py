"""Markdown that any reader shows as it is meant: escaped text, titles, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from workbench.blocks.labels import joined
from workbench.text import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def escape(text: object) -> str:
    """Text that Markdown takes as it is, cleaned."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def titled(title: str, *notes: str) -> Iterator[str]:
    """The heading of a block, and its notes in a line below."""
    yield from (f"### {escape(title)}", "")
    line = joined(*notes)
    if line:
        yield from (escape(line), "")


def grid(names: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    """A table; `right` says which columns are numbers."""
    yield "| " + " | ".join(escape(name) for name in names) + " |"
    yield "|" + "|".join("---:" if side else "---" for side in right) + "|"
    for row in rows:
        yield "| " + " | ".join(escape(cell) for cell in row) + " |"
    yield ""


def fenced(text: str) -> Iterator[str]:
    """Text of several lines, behind a fence longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    yield from (fence + "text", clean(text, newlines=True), fence, "")
