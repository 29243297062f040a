"""Imports analyses from the source text that was read and hashed, without reading the disk again or using bytecode.

The files of a folder form a separate package, in which they can import each other by `from . import helper` or
`import helper`; the folder is not added to `sys.path`.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.plugins.info import WHY_NOT, PluginInfo
from workbench.plugins.manifest import NotAnAnalysis
from workbench.plugins.sources import SourceFile, Sources, module_name

if TYPE_CHECKING:
    from workbench.api import Analysis

_importers: dict[str, SourceImporter] = {}


def load(info: PluginInfo) -> type[Analysis]:
    """Import an analysis and return its class. Only the worker process does this, since the code can do anything.

    Raises any error of the import, NotAnAnalysis when the module does not define the expected class, and
    BadInput for code that is not trusted.
    """
    from workbench.api import Analysis

    if not info.trusted:
        raise BadInput(f"analysis {info.name!r} ({info.path}) is not run: {WHY_NOT[info.verdict]}")
    if info.source == "built-in" and info.path is not None:
        module: ModuleType = importlib.import_module(f"workbench.analyses.{info.path.stem}")
    elif info.target:
        module = importlib.import_module(info.target.partition(":")[0])
    else:
        assert info.sources is not None
        assert info.path is not None
        module = _importer(info.sources).load(module_name(info.path.name))
    analysis = getattr(module, info.class_name, None)
    if not (isinstance(analysis, type) and issubclass(analysis, Analysis)):
        raise NotAnAnalysis(f"{info.class_name} of {info.path} is not a subclass of workbench.api.Analysis")
    return analysis


def _importer(sources: Sources) -> SourceImporter:
    """The importer of these files: modules are created once per state of a folder, and again when it changes."""
    place = hashlib.sha256(f"{sources.folder}\0{sources.digest}".encode("utf-8", "surrogateescape")).hexdigest()
    package = f"workbench_plugins_{place[:16]}"
    if package not in _importers:
        _importers[package] = SourceImporter(package, sources)
        sys.meta_path.insert(0, _importers[package])
    return _importers[package]


class SourceImporter(importlib.abc.MetaPathFinder, importlib.abc.ExecutionLoader):
    """Finds and loads the modules of one folder from the texts in memory, as submodules of `package`."""

    def __init__(self, package: str, sources: Sources) -> None:
        self._package = package
        self._sources = sources
        self._top = {name.partition(".")[0] for name in sources.modules} - {""}

    def load(self, name: str) -> ModuleType:
        """The module of that name within the folder."""
        return importlib.import_module(f"{self._package}.{name}")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not self._has(fullname):
            return None
        filename = self.get_filename(fullname)
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=filename, is_package=self.is_package(fullname))
        spec.has_location = True  # gives the module its __file__
        return spec

    def exec_module(self, module: ModuleType) -> None:
        text, filename = self.get_source(module.__name__), self.get_filename(module.__name__)
        lines = text.splitlines(keepends=True)
        linecache.cache[filename] = (len(text), None, lines, filename)  # tracebacks quote what runs, not the disk
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._import_of(module.__name__)}
        super().exec_module(module)

    def get_source(self, fullname: str) -> str:
        file = self._file(fullname)
        return "" if file is None else file.text

    def get_filename(self, fullname: str) -> str:
        file = self._file(fullname)
        return str(self._sources.folder / ("__init__.py" if file is None else file.name))

    def is_package(self, fullname: str) -> bool:
        file = self._file(fullname)
        return file is None or file.name.rpartition("/")[2] == "__init__.py"

    def _has(self, fullname: str) -> bool:
        return fullname == self._package or self._file(fullname) is not None

    def _file(self, fullname: str) -> SourceFile | None:
        """The file of a module; None for the folder itself where it has no `__init__.py`."""
        if fullname != self._package and not fullname.startswith(f"{self._package}."):
            return None
        return self._sources.modules.get(fullname[len(self._package) + 1 :])

    def _import_of(self, importing: str) -> Callable[..., Any]:
        """`__import__` for one module: names of the folder's own files come before those of installed packages.

        The standard library comes before both, and a file does not import itself: `umap.py` may wrap the library umap.
        """
        own = "" if self.is_package(importing) else importing.removeprefix(f"{self._package}.")
        names = self._top - sys.stdlib_module_names - {own}

        def import_(
            name: str,
            globals: Mapping[str, Any] | None = None,
            locals: Mapping[str, Any] | None = None,
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> ModuleType:
            top = name.partition(".")[0]
            if level or top not in names:
                return builtins.__import__(name, globals, locals, fromlist or (), level)
            if fromlist:
                return builtins.__import__(f"{self._package}.{name}", globals, locals, fromlist, 0)
            self.load(name)
            return sys.modules[f"{self._package}.{top}"]

        return import_


def fingerprint(info: PluginInfo) -> str:
    """A hash of the source that an analysis is made of: all of its folder, or of its package when it is installed."""
    if info.sources is not None:
        return info.sources.digest
    path = info.path
    if path is None:
        return ""
    files = sorted(path.parent.glob("*.py")) if (path.parent / "__init__.py").exists() else [path]
    return _hash(files)


@functools.cache
def own_fingerprint() -> str:
    """A hash of the workbench's own source below the interface, as it was when this process first asked."""
    package = Path(__file__).resolve().parents[1]
    files = sorted(package.rglob("*.py"))
    return _hash([file for file in files if file.relative_to(package).parts[0] not in ("tui", "cli")])


def _hash(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()
