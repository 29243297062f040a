"""Text that came from data or from plugins, made safe to show; and counts in words."""

from __future__ import annotations

import re

# The characters themselves stand in the pattern, so that Python and Polars read it alike. Whole escape sequences come
# first; then what is left of C0 (but tab and line feed), DEL, C1, and the marks that reorder or break lines of text.
ESCAPES = "\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?"
CONTROLS = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
UNSAFE = f"{ESCAPES}|{CONTROLS}"
BREAKS = "[\n\t]+"

_UNSAFE = re.compile(UNSAFE)
_BREAKS = re.compile(BREAKS)


def clean(text: object, newlines: bool = False) -> str:
    """`text` without terminal escape sequences and control characters.

    Line breaks and tabs become one space, unless `newlines` keeps them.
    """
    plain = _UNSAFE.sub("", str(text))
    return plain if newlines else _BREAKS.sub(" ", plain)


def counted(n: int, what: str, plural: str = "") -> str:
    """`1 row`, `1,300 rows`."""
    return f"{n:,} {what if n == 1 else plural or what + 's'}"
