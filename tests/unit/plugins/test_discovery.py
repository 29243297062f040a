import importlib
import sys
import textwrap
from typing import cast

import pytest

from workbench import plugins
from workbench.errors import BadInput
from workbench.plugins.manifest import NotAnAnalysis, read_analyses
from workbench.workspace import Workspace, shipped, user_dir

SOUND = '''
import nothing_that_is_installed
from workbench import api
from workbench.api import param

CHOICES = ("a", "b")
raise RuntimeError("reading a file must not run it")

class Base(api.Analysis):
    """What they share."""
    class Params:
        top: int = param(20, help="rows", ge=1)
        kind: str = param("a", choices=CHOICES)
        share: float | None = None
        sizes: "list[int]" = param([1, -2], help="sizes")

class Two(Base):
    """The second.

    More of it.
    """
    name = "two"
    title = "The second"
    needs_run = True
    def run(self, ctx, params): ...

class Other: pass
'''


def drop(name, text, folder=None):
    folder = folder or user_dir() / "plugins"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder / f"{name}.py"


def minimal(name):
    return (
        f'from workbench.api import *\nclass A(Analysis):\n    name = "{name}"\n    def run(self, ctx, params): ...\n'
    )


def test_files_are_read_and_not_run():
    path = drop("some", SOUND)
    info = next(info for info in plugins.discover() if info.name == "two")
    assert (info.title, info.source, info.path, info.needs_run) == ("The second", "user", path, True)
    assert info.doc == "The second.\n\nMore of it."
    settings = {setting.name: setting for setting in info.settings or ()}
    assert settings["top"].ge == 1
    assert settings["kind"].choices == ("a", "b")
    assert (settings["share"].optional, settings["share"].default) == (True, None)
    assert (settings["sizes"].type, settings["sizes"].default) == (list, [1, -2])
    assert info.usable
    assert "nothing_that_is_installed" not in sys.modules


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def broken(:", "line 1: "),
        ("x = 1", "it has no subclass of workbench.api.Analysis"),
        ("", "it has no subclass"),
        ("class A(Analysis):\n    def run(self): ...", "needs name"),
        ('class A(Analysis):\n    name = "Bad Name"\n    def run(self): ...', "needs name"),
        ('class A(Analysis):\n    name = "a"', "has no run()"),
        ("\0", "null bytes"),
        ("(" * 5000, ""),
    ],
)
def test_broken_files_are_set_aside_with_the_reason(text, reason):
    path = drop("broken", text)
    found = [info for info in plugins.discover() if info.path == path]
    assert len(found) == 1
    assert reason in found[0].error
    assert found[0].error
    assert not found[0].usable
    with pytest.raises(BadInput, match="is disabled"):
        plugins.find(None, found[0].name)


def test_parameters_that_only_running_tells_are_left_open():
    path = drop(
        "open",
        """
        class A(Analysis):
            name = "open"
            class Params:
                top: int = param(default())
            def run(self, ctx, params): ...
        """,
    )
    assert read_analyses(path.read_text())[0].settings is None


def test_a_name_taken_names_both_places():
    first, second = drop("one", minimal("twice")), drop("two", minimal("twice"))
    found = [info for info in plugins.discover() if info.name == "twice"]
    assert [info.path for info in found] == [first, second]
    assert found[0].usable
    assert str(first) in found[1].error
    taken = drop("mine", minimal("confusion"))
    assert "built-in" in next(info for info in plugins.discover() if info.path == taken).error
    assert plugins.find(None, "confusion").source == "built-in"


def test_tests_and_private_files_are_passed_over():
    drop("test_it", "x")
    drop("_helper", "x")
    assert [info for info in plugins.discover() if info.source == "user"] == []


def test_order_and_trust(workspace):
    path = drop("local", minimal("local"), workspace.root / "plugins")
    drop("mine", minimal("mine"))
    found = plugins.discover(workspace)
    sources = [info.source for info in found]
    assert sources == sorted(sources, key=["built-in", "shipped", "entry point", "user", "workspace"].index)
    assert not next(info for info in found if info.path == path).trusted
    with pytest.raises(BadInput, match="workbench plugin trust"):
        plugins.find(workspace, "local")
    plugins.trust(plugins.review(workspace.root))
    assert plugins.find(workspace, "local").path == path


def test_the_installation_opened_as_a_workspace_lists_nothing_twice():
    class Here:
        root = shipped("plugins").parent

    names = [info.name for info in plugins.discover(cast(Workspace, Here()))]
    assert len(names) == len(set(names))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package with an entry point, as pip would leave it; importing its parent would fail."""
    package = tmp_path / "site" / "their_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("MARK = 1\n")
    (package / "analyses.py").write_text(minimal("theirs").replace("class A", "class Theirs"))
    info = tmp_path / "site" / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[workbench.analyses]\ntheirs = their_package.analyses:Theirs\ngone = not_there.at_all:Gone\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    return package


def test_entry_points_are_found_without_importing(installed):
    found = {info.name: info for info in plugins.discover() if info.source == "entry point"}
    assert found["theirs"].target == "their_package.analyses:Theirs"
    assert found["theirs"].usable
    assert "not installed" in found["gone"].error
    assert "their_package" not in sys.modules
    assert plugins.load(found["theirs"]).name == "theirs"


def test_a_changed_file_is_imported_anew():
    path = drop("changing", minimal("changing"))
    first = plugins.load(plugins.find(None, "changing"))
    assert plugins.load(plugins.find(None, "changing")) is first
    path.write_text(path.read_text().replace("name =", 'title = "new"\n    name ='))
    assert plugins.load(plugins.find(None, "changing")).title == "new"


def test_a_class_that_only_looks_like_an_analysis_is_told():
    drop("fake", 'class Analysis: pass\nclass A(Analysis):\n    name = "fake"\n    def run(self): ...')
    with pytest.raises(NotAnAnalysis, match="not a subclass"):
        plugins.load(plugins.find(None, "fake"))


def test_what_packages_are_made_of_counts_as_source(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    info = plugins.PluginInfo("a", "a", "", "entry point", tmp_path / "a.py", target="package.a:A")
    before = plugins.fingerprint(info)
    (tmp_path / "b.py").write_text("3")
    assert plugins.fingerprint(info) != before


def test_a_workspace_without_plugins_is_fine(make_folder):
    workspace = Workspace.open(make_folder())
    assert all(info.source != "workspace" for info in plugins.discover(workspace))
