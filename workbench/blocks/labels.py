"""Words that every form of output puts beside a block."""

from __future__ import annotations

from workbench.text import clean, one_line

PAGE_ROWS = 500  # of a table or of samples in Markdown and HTML
CONSOLE_ROWS = 200


def heading(name: str) -> str:
    """A column's name as people read it.

    >>> heading("p_adjusted")
    'p adjusted'
    """
    return clean(name).replace("_", " ")


def joined(*notes: str) -> str:
    """Notes as one line of prose; those that are empty are left out."""
    return "; ".join(filter(None, map(one_line, notes)))


def first_rows(shown: int, available: int, total: int | None = None) -> str:
    """How many rows are shown of how many, and where the others are; empty when all are there.

    `available` of `total` rows came with the block.

    >>> first_rows(20, 20, 1280), first_rows(500, 2_000_000), first_rows(3, 3)
    ('the first 20 of 1,280 rows', 'the first 500 of 2,000,000 rows (--json has 2,000,000)', '')
    """
    whole = max(available, total or 0)
    if shown >= whole:
        return ""
    rest = f" (--json has {available:,})" if available > shown else ""
    return f"the first {shown:,} of {whole:,} rows{rest}"
