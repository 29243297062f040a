"""Answers kept on disk, by all that they depend on: the data, the run, the parameters, and the analysis' own source."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from workbench import __version__, files
from workbench.worker import wire

LARGEST_ANSWER = 256 << 20
LARGEST_CACHE = 1 << 30
STALE = 3600.0  # seconds
_OWN = re.compile(r"[0-9a-f]{40}\.answer|\.[0-9a-f]{40}\.answer\.[0-9a-f]+")


@dataclass
class Answer:
    """A complete answer: its blocks as messages, and the state of other runs that it read."""

    blocks: list[wire.Message]
    runs: dict[str, str] | None = None


def key(
    data: str,
    analysis: str,
    source: str,
    params: Mapping[str, Any],
    pair: Sequence[str],
    run: Mapping[str, Any] | None,
) -> str:
    """The name under which an answer is kept. `run`: id and summary of the chosen run."""
    parts = [__version__, data, analysis, source, dict(params), list(pair), run]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:40]


def state_of(summary: Mapping[str, Any]) -> str:
    """A short hash of a run's summary."""
    return hashlib.sha256(msgspec.json.encode(dict(summary), order="sorted")).hexdigest()[:16]


def load(folder: Path, name: str) -> Answer | None:
    """The answer kept as `name`; None when there is none, or a file that is torn."""
    try:
        with files.open_read(folder / f"{name}.answer") as file:
            messages = list(_messages(file))
    except (OSError, ValueError, files.UnsafeFile):
        return None
    if not messages or messages[-1][0].get("kind") != "end":
        return None
    return Answer(messages[:-1], messages[-1][0]["runs"])


def _messages(file: Any) -> Iterator[wire.Message]:
    while (message := wire.read(file.read)) is not None:
        yield message


def save(folder: Path, name: str, answer: Answer) -> None:
    """Store an answer atomically; the oldest answers beyond a gigabyte are removed. Raises OSError."""
    parts = [wire.pack(*block) for block in answer.blocks]
    if sum(map(len, parts)) > LARGEST_ANSWER:
        return
    files.folder(folder, make=True)
    with files.replacing(folder / f"{name}.answer", sync=True) as partial, partial.open("wb") as file:
        file.writelines([*parts, wire.pack({"kind": "end", "runs": answer.runs})])
    _prune(folder)


def _prune(folder: Path) -> None:
    own = [file for file in folder.iterdir() if _OWN.fullmatch(file.name) and not file.is_symlink()]
    for file in own:  # left by a process that was killed while it wrote
        if file.name.startswith(".") and file.stat().st_mtime < time.time() - STALE:
            file.unlink(missing_ok=True)
    answers = [file for file in own if not file.name.startswith(".")]
    newest_first = sorted(((file.stat(), file) for file in answers), key=lambda pair: -pair[0].st_mtime)
    total = 0
    for stat, file in newest_first:
        total += stat.st_size
        if total > LARGEST_CACHE:
            file.unlink(missing_ok=True)
