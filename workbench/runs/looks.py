"""The list of looks at the test sets: each evaluation on one is written down, and counted."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from workbench import files
from workbench.workspace import Workspace


def note(looks_file: Path, run: str, test_set: str, n: int, what: str) -> None:
    """Write down that `run` was evaluated on the `n` samples of `test_set`."""
    files.append_line(looks_file, {"time": time.time(), "run": run, "test_set": test_set, "n": n, "what": what})


def test_looks(workspace: Workspace) -> dict[str, int]:
    """How often each test set was looked at, those never looked at with 0."""
    rows, _ = files.read_lines(workspace.looks_file)
    counts = Counter(str(row.get("test_set")) for row in rows)
    return {name: counts[name] for name in dict.fromkeys([*workspace.test_names, *counts])}
