"""What a person notes of a run: a star, and tags."""

from __future__ import annotations

import re
from collections.abc import Callable

from workbench import files
from workbench.errors import BadInput
from workbench.runs.folder import MARKS
from workbench.runs.snapshot import RunSnapshot, read

Change = Callable[[bool, list[str]], tuple[bool, list[str]]]


def star(run: RunSnapshot, on: bool | None = None) -> RunSnapshot:
    """Give the run a star, or take it away; with None, whichever it is not."""
    return _change(run, lambda starred, tags: (not starred if on is None else on, tags))


def tag(run: RunSnapshot, name: str, on: bool | None = None) -> RunSnapshot:
    """Give the run the tag `name`, or take it away; with None, whichever it is not.

    Raises BadInput for a name that is not letters, digits, `.`, `_`, `-` (so that a filter can say it).
    """
    if not re.fullmatch(r"[\w.-]{1,60}", name):
        raise BadInput(f"tag {name!r}: expected letters, digits, '.', '_' and '-', at most 60")

    def change(starred: bool, tags: list[str]) -> tuple[bool, list[str]]:
        have = name not in tags if on is None else on
        return starred, [*(other for other in tags if other != name), *([name] if have else [])]

    return _change(run, change)


def _change(run: RunSnapshot, change: Change) -> RunSnapshot:
    path = files.folder(run.folder) / MARKS
    with files.lock(run.folder / f".{MARKS}.lock"):  # two workbenches may mark at once
        found = files.read_json(path) or {}
        starred, tags = change(bool(found.get("starred")), list(found.get("tags", [])))
        files.write_json(path, {"starred": starred, "tags": tags})
    return read(run.folder)
