"""Removes outdated stores: only folders marked by the workbench are removed; other entries are kept and listed.

A store is a folder named by its fingerprint whose manifest says the same; an incomplete store has the
temporary name given by the writer. Even in these, only files written by ingest are deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from workbench import files
from workbench.errors import BadInput
from workbench.features.store import MANIFEST, Store
from workbench.workspace import CURRENT

PARTIAL = re.compile(r"\.partial-\d+(-[0-9a-f]+)?")  # .partial-<process>-<random>
STORE = re.compile(r"[0-9a-f]{16}")
_WRITTEN = re.compile(rf"{files.NAME.pattern}(\.npy|\.parquet)|{re.escape(MANIFEST)}")


def is_store(folder: Path) -> bool:
    """Whether the workbench wrote this store: its name is the fingerprint in its manifest."""
    if not (STORE.fullmatch(folder.name) and files.is_folder(folder)):
        return False
    try:
        return Store.open(folder).fingerprint == folder.name
    except (BadInput, msgspec.MsgspecError):
        return False


def partials(features_dir: Path) -> list[Path]:
    """The folders of readings that have not ended, or were killed."""
    return [path for path in _entries(features_dir) if PARTIAL.fullmatch(path.name) and files.is_folder(path)]


def clear_partials(features_dir: Path) -> None:
    """Delete what killed readings left; the caller holds the lock, so that none is at work."""
    for folder in partials(features_dir):
        clear(folder)


def clear_stores(features_dir: Path, keep: str) -> None:
    """Delete the stores that the one called `keep` replaces."""
    for folder in _entries(features_dir):
        if folder.name != keep and is_store(folder):
            clear(folder)


def clear(folder: Path) -> None:
    """Delete the files that a reading writes, and the folder unless something else is in it; never raises OSError."""
    try:
        # the manifest last, so that a partly removed store is still recognised
        names = sorted((path.name for path in folder.iterdir()), key=lambda name: name == MANIFEST)
        files.clear(folder, [name for name in names if _WRITTEN.fullmatch(name)])
    except OSError:
        return


def strangers(features_dir: Path) -> list[Path]:
    """Entries of the stores' folder that the workbench did not create, and does not remove."""
    own = (".lock", CURRENT)
    half_written = partials(features_dir)
    return [
        path
        for path in _entries(features_dir)
        if path.name not in own and path not in half_written and not files.is_temporary(path) and not is_store(path)
    ]


def _entries(features_dir: Path) -> Iterator[Path]:
    try:
        yield from sorted(features_dir.iterdir())
    except FileNotFoundError:
        return
