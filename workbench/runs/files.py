"""Small files that several processes read while one writes: whole or not there, and lines that are never mixed."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

_numbers = itertools.count()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace `path` by `value` as JSON: written beside and renamed, so that readers see the old or the new, whole.

    NaN and infinity become null. Raises OSError when the disk refuses; then the old file stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{next(_numbers)}")
    text = msgspec.json.format(msgspec.json.encode(value), indent=1)
    try:
        beside.write_bytes(text + b"\n")
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, None when it is missing or not readable as JSON."""
    try:
        value = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return value if isinstance(value, dict) else None


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Append `value` as one line of JSON in one write, which the kernel does not mix with those of other processes."""
    line = msgspec.json.encode(value) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def end_torn_line(path: Path) -> None:
    """End the last line of `path` if a killed writer left it open, so that the next line is not lost with it."""
    with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def read_lines(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The objects in the whole lines of `path` after byte `offset`, and the offset to go on from.

    A last line without its end is left for the next call. A line that is no JSON object (torn by a kill) is passed
    over. A missing file has no lines.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data.rfind(b"\n") + 1
    rows = []
    for line in data[:whole].splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            row = msgspec.json.decode(line)
            if isinstance(row, dict):
                rows.append(row)
    return rows, offset + whole
