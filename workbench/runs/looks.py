"""The record of test-set evaluations, which are counted."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import msgspec

from workbench import files
from workbench.runs.records import Count, Part, Time
from workbench.workspace import Workspace


class TestLook(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A line of `test-looks.jsonl`: one evaluation of a run on the `n` samples of a test set."""

    __test__ = False  # or pytest collects it

    version: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    time: Time
    run: str
    test_set: str
    n: Count
    what: str


def note(looks_file: Path, run: str, test_set: str, n: int, what: str) -> None:
    """Record that `run` was evaluated on the `n` samples of `test_set`; raises OSError."""
    files.append_line(looks_file, TestLook(time=time.time(), run=run, test_set=test_set, n=n, what=what))


def test_looks(workspace: Workspace) -> dict[str, int]:
    """The number of evaluations on each test set, 0 for those never evaluated on; damaged lines are not counted.

    Raises `files.DamagedFile` when the list cannot be read at all.
    """
    looks = files.read_lines(workspace.looks_file, TestLook)
    counts = Counter(look.test_set for look in looks.rows)
    return {name: counts[name] for name in dict.fromkeys([*workspace.test_names, *counts])}


def damage(workspace: Workspace) -> list[str]:
    """One message for each unreadable line of the record, which makes the counts too low."""
    return files.read_lines(workspace.looks_file, TestLook).damage
