"""Samples to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.blocks import console as on_console
from workbench.blocks import html, markdown
from workbench.blocks.kind import Kind
from workbench.blocks.labels import CONSOLE_ROWS, PAGE_ROWS, first_rows
from workbench.present.numbers import number

if TYPE_CHECKING:
    from markupsafe import Markup
    from rich.console import Console

    from workbench.blocks.buffers import Writer

NAMES, RIGHT = ("split", "row", "note"), (False, True, False)


class Samples(msgspec.Struct, frozen=True):
    """Samples to look at: `rows` of one split, with one short text each where `notes` is given.

    Raises ValueError, when it is yielded, for as many notes as there are no rows.

    >>> Samples("test2", [17, 4], "most severe", notes=["cat, predicted dog", "dog, predicted cat"]).rows
    [17, 4]
    """

    split: str
    rows: Sequence[int]
    title: str = "samples"
    notes: Sequence[str] = ()


def _check(block: Samples) -> None:
    if len(block.notes) and len(block.notes) != len(block.rows):
        raise ValueError(f"Samples {block.title!r}: {len(block.notes)} notes for {len(block.rows)} rows")


def _pack(block: Samples, _: Writer) -> dict[str, Any]:
    rows, notes = [int(row) for row in block.rows], [str(note) for note in block.notes]
    return {"split": str(block.split), "rows": rows, "title": str(block.title), "notes": notes}


def _read(body: dict[str, Any], _: Sequence[bytes]) -> Samples:
    notes, rows = tuple(str(note) for note in body["notes"]), tuple(int(row) for row in body["rows"])
    return Samples(str(body["split"]), rows, title=str(body["title"]), notes=notes)


def _json(block: Samples) -> dict[str, Any]:
    rows, notes = [int(row) for row in block.rows], list(block.notes)
    return {"kind": "samples", "title": block.title, "split": block.split, "rows": rows, "notes": notes}


def _cells(block: Samples, most: int) -> list[list[str]]:
    """Split, row and note of the first `most` samples."""
    rows = [int(row) for row in block.rows[:most]]
    notes = block.notes[:most] if len(block.notes) else [""] * len(rows)
    return [[block.split, number(row), note] for row, note in zip(rows, notes, strict=True)]


def _markdown(block: Samples) -> Iterator[str]:
    cells = _cells(block, PAGE_ROWS)
    yield from markdown.titled(block.title, first_rows(len(cells), len(block.rows)))
    yield from markdown.grid(NAMES, cells, RIGHT)


def _html(block: Samples, _: Sequence[str]) -> Markup:
    cells = _cells(block, PAGE_ROWS)
    return html.titled(block.title, first_rows(len(cells), len(block.rows))) + html.grid(NAMES, cells, RIGHT)


def _show(block: Samples, console: Console) -> None:
    cells = _cells(block, CONSOLE_ROWS)
    on_console.title(console, block.title, first_rows(len(cells), len(block.rows)))
    on_console.grid(console, NAMES, cells, RIGHT)


KIND = Kind(Samples, _check, _pack, _read, _json, _markdown, _html, _show)
