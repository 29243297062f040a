"""Ingest feature files into the store: locate, check, write to a temporary folder, rename; one process at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from workbench import files
from workbench.errors import BadInput, Cancelled, Failed
from workbench.features import clearing
from workbench.features.progress import IngestProgress, Progress
from workbench.features.store import MANIFEST, TRAIN, VERSION, Store
from workbench.workspace import CONFIG, CURRENT, Current, Workspace, natural, read_current

if TYPE_CHECKING:
    from filelock import BaseFileLock

SAMPLED = 1 << 16  # bytes hashed, in three places, to detect a changed file
SHOWN = 5  # names in a message


Notice = Callable[[str], None]


def split_files(workspace: Workspace) -> dict[str, list[Path]]:
    """The files of each split, train first; raises BadInput for a file or pattern that matches nothing."""
    entries = {TRAIN: workspace.config.features.train, **workspace.config.features.tests}
    files_of: dict[str, list[Path]] = {}
    for split, entry in entries.items():
        files_of[split] = []
        for pattern in [entry] if isinstance(entry, str) else entry:
            path = workspace.path(pattern)
            matches = [path] if path.is_file() else sorted(path.parent.glob(path.name), key=lambda p: natural(p.name))
            matches = [match for match in matches if match.is_file()]
            if not matches:
                key = f"[features] {TRAIN}" if split == TRAIN else f"[features.tests] {split}"
                raise BadInput(f"{workspace.root / CONFIG}: {key} = {pattern!r}: no such file under {path.parent}")
            files_of[split] += matches
    return files_of


def fingerprint(workspace: Workspace, sources: dict[str, list[Path]]) -> str:
    """Hash of the sources' names, sizes, times and content samples, and of how they are to be read."""
    config = workspace.config
    digest = hashlib.sha256(f"{VERSION}".encode())
    digest.update(msgspec.json.encode([config.features, config.classes, config.metadata]))
    extra = [workspace.path(name) for name in (config.classes.names, config.metadata.file) if name]
    for split, paths in [*sources.items(), ("", extra)]:
        for path in paths:
            try:
                stat = path.stat()
            except OSError as error:
                raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
            digest.update(f"{split}\0{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
            with path.open("rb") as handle:
                for offset in (0, stat.st_size // 2, max(0, stat.st_size - SAMPLED)):
                    handle.seek(offset)
                    digest.update(handle.read(SAMPLED))
    return digest.hexdigest()[:16]


def ingested(workspace: Workspace) -> Store | None:
    """The store of the files in their current state; None if they have to be read.

    When the source files are missing, the last store is used; see `sources_missing`.
    """
    if sources_missing(workspace):
        current = _current(workspace)
        return Store.open(workspace.features_dir / current) if current else None
    folder = workspace.features_dir / fingerprint(workspace, split_files(workspace))
    return Store.open(folder) if (folder / MANIFEST).is_file() else None


def sources_missing(workspace: Workspace) -> bool:
    """True when feature files are gone but a store is there, as on another machine."""
    try:
        split_files(workspace)
    except BadInput:
        return _current(workspace) is not None
    return False


def _current(workspace: Workspace) -> str | None:
    current = read_current(workspace.state)
    if current is None or not (workspace.features_dir / current.fingerprint / MANIFEST).is_file():
        return None
    return current.fingerprint


def open_store(
    workspace: Workspace,
    *,
    progress: Progress | None = None,
    notice: Notice | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Store:
    """The workspace's store, reading its files first if necessary.

    One process reads; others wait for it and use its store. Raises BadInput for invalid files, Failed when the store
    cannot be written, Cancelled when `cancelled()` returns true; in each case the old store is unchanged.
    """
    store = ingested(workspace)
    if store is not None:
        _sweep(workspace)
        return store
    new_folders = [folder for folder in (workspace.features_dir, workspace.state) if not folder.exists()]
    workspace.writable()
    files.folder(workspace.features_dir, make=True)
    lock = files.lock(workspace.features_dir / ".lock")
    try:
        lock.acquire(timeout=0)
    except TimeoutError:
        if notice is not None:
            notice("waiting for another process that is reading these files")
        _wait(lock, cancelled)
    try:
        store = ingested(workspace)
        return store if store is not None else _ingest(workspace, progress or _quiet, cancelled or _never)
    except BaseException:
        _unmake(new_folders)
        raise
    finally:
        lock.release()


def _unmake(folders: list[Path]) -> None:
    """Remove the folders that a reading made which then failed, as far as nothing is in them but its lock."""
    with contextlib.suppress(OSError):
        for folder in folders:
            if [path.name for path in folder.iterdir()] == [".lock"]:
                (folder / ".lock").unlink()
            folder.rmdir()


def _quiet(_: IngestProgress) -> None:
    return None


def _never() -> bool:
    return False


def _wait(lock: BaseFileLock, cancelled: Callable[[], bool] | None) -> None:
    while True:
        try:
            lock.acquire(timeout=0.3)
        except TimeoutError:
            if cancelled is not None and cancelled():
                raise Cancelled("stopped while waiting for another process to read the files") from None
        else:
            return


def _sweep(workspace: Workspace) -> None:
    """Remove what a killed reader left, unless one is reading right now."""
    if not clearing.partials(workspace.features_dir):
        return
    with contextlib.suppress(OSError), files.lock(workspace.features_dir / ".lock", timeout=0):
        clearing.clear_partials(workspace.features_dir)


def _ingest(workspace: Workspace, progress: Progress, cancelled: Callable[[], bool]) -> Store:
    from workbench.features.build import Build  # 50 ms that a store which is only opened need not spend

    features_dir = files.folder(workspace.features_dir, make=True)  # another reader that failed may have removed it
    clearing.clear_partials(features_dir)
    sources = split_files(workspace)
    name = fingerprint(workspace, sources)
    partial = features_dir / f".partial-{os.getpid()}-{os.urandom(6).hex()}"
    partial.mkdir()
    try:
        manifest = Build(workspace, sources, partial, progress, cancelled).run(name)
        files.write_json(partial / MANIFEST, manifest)
        for path in [*partial.iterdir(), partial]:
            files.sync_path(path)
        partial.rename(features_dir / name)
        files.sync_path(features_dir)
    except OSError as error:
        raise Failed(
            f"{workspace.features_dir}: cannot write the store ({error.strerror}); nothing was stored"
        ) from None
    finally:
        clearing.clear(partial)
    # the pointer first, and only then the stores that the new one replaces
    files.write_json(features_dir / CURRENT, Current(name, workspace.config))
    clearing.clear_stores(features_dir, keep=name)
    return Store.open(features_dir / name)


def strangers(workspace: Workspace) -> str:
    """A sentence that lists entries of the stores' folder that are not stores; empty without any."""
    names = [path.name for path in clearing.strangers(workspace.features_dir)]
    if not names:
        return ""
    listed = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return f"{workspace.features_dir}: not removed, since the workbench did not create it: {listed}"
