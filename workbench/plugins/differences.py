"""What changed in a workspace's plugins since they were reviewed, as unified differences to read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from workbench.plugins.sources import SourceFile, visible
from workbench.plugins.trust import Review, reviewed_text

MANY_LINES = 1000  # above this many on either side, between the first and the last change, no lines are matched
CONTEXT = 3  # unchanged lines shown around a change
NO_END = "\\ No newline at end of file"
_HUNK = re.compile(r"(?<=[ ])([-+])(\d+)")


@dataclass(frozen=True)
class Change:
    """One file that differs from what was reviewed; `diff` is a unified difference in characters that can be seen.

    If the reviewed text is no longer available, `note` says so and the difference is that to an empty file.
    """

    name: str
    kind: Literal["added", "changed", "removed"]
    diff: str
    note: str = ""


def changes(review: Review) -> list[Change]:
    """Every file that was added, changed or removed since the review, in order of names."""
    return list(_changes(review))


def _changes(review: Review) -> Iterator[Change]:
    now, before = review.sources.hashes, review.reviewed
    for name in sorted({*now, *before}):
        if now.get(name) == before.get(name):
            continue
        file = review.sources.file(name)
        old = reviewed_text(before[name]) if name in before else ""
        kind: Literal["added", "changed", "removed"] = (
            "removed" if file is None else "changed" if name in before else "added"
        )
        note = "the reviewed text is no longer available; showing the whole file" if old is None else ""
        yield Change(name, kind, unified(name, old or "", _shown(file)), note)


def _shown(file: SourceFile | None) -> str:
    """The whole of a file, a byte order mark included."""
    return file.data.decode() if file is not None else ""


def unified(name: str, old: str, new: str) -> str:
    """The unified difference of two texts. Lines end at line feeds alone; what cannot be seen is written as an escape.

    The common start and end of the texts are removed first, so that large files which differ in one place are compared
    quickly; a large rewritten part is shown as removed and added.
    """
    before, after = _lines(old), _lines(new)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    start, end = max(0, start - CONTEXT), max(0, end - CONTEXT)
    one, other = before[start : len(before) - end], after[start : len(after) - end]
    if max(len(one), len(other)) > MANY_LINES:
        body = [f"@@ -1,{len(one)} +1,{len(other)} @@", *(f"-{line}" for line in one), *(f"+{line}" for line in other)]
    else:
        body = list(difflib.unified_diff(one, other, lineterm="", n=CONTEXT))[2:]
    moved = (_HUNK.sub(lambda found: _moved(found, start), line) if line[0] == "@" else line for line in body)
    return "\n".join([f"--- reviewed/{name}", f"+++ now/{name}", *moved])


def _moved(match: re.Match[str], lines: int) -> str:
    """The header of a hunk in a part of the file that starts after the given numbers of lines."""
    sign, number = match.groups()
    return f"{sign}{int(number) + lines}"


def _lines(text: str) -> list[str]:
    if not text:
        return []
    lines = visible(text).split("\n")
    return lines[:-1] if lines[-1] == "" else [*lines, NO_END]


def _common(one: list[str], other: list[str]) -> int:
    """How many lines two texts share at the start."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
