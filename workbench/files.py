"""The workbench's own files: replaced whole, appended to by the line, locked, and never reached through a link.

The state folder of a workspace may have come with a download. Nothing in it is followed out of it: links are refused,
only regular files are opened, and a name that a file gives is checked before it becomes part of a path.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from workbench.errors import BadInput

if TYPE_CHECKING:
    from filelock import BaseFileLock

NAME = re.compile(r"[\w+-][\w.+-]{0,99}")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}")
LARGEST_RECORD = 64 << 20  # bytes of a file that is read whole
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a named pipe must not wait for its other end


class UnsafeFile(BadInput):
    """Something in the state folder is not what the workbench puts there: a link, a device, a path that leads out."""


def _is_link(path: Path) -> UnsafeFile:
    return UnsafeFile(
        f"{path}: is a link, and the workbench follows none among its own files: remove it, or keep them elsewhere "
        "with --state DIR"
    )


def name(text: object, what: str, where: Path | str) -> str:
    """`text` as one part of a path: letters, digits and `_.+-`, not starting with a dot, at most 100 characters.

    Raises UnsafeFile naming `what` it is and `where` it was read.
    """
    if isinstance(text, str) and NAME.fullmatch(text):
        return text
    raise UnsafeFile(f"{where}: {what} {text!r}: expected letters, digits and '_.+-', not starting with a dot")


def folder(path: Path, *, make: bool = False) -> Path:
    """`path` itself, which is a folder or not there yet; with `make` it is made.

    Raises UnsafeFile for a link or anything else in its place, OSError when it cannot be made.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        if make:
            path.mkdir(parents=True, exist_ok=True)
        return path
    if stat.S_ISLNK(mode):
        raise _is_link(path)
    if not stat.S_ISDIR(mode):
        raise UnsafeFile(
            f"{path}: is not a folder: remove it, or keep the workbench's files elsewhere with --state DIR"
        )
    return path


def regular(path: Path) -> Path:
    """`path` itself, for a library that opens it by name; raises UnsafeFile unless it is a regular file or missing."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # the library that opens it says why it cannot
        return path
    if stat.S_ISLNK(mode):
        raise _is_link(path)
    if not stat.S_ISREG(mode):
        raise UnsafeFile(f"{path}: is not a regular file: remove it")
    return path


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def _open(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _NO_FOLLOW | _NO_WAIT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP or path.is_symlink():
            raise _is_link(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnsafeFile(f"{path}: is not a regular file: remove it")
    return descriptor


def open_read(path: Path) -> IO[bytes]:
    """`path`, opened for reading; raises UnsafeFile for a link or anything but a regular file, and OSError."""
    return os.fdopen(_open(path, os.O_RDONLY), "rb")


def open_append(path: Path) -> IO[bytes]:
    """`path`, made if need be, opened for appending, without a buffer; raises like `open_read`."""
    return os.fdopen(_open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab", buffering=0)


def read_bytes(path: Path) -> bytes:
    """The contents of a record; raises like `open_read`, and UnsafeFile for one larger than any that is written."""
    with open_read(path) as file:
        data = file.read(LARGEST_RECORD + 1)
    if len(data) > LARGEST_RECORD:
        raise UnsafeFile(f"{path}: larger than {LARGEST_RECORD >> 20} MiB, which no file of its kind is: remove it")
    return data


@contextmanager
def replacing(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """A new, empty file beside `path` to be written, which then takes its place in one step.

    Whatever goes wrong within, the old file stays and the new one goes. A link in the place of `path` is replaced, not
    followed. With `sync` the contents are on the disk before the name is.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | os.O_CLOEXEC, 0o666))
    try:
        yield beside
        if sync:
            sync_path(beside)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def is_temporary(path: Path) -> bool:
    """Whether this is a file that `replacing` makes, at work or left by a killed process."""
    return _TEMPORARY.fullmatch(path.name) is not None and not path.is_symlink() and path.is_file()


def clear_temporary(path: Path, age: float = 60.0) -> None:
    """Delete what killed processes left in a folder half written, `age` seconds ago or earlier."""
    for entry in path.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if is_temporary(entry) and entry.stat().st_mtime < time.time() - age:
                entry.unlink()


def probe(path: Path) -> None:
    """Raises OSError when no file can be made in the folder."""
    trial = path / f".probe.{os.urandom(6).hex()}"
    os.close(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666))
    trial.unlink()


def sync_path(path: Path) -> None:
    """Wait until a file's contents, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Replace `path` by `data`, so that readers see the old or the new, whole; raises OSError, the old file kept."""
    with replacing(path, sync=sync) as beside:
        beside.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` (what msgspec encodes) as JSON, like `write_bytes`; NaN and infinity become null."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, None when it is missing or not readable as JSON; raises UnsafeFile for a link."""
    try:
        value = msgspec.json.decode(read_bytes(path))
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Append `value` as one line of JSON in one write, which the kernel does not mix with those of other processes."""
    line = msgspec.json.encode(value) + b"\n"
    with open_append(path) as file:
        file.write(line)


def end_torn_line(path: Path) -> None:
    """End the last line of `path` if a killed writer left it open, so that the next line is not lost with it."""
    try:
        descriptor = _open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb+") as file:
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
        with open_read(path) as file:
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


def lock(path: Path, timeout: float = -1) -> BaseFileLock:
    """A lock between processes, which the kernel releases however its holder ends; raises UnsafeFile for a link."""
    import filelock

    return filelock.FileLock(regular(path), timeout=timeout)


def clear(path: Path, names: Iterable[str]) -> list[Path]:
    """Delete these files of a folder, and then the folder if nothing else is in it; what stays.

    Nothing but files in the folder itself is deleted, a link as the link that it is, and a folder that is a link stays.
    """
    if not is_folder(path):
        return [path]
    for each in names:
        target = path / each
        if each == target.name and (target.is_symlink() or target.is_file()):
            target.unlink(missing_ok=True)
    rest = sorted(path.iterdir())
    if not rest:
        path.rmdir()
    return rest
