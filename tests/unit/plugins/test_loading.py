"""Imports beside a plugin: from the texts that were read, and from nothing else of its folder."""

import inspect
import linecache
import sys
import traceback

import pytest

from tests.unit.plugins.plugin_files import drop, mark_of, minimal
from workbench import plugins


@pytest.fixture
def own(workspace):
    drop("_values", "VALUE = 3\n", workspace.root / "plugins")
    drop("__init__", "", workspace.root / "plugins" / "tools")
    drop("deep", "from ._more import DEPTH\nimport tools._more\n", workspace.root / "plugins" / "tools")
    drop("_more", "from .. import _values\nDEPTH = _values.VALUE + 1\n", workspace.root / "plugins" / "tools")
    return workspace.root / "plugins"


def load(workspace, name="local"):
    plugins.trust(plugins.review(workspace.root))
    return plugins.load(plugins.find(workspace, name))


@pytest.mark.parametrize(
    ("body", "mark"),
    [
        ("import _values\nMARK = _values.VALUE", 3),
        ("from _values import VALUE as MARK", 3),
        ("from . import _values\nMARK = _values.VALUE", 3),
        ("from ._values import VALUE as MARK", 3),
        ("import tools.deep\nMARK = tools.deep.DEPTH", 4),
        ("import tools.deep as deep\nMARK = deep.DEPTH", 4),
        ("from tools import deep\nMARK = deep.DEPTH", 4),
        ("from tools.deep import DEPTH as MARK", 4),
        ("from .tools.deep import *\nMARK = DEPTH", 4),
        ("import importlib\nMARK = importlib.import_module('._values', __package__).VALUE", 3),
        ("def late():\n    import _values\n    return _values.VALUE\nMARK = late()", 3),
    ],
)
def test_files_beside_a_plugin_are_imported(workspace, own, body, mark):
    drop("local", minimal("local", body), own)
    before = list(sys.path)
    assert load(workspace).mark == mark
    assert sys.path == before
    assert "_values" not in sys.modules
    assert "tools" not in sys.modules


def test_a_helper_that_came_or_changed_after_the_review_is_not_imported(workspace, own):
    drop("local", minimal("local", "import _late"), own)
    plugins.trust(plugins.review(workspace.root))
    info = plugins.find(workspace, "local")
    drop("_late", "", own)
    with pytest.raises(ModuleNotFoundError, match="_late"):
        plugins.load(info)
    drop("local", minimal("local", "import _values\nMARK = _values.VALUE"), own)
    plugins.trust(plugins.review(workspace.root))
    info = plugins.find(workspace, "local")
    drop("_values", "VALUE = 'not reviewed'", own)
    assert mark_of(info) == 3


def test_other_files_of_the_workspace_are_not_imported(workspace, own, monkeypatch):
    drop("stranger", "", workspace.root)
    drop("module", "", own / "no_package")
    drop("local", minimal("local", "import stranger"), own)
    with pytest.raises(ModuleNotFoundError, match="stranger"):
        load(workspace)
    drop("local", minimal("local", "import no_package.module"), own)
    with pytest.raises(ModuleNotFoundError, match="no_package"):
        load(workspace)


def test_a_changed_helper_of_the_user_is_imported_anew():
    drop("_helper", "MARK = 1")
    drop("mine", minimal("mine", "from _helper import MARK"))
    first = plugins.find(None, "mine")
    assert mark_of(first) == 1
    drop("_helper", "MARK = 2")
    second = plugins.find(None, "mine")
    assert mark_of(second) == 2
    assert plugins.fingerprint(first) != plugins.fingerprint(second)


def test_names_of_libraries_keep_their_meaning(workspace, own):
    drop("statistics", minimal("statistics", "import statistics\nMARK = statistics.mean([1, 3])"), own)
    drop("polars", minimal("polars-wrapped", "import polars\nMARK = polars.DataFrame.__name__"), own)
    drop("local", minimal("local", "import statistics\nMARK = statistics.mean([1, 3])"), own)
    assert load(workspace, "statistics").mark == 2
    assert load(workspace, "polars-wrapped").mark == "DataFrame"
    assert load(workspace).mark == 2
    import polars

    assert hasattr(polars, "DataFrame")


def test_tracebacks_quote_what_ran(workspace, own):
    drop("_fails", "def fail():\n    raise ValueError('reviewed')  # this line\n", own)
    drop("local", minimal("local", "import _fails\nMARK = [_fails.fail]"), own)
    found = load(workspace)
    drop("_fails", "\n\n\n", own)
    linecache.checkcache()
    with pytest.raises(ValueError) as caught:
        found.mark[0]()
    told = "".join(traceback.format_exception(caught.value))
    assert "raise ValueError('reviewed')  # this line" in told
    assert str(own / "_fails.py") in told
    assert "def run" in inspect.getsource(found)


def test_dataclasses_and_a_failing_import_work_as_in_any_module(workspace, own):
    body = "from dataclasses import dataclass\n@dataclass\nclass D:\n    x: 'int' = 2\nMARK = D().x"
    drop("local", minimal("local", body, head="from __future__ import annotations"), own)
    assert load(workspace).mark == 2
    drop("local", minimal("local", "1 / 0"), own)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            load(workspace)


def test_a_declared_encoding_does_not_change_what_was_shown(workspace, own):
    body = 'MARK = "+AGEAYg-"'  # in UTF-7: ab
    drop("local", minimal("local", body, head="# -*- coding: utf-7 -*-"), own)
    assert load(workspace).mark == "+AGEAYg-"
