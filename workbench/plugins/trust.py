"""Which code of workspaces the user has reviewed: the contents of every file, by hash, kept in the user folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import filelock
import msgspec

from workbench.errors import BadInput
from workbench.plugins.info import Verdict
from workbench.plugins.sources import Sources, read_folder
from workbench.workspace import user_dir

TRUSTED = "trusted.json"
TEXTS = "reviewed"  # in the user folder: the reviewed texts by their hash, for the difference to what comes later


class Record(msgspec.Struct):
    """The contents of trusted.json.

    `workspaces` has the sha256 of each reviewed file by its name in the plugins folder, by the resolved path of the
    workspace. `by_path` lists workspaces that an earlier version trusted by their path alone; none of them is trusted.
    """

    workspaces: dict[str, dict[str, str]] = {}
    by_path: list[str] = []


@dataclass(frozen=True)
class Review:
    """The code of a workspace that would run, as it was read, and what the user has trusted of it.

    `reviewed` has the sha256 of each trusted file by its name. `twin` is another workspace that is trusted with
    exactly these files.
    """

    workspace: Path
    sources: Sources
    verdict: Verdict
    reviewed: Mapping[str, str]
    twin: Path | None = None

    @property
    def trusted(self) -> bool:
        return self.verdict == "trusted"


def review(folder: Path) -> Review:
    """Read the plugins of the workspace in `folder` and compare them with what the user trusted.

    Raises BadInput when the list of what is trusted cannot be read.
    """
    record = _read()
    sources = read_folder(folder / "plugins", follow_links=False)
    workspace = folder.resolve()
    reviewed = record.workspaces.get(str(workspace))
    verdict: Verdict = "new"
    if reviewed is not None:
        verdict = "trusted" if reviewed == sources.hashes else "changed"
    elif str(workspace) in record.by_path:
        verdict = "by path"
    equal = [path for path, hashes in record.workspaces.items() if hashes == sources.hashes and path != str(workspace)]
    return Review(workspace, sources, verdict, reviewed or {}, Path(equal[0]) if equal and sources.files else None)


def trust(reviewed: Review) -> None:
    """Trust exactly the files of a review from now on, whatever the folder contains by now.

    Raises BadInput when that cannot be written into the user folder.
    """
    folder, path = user_dir(), str(reviewed.workspace)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / f".{TRUSTED}.lock"):
            record = _read()
            record.workspaces[path] = dict(reviewed.sources.hashes)
            record.by_path = [other for other in record.by_path if other != path]
            _keep_texts(folder / TEXTS, reviewed.sources, record)
            text = msgspec.json.format(msgspec.json.encode(record))
            _replace(folder / TRUSTED, text)
    except UnicodeEncodeError:
        raise BadInput(f"{path!r}: a path that is not UTF-8 cannot be recorded; rename the folder") from None
    except OSError as error:
        raise BadInput(
            f"{folder / TRUSTED}: cannot be written ({error.strerror}); choose another folder with WORKBENCH_CONFIG_DIR"
        ) from None


def is_trusted(folder: Path) -> bool:
    """Whether the user has trusted the plugins of this workspace as they are now, wherever links lead to it."""
    return review(folder).trusted


def reviewed_text(sha256: str) -> str | None:
    """The text that was reviewed under this hash, None when it is no longer kept as it was."""
    try:
        data = (user_dir() / TEXTS / sha256).read_bytes()
    except OSError:
        return None
    return data.decode("utf-8", "replace") if hashlib.sha256(data).hexdigest() == sha256 else None


def _read() -> Record:
    file = user_dir() / TRUSTED
    try:
        record = msgspec.json.decode(file.read_bytes(), type=Record | list[str])
    except FileNotFoundError:
        return Record()
    except (OSError, msgspec.DecodeError) as error:
        raise BadInput(f"{file}: cannot be read ({error}); remove it to start again") from None
    return record if isinstance(record, Record) else Record(by_path=record)


def _keep_texts(folder: Path, sources: Sources, record: Record) -> None:
    """Keep the texts of these files, and of the others only those that some workspace still refers to."""
    folder.mkdir(exist_ok=True)
    for file in sources.files:
        _replace(folder / file.sha256, file.data)
    hashes_in_use = {sha256 for hashes in record.workspaces.values() for sha256 in hashes.values()}
    for path in folder.iterdir():
        if path.name not in hashes_in_use:
            with contextlib.suppress(OSError):
                path.unlink()


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
