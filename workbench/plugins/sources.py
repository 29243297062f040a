"""The Python files of a plugin folder, each read once: what is hashed, shown and run are the same bytes.

The set contains what code in the folder can import: its `.py` files, and packages (folders with `__init__.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

LARGEST = 2 << 20  # bytes of one file
MOST_BYTES = 16 << 20  # of all files of a folder
MOST_FILES = 500
MOST_ENTRIES = 10_000  # files and folders of any kind that are met
DEEPEST = 8  # packages inside packages
LINK = "it is a symbolic link, which is not followed in the plugins folder of a workspace; copy the file there"
FOLDER_LINK = "it is a symbolic link to a folder, which is not followed in a workspace's plugins; copy the folder there"

# Characters that Python takes for printable and that a terminal shows as nothing.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def visible(text: str) -> str:
    """`text` with every character that would not be seen written as an escape; line feeds and tabs stay."""
    plain = "".join(one if one.isprintable() or one in "\n\t" else _escaped(one) for one in text)
    return _INVISIBLE.sub(lambda found: _escaped(found.group()), plain)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


@dataclass(frozen=True)
class SourceFile:
    """One file as it was read: `name` is its path inside the folder, with `/` between the parts."""

    name: str
    data: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def text(self) -> str:
        """The source as it is compiled; a declared encoding other than UTF-8 is ignored."""
        return self.data.decode("utf-8-sig")


@dataclass(frozen=True)
class Disabled:
    """A file, or with an empty name the whole folder, that is left alone, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Sources:
    """All that code in `folder` may import from it, as it was read."""

    folder: Path
    files: tuple[SourceFile, ...] = ()
    disabled: tuple[Disabled, ...] = ()

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The sha256 of each file's contents by its name."""
        return {file.name: file.sha256 for file in self.files}

    @cached_property
    def digest(self) -> str:
        """A hash of all names and contents."""
        listing = "".join(f"{name}\0{sha256}\n" for name, sha256 in self.hashes.items())
        return hashlib.sha256(listing.encode()).hexdigest()

    @cached_property
    def modules(self) -> dict[str, SourceFile]:
        """The files by the name under which they are imported; the folder's own `__init__.py` is ``""``."""
        return {module_name(file.name): file for file in self.files}

    @property
    def top(self) -> list[SourceFile]:
        """The files directly in the folder."""
        return [file for file in self.files if "/" not in file.name]

    def file(self, name: str) -> SourceFile | None:
        """The file of that name, None when there is none that could be read."""
        return next((file for file in self.files if file.name == name), None)


def module_name(name: str) -> str:
    """`pkg/mod.py` is imported as `pkg.mod`, `pkg/__init__.py` as `pkg`."""
    parts = name.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_folder(folder: Path, *, follow_links: bool) -> Sources:
    """Read the Python files of a plugin folder. Never raises: files that cannot be read are disabled, with the reason.

    Without `follow_links` neither the folder nor anything in it may be a link.
    """
    if folder.is_symlink() and not follow_links:
        return Sources(folder, disabled=(Disabled("", FOLDER_LINK),))
    files: dict[str, SourceFile] = {}
    disabled = []
    room = MOST_BYTES
    try:
        for entry in _walk(folder, follow_links):
            try:
                data = _read(entry, follow_links)
            except _UnusableError as error:
                disabled.append(Disabled(entry.name, str(error)))
                continue
            files[entry.name] = SourceFile(entry.name, data)
            room -= len(data)
            if room < 0:
                raise _UnusableError(f"its Python files are larger than {MOST_BYTES >> 20} MiB together")
    except _UnusableError as error:
        return Sources(folder, disabled=(Disabled("", str(error)),))
    for name in [name for name in files if f"{name.removesuffix('.py')}/__init__.py" in files]:
        disabled.append(Disabled(name, "a package of the same name exists next to it; rename one of them"))
        del files[name]
    return Sources(folder, tuple(files.values()), tuple(disabled))


def stamps(folder: Path, *, follow_links: bool) -> list[tuple[str, int, int]]:
    """Path, modification time and size of every file that `read_folder` reads; equal while nothing has changed."""
    entries = []
    with contextlib.suppress(_UnusableError, OSError):
        for path in [folder, *(entry.path for entry in _walk(folder, follow_links))]:
            with contextlib.suppress(OSError):  # it went away between the listing and now
                state = path.stat(follow_symlinks=follow_links)
                entries.append((str(path), state.st_ctime_ns, state.st_size))
    return entries


class _UnusableError(Exception):
    """A file or folder that is left alone; the message says why."""


@dataclass(frozen=True)
class _Entry:
    name: str
    path: Path
    problem: str = ""


def _walk(folder: Path, follow_links: bool) -> Iterator[_Entry]:
    """Every Python file in order of names. Raises _UnusableError where they cannot be listed or are too many."""
    for count, entry in enumerate(_Walk(follow_links).entries(folder)):
        if count >= MOST_FILES:
            raise _UnusableError(f"it contains more than {MOST_FILES} Python files; use a separate folder for plugins")
        yield entry


class _Walk:
    """One way through a plugin folder and its packages, which counts what it meets."""

    def __init__(self, follow_links: bool) -> None:
        self._follow_links = follow_links
        self._met = 0

    def entries(self, folder: Path, prefix: str = "") -> Iterator[_Entry]:
        for entry in self._listed(folder):
            stem, path = entry.name.removesuffix(".py"), folder / entry.name
            name = prefix + visible(entry.name)
            importable = stem.isidentifier()
            if entry.name.startswith(".") or (prefix and not importable):
                continue  # it can neither be imported nor bring an analysis
            link = entry.is_symlink() and not self._follow_links
            if stem != entry.name:
                yield _Entry(name, path, LINK if link else _name_problem(stem))
            elif importable and _is_folder(entry):
                if link:
                    yield _Entry(name, path, FOLDER_LINK)
                elif os.path.lexists(path / "__init__.py"):
                    yield from self._package(name, path)

    def _package(self, name: str, path: Path) -> Iterator[_Entry]:
        if name.count("/") >= DEEPEST:
            yield _Entry(name, path, f"packages are nested more than {DEEPEST} deep")
        else:
            yield from self.entries(path, f"{name}/")

    def _listed(self, folder: Path) -> list[os.DirEntry[str]]:
        found = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    found.append(entry)
                    self._met += 1
                    if self._met > MOST_ENTRIES:
                        raise _UnusableError(f"it contains more than {MOST_ENTRIES:,} files")
        except OSError as error:
            raise _UnusableError(f"{visible(folder.name)} cannot be listed ({error.strerror})") from None
        return sorted(found, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _name_problem(stem: str) -> str:
    if visible(stem) != stem or "\t" in stem or "\n" in stem:
        return "its name contains invisible characters; rename it"
    return "its name has a dot before .py; rename it" if "." in stem else ""


def _read(entry: _Entry, follow_links: bool) -> bytes:
    """The contents of a regular file of UTF-8 text; anything else, a FIFO say, is not even opened."""
    if entry.problem:
        raise _UnusableError(entry.problem)
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        _check(entry.path.stat(follow_symlinks=follow_links))
        with os.fdopen(os.open(entry.path, flags), "rb") as file:
            _check(os.fstat(file.fileno()))
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise _UnusableError(f"cannot be read ({error.strerror})") from None
    if len(data) > LARGEST:
        raise _UnusableError(f"larger than {LARGEST >> 20} MiB")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _UnusableError(f"line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save it as UTF-8") from None
    return data


def _check(state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise _UnusableError("it is not a regular file")
    if state.st_size > LARGEST:
        raise _UnusableError(f"larger than {LARGEST >> 20} MiB")
