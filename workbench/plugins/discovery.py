"""Discovery of analyses by reading files as text; no plugin code runs here.

They come from the installation (built-in and shipped), from installed packages (entry points of the group
`workbench.analyses`), from the user's folder and from the workspace, whose code is only run once its contents are
trusted.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from workbench.errors import BadInput, choose
from workbench.plugins.info import WHY_NOT, PluginInfo, Source, Verdict
from workbench.plugins.manifest import Declared, NotAnAnalysis, read_analyses
from workbench.plugins.reader import Answer, read_guarded
from workbench.plugins.sources import SourceFile, Sources, read_folder, stamps
from workbench.plugins.trust import TRUSTED, Review, review
from workbench.settings import declared
from workbench.workspace import Workspace, shipped, user_dir

GROUP = "workbench.analyses"


def folders(workspace: Workspace | None = None) -> list[tuple[Source, Path]]:
    """The folders in which files are looked for, in order; those that do not exist yet included."""
    places: list[tuple[Source, Path]] = [
        ("built-in", Path(__file__).parents[1] / "analyses"),
        ("shipped", shipped("plugins")),
        ("user", user_dir() / "plugins"),
    ]
    if workspace is not None:
        places.append(("workspace", workspace.root / "plugins"))
    return places


def discover(workspace: Workspace | None = None) -> list[PluginInfo]:
    """Every analysis there is, and every disabled file with the reason, importing none of them but the
    workbench's own, where their parameters cannot be read otherwise.

    Order: built-in, shipped, entry points, user, workspace. Of two with the same name, the second is
    disabled, with an error that names both files. Raises BadInput when the list of what is trusted cannot be read.
    """
    return list(_name_duplicates(_all(workspace)))


def find(workspace: Workspace | None, name: str) -> PluginInfo:
    """The analysis called `name`.

    Raises BadInput when there is none, when it is disabled, and when it is code of a workspace that is not trusted.
    """
    known = []
    for info in _name_duplicates(_all(workspace)):  # read no further than needed, least of all a stranger's files
        if info.name == name and info.usable:
            return info
        known.append(info)
    for info in known:
        if info.name == name and not info.trusted:
            raise BadInput(
                f"analysis {name!r} is code of the workspace ({info.path}) and is not run: {WHY_NOT[info.verdict]}. "
                f"Review and allow it with: workbench plugin trust {workspace.root if workspace else ''}"
            )
        if info.name == name:
            raise BadInput(f"analysis {name!r} is disabled: {info.error} ({info.origin})")
    choose(name, [info.name for info in known if info.usable], "analysis")
    raise AssertionError("choose() raises for an unknown name")


def read_file(source: Source, path: Path) -> list[PluginInfo]:
    """The analyses that a file declares, or one entry with the reason why it is disabled."""
    if path.suffix != ".py":
        return [_broken(source, path, path.stem, "a plugin's file name ends in .py")]
    sources = read_folder(path.parent, follow_links=True)
    file = sources.file(path.name)
    if file is not None:
        return _declared_in(source, sources, file, _read(file))
    reasons = {one.name: one.reason for one in sources.disabled}
    reason = reasons.get(path.name) or reasons.get("") or "the file name starts with a dot; rename it"
    return [_broken(source, path, path.stem, reason)]


def in_workspace(reviewed: Review) -> list[PluginInfo]:
    """What the plugins folder of a workspace holds, as it was read for this review."""
    files = [file for file in reviewed.sources.top if _brings_analyses(file.name)]
    answers = read_guarded(files)
    return list(_in_sources("workspace", reviewed.sources, files, answers, reviewed.verdict))


def signature(workspace: Workspace | None = None) -> tuple[tuple[str, int, int], ...]:
    """What decides which analyses there are: path, time of change and size of each file. Nothing is opened."""
    entries = []
    for source, folder in folders(workspace):
        entries += stamps(folder, follow_links=source != "workspace")
    return (*entries, *stamps_of(user_dir() / TRUSTED))


def stamps_of(file: Path) -> list[tuple[str, int, int]]:
    """Path, time of change and size of one file; empty where there is none."""
    try:
        state = file.stat()
    except OSError:
        return []
    return [(str(file), state.st_ctime_ns, state.st_size)]


def _all(workspace: Workspace | None) -> Iterator[PluginInfo]:
    seen: set[Path] = set()
    for source, folder in folders():
        if source == "user":
            yield from _entry_points()
        if folder.is_dir() and folder.resolve() not in seen:
            seen.add(folder.resolve())
            sources = read_folder(folder, follow_links=True)
            files = [file for file in sources.top if _brings_analyses(file.name)]
            yield from _in_sources(source, sources, files, {file.name: _read(file) for file in files})
    if workspace is not None:
        place = workspace.root.resolve() / "plugins"
        if place not in seen and os.path.lexists(place):  # the installation itself may be opened as a workspace
            yield from in_workspace(review(workspace.root))


def _brings_analyses(name: str) -> bool:
    return not name.startswith(("_", "test_"))


def _read(file: SourceFile) -> Answer:
    """What a file of the installation or of the user declares."""
    return _read_text(file.text)


@functools.lru_cache(maxsize=256)
def _read_text(text: str) -> Answer:
    try:
        return read_analyses(text)
    except NotAnAnalysis as error:
        return error


def _in_sources(
    source: Source,
    sources: Sources,
    files: Iterable[SourceFile],
    answers: dict[str, Answer],
    verdict: Verdict = "trusted",
) -> Iterator[PluginInfo]:
    for one in sources.disabled:
        path = sources.folder / one.name
        yield _broken(source, path, one.name.removesuffix(".py") or path.name, one.reason)
    for file in files:
        for info in _declared_in(source, sources, file, answers[file.name]):
            yield replace(info, verdict=verdict)


def _declared_in(source: Source, sources: Sources, file: SourceFile, answer: Answer) -> list[PluginInfo]:
    path = sources.folder / file.name
    if isinstance(answer, NotAnAnalysis):
        return [_broken(source, path, path.stem, str(answer))]
    infos = [_info(source, path, one) for one in answer]
    if source == "built-in":
        return [_with_settings(info) for info in infos]  # the package's own modules are imported as such
    return [replace(info, sources=sources) for info in infos]


def _with_settings(info: PluginInfo) -> PluginInfo:
    """A built-in analysis whose parameters take their choices from a registry, with the settings of its class."""
    if info.settings is not None or info.path is None or info.error:
        return info
    module = importlib.import_module(f"workbench.analyses.{info.path.stem}")
    return replace(info, settings=tuple(declared(getattr(module, info.class_name).Params).values()))


def _entry_points() -> Iterator[PluginInfo]:
    for point in importlib.metadata.entry_points(group=GROUP):
        path = None
        try:
            path = _module_file(point.module)
            for one in read_analyses(_installed_text(path)):
                if not point.attr or one.class_name == point.attr:
                    target = f"{point.module}:{one.class_name}"
                    yield replace(_info("entry point", path, one), target=target)
        except NotAnAnalysis as error:
            yield _broken("entry point", path, point.name, f"{error} (entry point {point.value})")


def _installed_text(path: Path) -> str:
    try:
        return importlib.util.decode_source(path.read_bytes())
    except OSError as error:
        raise NotAnAnalysis(f"cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, SyntaxError) as error:
        raise NotAnAnalysis(f"not readable as Python ({error})") from None


def _module_file(module: str) -> Path:
    """The file of a module of an installed package, located without importing the package."""
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


def _name_duplicates(infos: Iterable[PluginInfo]) -> Iterator[PluginInfo]:
    first: dict[str, PluginInfo] = {}
    for info in infos:
        other = first.setdefault(info.name, info) if not info.error else info
        if other is not info:
            reason = (
                f"the name {info.name!r} is already used by the {other.source} analysis in {other.path}; choose another"
            )
            yield replace(info, error=reason)
        else:
            yield info
