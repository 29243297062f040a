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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

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


class DamagedFile(BadInput):
    """One of the workbench's own files is torn, or does not have the form in which it is written."""


class NewerFile(BadInput):
    """One of the workbench's own files was written by a newer workbench, in a form that this one does not know."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One of the workbench's own files: unknown keys are ignored, and missing ones take their defaults."""

    LATEST: ClassVar[int] = 1  # the version that is written; a file with a higher one is not read
    version: Annotated[int, msgspec.Meta(ge=1)] = 1  # files older than this key are of version 1


T = TypeVar("T")
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Lines(Generic[T]):
    """The whole lines of a file of rows. `damage` has one text for each line that could not be read."""

    rows: list[T]
    end: int  # byte to go on from
    damage: list[str]


def _is_link(path: Path) -> UnsafeFile:
    return UnsafeFile(
        f"{path}: is a symbolic link, which the workbench does not follow among its own files; remove it, or "
        "choose another folder with --state DIR"
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
            f"{path}: is not a folder; remove it, or choose another place for the workbench's files with --state DIR"
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
        raise UnsafeFile(f"{path}: is not a regular file; remove it")
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
        raise UnsafeFile(f"{path}: is not a regular file; remove it")
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


def read_record(path: Path, kind: type[R], remedy: str = "") -> R | None:
    """The record in `path`, None when there is no such file.

    Raises DamagedFile naming the file, the key and what was expected there, with `remedy` as the way out; NewerFile for
    a version above `kind.LATEST`; UnsafeFile for a link.
    """
    try:
        return decode(read_bytes(path), kind, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedFile(f"{path}: cannot be read ({error.strerror})") from None
    except DamagedFile as error:
        raise DamagedFile(f"{error}{remedy and f'; {remedy}'}") from None


def decode(data: bytes, kind: type[R], where: Path | str) -> R:
    """A record from its JSON; raises DamagedFile and NewerFile, whose messages begin with `where`."""
    try:
        record: R = _decoder(kind).decode(data)
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors, as is text that is not UTF-8
        version = _version(data)
        if version <= kind.LATEST:
            raise DamagedFile(f"{where}: damaged: {_reason(error)}") from None
    else:
        version = record.version
        if version <= kind.LATEST:
            return record
    raise NewerFile(
        f"{where}: written by a newer workbench (version {version} of the file, this workbench reads {kind.LATEST}); "
        "update the workbench"
    )


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _version(data: bytes) -> int:
    try:
        record: Record = _decoder(Record).decode(data)
    except (ValueError, RecursionError):
        return 1
    return record.version


_WORDS = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "array": "a list",
    "object": "an object",
}  # fmt: skip


def _reason(error: Exception) -> str:
    """What msgspec says, in words: `key settings.lr: expected a number, got text`."""
    if not isinstance(error, msgspec.ValidationError):
        return "not JSON" if isinstance(error, ValueError) else "nested too deeply"
    message, _, key = str(error).partition(" - at ")
    key = key.strip("`").removeprefix("$").removeprefix(".")
    if message.startswith("Object missing required field"):
        return f"key {'.'.join(filter(None, [key, message.split('`')[1]]))} is missing"
    types = re.sub(r"`([^`]*)`", lambda match: " or ".join(_WORDS.get(t, t) for t in match[1].split(" | ")), message)
    words = (f"key {key}: " if key else "") + types[:1].lower() + types[1:]
    return "".join(c if c.isprintable() else "\ufffd" for c in words)  # it may quote the file


def append_line(path: Path, value: Any) -> None:
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


def read_lines(path: Path, kind: type[T], offset: int = 0) -> Lines[T]:
    """The rows in the whole lines of `path` after byte `offset`, each of the type `kind`; a missing file has none.

    A last line without its end is left for the next call. A line that is not of `kind`, torn by a kill say, costs
    itself alone: it is passed over, and named in `damage`. Raises DamagedFile when nothing of the file can be read, and
    UnsafeFile.
    """
    try:
        with open_read(path) as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return Lines([], offset, [])
    except OSError as error:
        raise DamagedFile(f"{path}: cannot be read ({error.strerror})") from None
    rows: list[T] = []
    damage: list[str] = []
    decoder: msgspec.json.Decoder[T] = _decoder(kind)  # type: ignore[arg-type]  # a type is hashable
    start = 0
    while (stop := data.find(b"\n", start)) >= 0:
        line, position, start = data[start:stop], offset + start, stop + 1
        if not line.strip():
            continue
        try:
            rows.append(decoder.decode(line))
        except (ValueError, RecursionError) as error:
            newer = _version(line) > Record.LATEST
            reason = "was written by a newer workbench" if newer else f"is damaged: {_reason(error)}"
            damage.append(f"{path}: the line at byte {position:,} {reason}")
    return Lines(rows, offset + start, damage)


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
