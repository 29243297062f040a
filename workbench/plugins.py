"""Which analyses there are, found by reading files as text: nothing of a plugin runs here but in `load`.

They come from the installation (built-in and shipped), from installed packages (entry points of the group
`workbench.analyses`), from the user's folder and from the workspace, whose code is only run once its folder is trusted.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from workbench.errors import BadInput, choose
from workbench.reading import Declared, NotAnAnalysis, read_analyses
from workbench.settings import Setting
from workbench.workspace import Workspace, shipped, user_dir

if TYPE_CHECKING:
    from workbench.api import Analysis

Source = Literal["built-in", "shipped", "entry point", "user", "workspace"]
GROUP = "workbench.analyses"


@dataclass(frozen=True)
class PluginInfo:
    """One analysis, or one file that should have brought one and could not.

    `settings` are its parameters, None when they cannot be read without running the file. `error` says why it is set
    aside, empty when nothing is known against it. `trusted` is false for code of a workspace that the user has not
    trusted. `target` is what an entry point names, `module:Class`.
    """

    name: str
    title: str
    doc: str
    source: Source
    path: Path | None
    class_name: str = ""
    settings: tuple[Setting, ...] | None = ()
    needs_run: bool = False
    trusted: bool = True
    error: str = ""
    target: str = ""

    @property
    def usable(self) -> bool:
        return self.trusted and not self.error

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        return f"{self.source} {self.path}" if self.path else self.source


def folders(workspace: Workspace | None = None) -> list[tuple[Source, Path]]:
    """The folders in which files are looked for, in order; those that do not exist yet included."""
    found: list[tuple[Source, Path]] = [
        ("built-in", Path(__file__).parent / "analyses"),
        ("shipped", shipped("plugins")),
        ("user", user_dir() / "plugins"),
    ]
    if workspace is not None:
        found.append(("workspace", workspace.root / "plugins"))
    return found


def discover(workspace: Workspace | None = None) -> list[PluginInfo]:
    """Every analysis there is, and every file set aside with the reason, importing none of them.

    Order: built-in, shipped, entry points, user, workspace. Of two with one name the first is kept and the other set
    aside, both places named.
    """
    found: list[PluginInfo] = []
    seen: set[Path] = set()
    for source, folder in folders(workspace):
        if source == "user":
            found += _entry_points()
        if folder.is_dir() and folder.resolve() not in seen:  # the installation itself may be opened as a workspace
            seen.add(folder.resolve())
            trusted = source != "workspace" or is_trusted(folder.parent)
            found += (replace(info, trusted=trusted) for info in _in_folder(source, folder))
    return list(_name_duplicates(found))


def find(workspace: Workspace | None, name: str) -> PluginInfo:
    """The analysis called `name`.

    Raises BadInput when there is none, when it is set aside, and when it is code of a workspace that is not trusted.
    """
    known = discover(workspace)
    for info in sorted(known, key=lambda info: not info.usable):  # a broken file may bear the name of a sound analysis
        if info.name == name and not info.trusted:
            raise BadInput(
                f"analysis {name!r} is code of the workspace ({info.path}), which is not trusted: read it, then allow "
                f"it with: workbench plugin trust {workspace.root if workspace else ''}"
            )
        if info.name == name and info.error:
            raise BadInput(f"analysis {name!r} is set aside: {info.error} ({info.origin})")
        if info.name == name:
            return info
    choose(name, [info.name for info in known if info.usable], "analysis")
    raise AssertionError("choose() raises for a name that is not known")


def load(info: PluginInfo) -> type[Analysis]:
    """Import the file and give the class. Only the worker process does this: the code may do anything.

    Raises whatever the import raises, and NotAnAnalysis when the module does not hold the class that was read in it.
    """
    from workbench.api import Analysis

    if info.source == "built-in" and info.path is not None:
        module: Any = importlib.import_module(f"workbench.analyses.{info.path.stem}")
    elif info.target:
        module = importlib.import_module(info.target.partition(":")[0])
    else:
        assert info.path is not None
        module = _import_file(info.path, fingerprint(info.path))
    found = getattr(module, info.class_name, None)
    if not (isinstance(found, type) and issubclass(found, Analysis)):
        raise NotAnAnalysis(f"{info.class_name} of {info.path} is not a subclass of workbench.api.Analysis")
    return found


@functools.lru_cache(maxsize=64)
def _import_file(path: Path, version: str) -> Any:
    """The module of a file, imported anew when its contents have changed."""
    name = f"workbench_plugin_{path.stem}_{version[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def fingerprint(path: Path) -> str:
    """A hash of the source that an analysis in `path` is made of: the file, and its package when it lies in one."""
    files = sorted(path.parent.glob("*.py")) if (path.parent / "__init__.py").exists() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def own_fingerprint() -> str:
    """A hash of the workbench's own source below the interface, as it was when this process first asked."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        if file.relative_to(package).parts[0] not in ("tui", "cli"):
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def trust(folder: Path) -> Path:
    """Let the code in `folder`/plugins run from now on; returns the resolved path that was recorded."""
    known = _trusted()
    resolved = folder.expanduser().resolve()
    if not resolved.is_dir():
        raise BadInput(f"{folder}: no such folder; give the workspace whose plugins are to be trusted")
    file = user_dir() / "trusted.json"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(sorted({*known, str(resolved)}))))
        partial.replace(file)
    except OSError as error:
        raise BadInput(
            f"{file}: cannot be written ({error.strerror}); WORKBENCH_CONFIG_DIR names another folder"
        ) from None
    return resolved


def is_trusted(folder: Path) -> bool:
    """Whether the user has trusted this workspace, wherever links lead."""
    return str(folder.resolve()) in _trusted()


def _trusted() -> list[str]:
    try:
        return msgspec.json.decode((user_dir() / "trusted.json").read_bytes(), type=list[str])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise BadInput(f"{user_dir() / 'trusted.json'}: cannot be read ({error}); remove it to start anew") from None


def discover_in(folder: Path) -> list[PluginInfo]:
    """What the plugins folder of a workspace holds."""
    return list(_in_folder("workspace", folder))


def _in_folder(source: Source, folder: Path) -> Iterator[PluginInfo]:
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith(("_", "test_")):
            yield from read_file(source, path)


def read_file(source: Source, path: Path) -> list[PluginInfo]:
    """The analyses that a file declares, or one entry that says why it is set aside."""
    try:
        return [_info(source, path, one) for one in read_analyses(path)]
    except NotAnAnalysis as error:
        return [_broken(source, path, path.stem, str(error))]


def _entry_points() -> Iterator[PluginInfo]:
    for point in importlib.metadata.entry_points(group=GROUP):
        path = None
        try:
            path = _module_file(point.module)
            for one in read_analyses(path):
                if not point.attr or one.class_name == point.attr:
                    target = f"{point.module}:{one.class_name}"
                    yield replace(_info("entry point", path, one), target=target)
        except NotAnAnalysis as error:
            yield _broken("entry point", path, point.name, f"{error} (entry point {point.value})")


def _module_file(module: str) -> Path:
    """The file of a module of an installed package, found without importing the package."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and not rest and spec.origin:
        return Path(spec.origin)
    for place in (spec.submodule_search_locations or []) if spec else []:
        base = Path(place).joinpath(*rest)
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file
    raise NotAnAnalysis(f"module {module} is not installed")


def _info(source: Source, path: Path, one: Declared) -> PluginInfo:
    return PluginInfo(
        one.name, one.title, one.doc, source, path, one.class_name, one.settings, one.needs_run, error=one.error
    )


def _broken(source: Source, path: Path | None, name: str, error: str) -> PluginInfo:
    return PluginInfo(name, name, "", source, path, settings=None, error=error)


def _name_duplicates(found: list[PluginInfo]) -> Iterator[PluginInfo]:
    first: dict[str, PluginInfo] = {}
    for info in found:
        other = first.setdefault(info.name, info) if not info.error else info
        if other is not info:
            told = f"its name {info.name!r} is taken by the {other.source} analysis in {other.path}; give it another"
            yield replace(info, error=told)
        else:
            yield info
