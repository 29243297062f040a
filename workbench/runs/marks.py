"""Marks that a user sets on a run: a star and tags."""

from __future__ import annotations

import re
from collections.abc import Callable

from workbench import files
from workbench.errors import BadInput
from workbench.runs import records
from workbench.runs.records import FILES, Marks
from workbench.runs.snapshot import RunSnapshot, read


def star(run: RunSnapshot, on: bool | None = None) -> RunSnapshot:
    """Star the run, or remove its star; None toggles it."""
    return _change(run, lambda marks: Marks(starred=not marks.starred if on is None else on, tags=marks.tags))


def tag(run: RunSnapshot, name: str, on: bool | None = None) -> RunSnapshot:
    """Add the tag `name` to the run, or remove it; None toggles it.

    Raises BadInput for a name that is not letters, digits, `.`, `_`, `-` (so that it can be used in a filter).
    """
    if not re.fullmatch(r"[\w.-]{1,60}", name):
        raise BadInput(f"tag {name!r}: expected letters, digits, '.', '_' and '-', at most 60")

    def change(marks: Marks) -> Marks:
        have = name not in marks.tags if on is None else on
        others = [other for other in marks.tags if other != name]
        return Marks(starred=marks.starred, tags=[*others, name] if have else others)

    return _change(run, change)


def _change(run: RunSnapshot, change: Callable[[Marks], Marks]) -> RunSnapshot:
    """Raises DamagedFile when the marks cannot be read."""
    folder = files.folder(run.folder)
    with files.lock(folder / f".{FILES[Marks]}.lock"):  # two workbenches may mark at once
        records.write(folder, change(records.find(folder, Marks) or Marks()))
    return read(run.folder)
