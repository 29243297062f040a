"""Code of a workspace: only files with exactly the contents that were reviewed are imported."""

import importlib.util
import json
import py_compile
import shutil
import sys

import pytest

from tests.unit.plugins.plugin_files import drop, mark_of, minimal
from workbench import plugins
from workbench.errors import BadInput
from workbench.workspace import user_dir


@pytest.fixture
def own(workspace):
    """The workspace's plugins folder, with one trusted analysis `local`."""
    drop("local", minimal("local", 'MARK = "reviewed"'), workspace.root / "plugins")
    plugins.trust(plugins.review(workspace.root))
    assert mark_of(plugins.find(workspace, "local")) == "reviewed"
    return workspace.root / "plugins"


def refused(workspace, name="local"):
    """Why an analysis of the workspace does not run."""
    with pytest.raises(BadInput) as told:
        plugins.find(workspace, name)
    return str(told.value)


def listed(workspace):
    return {info.path.name: info for info in plugins.discover(workspace) if info.path and info.source == "workspace"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("local", minimal("local", 'MARK = "other"')), ("added", "x = 1"), ("_helper", "x = 1"), ("local", "")],
)
def test_nothing_runs_after_any_change(workspace, own, name, text):
    drop("sound", minimal("sound"), own)
    plugins.trust(plugins.review(workspace.root))
    drop(name, text, own)
    for info in listed(workspace).values():
        assert (info.verdict, info.usable) == ("changed", False)
        with pytest.raises(BadInput, match="changed since it was trusted"):
            plugins.load(info)
    assert "workbench plugin trust" in refused(workspace, "sound")
    plugins.trust(plugins.review(workspace.root))
    assert plugins.find(workspace, "sound").usable


def test_a_removed_file_is_a_change_and_the_old_contents_are_trusted_again(workspace, own):
    path = drop("second", minimal("second"), own)
    assert "changed since" in refused(workspace)
    path.unlink()
    assert plugins.find(workspace, "local").usable
    text = (own / "local.py").read_bytes()
    (own / "local.py").unlink()
    drop("second", minimal("second"), own)
    assert "changed since" in refused(workspace, "second")
    (own / "local.py").write_bytes(text)
    path.unlink()
    assert plugins.find(workspace, "local").usable


def test_bytes_that_were_read_are_run_though_the_file_changes_before_the_import(workspace, own):
    info = plugins.find(workspace, "local")
    drop("local", minimal("local", 'raise SystemExit("not reviewed")'), own)
    drop("_late", "", own)
    assert mark_of(info) == "reviewed"


def test_exactly_the_reviewed_contents_are_recorded(workspace):
    folder = workspace.root / "plugins"
    drop("local", minimal("local"), folder)
    review = plugins.review(workspace.root)
    drop("local", minimal("local", "changed = 1"), folder)
    plugins.trust(review)
    assert "changed since" in refused(workspace)


def test_another_folder_at_the_path_is_not_trusted(workspace, own, tmp_path):
    workspace.root.rename(tmp_path / "away")
    other = drop("local", minimal("local", 'MARK = "swapped"'), workspace.root / "plugins")
    assert listed(workspace)["local.py"].verdict == "changed"
    other.unlink()
    shutil.copy(tmp_path / "away" / "plugins" / "local.py", other)
    assert plugins.is_trusted(workspace.root)  # the same contents at the same place


def test_the_same_contents_elsewhere_are_asked_about(workspace, own, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(workspace.root, moved)
    review = plugins.review(moved)
    assert (review.verdict, review.twin) == ("new", workspace.root)
    link = tmp_path / "link"
    link.symlink_to(workspace.root)
    assert plugins.is_trusted(link)


def test_a_prepared_bytecode_file_is_not_run_and_none_is_written(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = workspace.root / "plugins"
    for place, name in ((folder, "local"), (user_dir() / "plugins", "mine")):
        path = drop(name, minimal(name, 'import _helper\nMARK = "source"'), place)
        helper = drop("_helper", "", place)
        for shown in (path, helper):
            evil = drop(shown.stem, 'raise SystemExit("bytecode")', tmp_path / "evil")
            cached = importlib.util.cache_from_source(str(shown))
            py_compile.compile(str(evil), cached, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    plugins.trust(plugins.review(workspace.root))
    for place, name in ((folder, "local"), (user_dir() / "plugins", "mine")):
        assert mark_of(plugins.find(workspace, name)) == "source"
        (place / "__pycache__").rename(tmp_path / name)
        drop("_helper", "x = 1", place)
    plugins.trust(plugins.review(workspace.root))
    plugins.load(plugins.find(workspace, "local"))
    assert not (folder / "__pycache__").exists()


def test_links_are_not_followed_and_are_told(workspace, own, tmp_path):
    outside = drop("outside", minimal("outside"), tmp_path / "elsewhere")
    drop("__init__", "", tmp_path / "elsewhere" / "package")
    (own / "linked.py").symlink_to(outside)
    (own / "gone.py").symlink_to(tmp_path / "nothing.py")
    (own / "again.py").symlink_to(own / "local.py")
    (own / "package").symlink_to(tmp_path / "elsewhere" / "package")
    found = listed(workspace)
    for name in ("linked.py", "gone.py", "again.py", "package"):
        assert "link" in found[name].error
        assert not found[name].usable
    assert found["local.py"].usable  # what is left alone changes nothing of what was reviewed
    assert "link" in refused(workspace, "linked")
    assert "outside" not in {info.name for info in plugins.discover(workspace)}
    (own / "local.py").rename(tmp_path / "local.py")
    (own / "local.py").symlink_to(tmp_path / "local.py")
    assert "link" in refused(workspace)


def test_a_plugins_folder_that_is_a_link_is_left_alone(workspace, tmp_path):
    drop("local", minimal("local"), tmp_path / "elsewhere")
    (workspace.root / "plugins").symlink_to(tmp_path / "elsewhere")
    assert plugins.review(workspace.root).sources.files == ()
    assert "link to a folder" in listed(workspace)["plugins"].error
    mine = user_dir() / "plugins"
    mine.symlink_to(tmp_path / "elsewhere")  # the user's own folder may lie elsewhere
    assert plugins.find(workspace, "local").source == "user"


def test_the_list_of_an_earlier_version_trusts_nothing_and_says_why(workspace):
    drop("local", minimal("local"), workspace.root / "plugins")
    user_dir().mkdir(exist_ok=True)
    file = user_dir() / "trusted.json"
    file.write_text(json.dumps([str(workspace.root.resolve()), "/elsewhere"]))
    assert "trusted by its path only" in refused(workspace)
    plugins.trust(plugins.review(workspace.root))
    assert plugins.find(workspace, "local").usable
    record = json.loads(file.read_text())
    assert list(record["workspaces"]) == [str(workspace.root.resolve())]
    assert record["by_path"] == ["/elsewhere"]


@pytest.mark.parametrize("text", ["{", '{"workspaces": 3}', '{"workspaces": {"a": ["b"]}}', "[3]"])
def test_a_damaged_list_of_trust_is_told(workspace, text):
    user_dir().mkdir(exist_ok=True)
    (user_dir() / "trusted.json").write_text(text)
    with pytest.raises(BadInput, match=r"trusted\.json"):
        plugins.is_trusted(workspace.root)
    assert plugins.find(workspace, "divergence").usable


def test_the_difference_shows_every_change_and_what_cannot_be_seen(workspace, own):
    reviewed = (own / "local.py").read_text()
    drop("second", "x = 1\n", own)
    plugins.trust(plugins.review(workspace.root))
    drop("local", reviewed.replace("reviewed", "re\u202evie\u200bwed\ufe0f"), own)
    drop("third", "import os\r\x1b[2Jos.remove", own)
    (own / "second.py").unlink()
    found = {change.name: change for change in plugins.changes(plugins.review(workspace.root))}
    assert {name: change.kind for name, change in found.items()} == {
        "local.py": "changed",
        "second.py": "removed",
        "third.py": "added",
    }
    assert '-MARK = "reviewed"\n+MARK = "re\\u202evie\\u200bwed\\ufe0f"' in found["local.py"].diff
    assert "+import os\\r\\x1b[2Jos.remove" in found["third.py"].diff
    assert "-x = 1" in found["second.py"].diff


def test_the_difference_of_texts_that_are_no_longer_kept_shows_the_whole_file(workspace, own):
    for text in (user_dir() / "reviewed").iterdir():
        text.write_text("altered")
    drop("local", minimal("local", "other = 1"), own)
    (change,) = plugins.changes(plugins.review(workspace.root))
    assert "no longer available" in change.note
    assert "+class A(Analysis):" in change.diff


def test_only_texts_that_are_still_trusted_are_kept(workspace, own):
    for number in range(3):
        drop("local", minimal("local", f"n = {number}"), own)
        plugins.trust(plugins.review(workspace.root))
    (kept,) = (user_dir() / "reviewed").iterdir()
    assert kept.read_bytes() == (own / "local.py").read_bytes()
