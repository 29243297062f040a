"""The table of actions, and the keymap checked against it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any, cast

import pytest
from textual.actions import parse

from tests.tui.tui_support import wait_for
from workbench import tui
from workbench.errors import BadInput
from workbench.tui.screens import REGISTRY, build
from workbench.tui.shell import actions
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import user_dir


def test_no_key_does_two_things() -> None:
    screens = {screen: [action for action in actions.ACTIONS if action.on(screen)] for screen in actions.SCREENS}
    for place, own in (*screens.items(), *actions.PARTS.items()):
        owners: dict[str, set[str]] = {}
        for action in own:
            for key in action.keys:
                owners.setdefault(key, set()).add(action.id)
        assert {key: ids for key, ids in owners.items() if len(ids) > 1} == {}, place


def test_keys_that_tmux_and_screen_take_are_never_the_only_way() -> None:
    taken = {"ctrl+a", "ctrl+b", "ctrl+s", "ctrl+j", "ctrl+o"}
    for action in actions.ACTIONS:
        assert not action.keys or set(action.keys) - taken, action.id


def test_every_action_can_be_called() -> None:
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.train.charts import RunCharts
    from workbench.tui.screens.train.screen import TrainScreen

    for action in actions.ACTIONS:
        namespace, name, parameters = parse(action.action)
        if (namespace, name) == ("app", "nothing"):
            continue
        if namespace == "app":
            assert hasattr(WorkbenchApp, f"action_{name}"), action.id
        elif name == "chart":
            assert hasattr(RunCharts, f"action_{parameters[0]}"), action.id
            assert hasattr(TrainScreen, "action_chart")
        else:
            for screen in action.screens:
                assert hasattr(type(build(screen)), f"action_{name}"), (action.id, screen)


def test_ids_and_screens_are_known() -> None:
    assert len(actions.BY_ID) == len(actions.ACTIONS) + sum(map(len, actions.PARTS.values()))
    assert set(REGISTRY) == set(actions.SCREENS)
    for action in actions.ACTIONS:
        assert action.help
        assert action.screens == actions.EVERYWHERE or set(action.screens) <= set(actions.SCREENS)


def test_every_binding_is_in_a_table() -> None:
    for module in pkgutil.walk_packages(tui.__path__, "workbench.tui."):
        for value in vars(importlib.import_module(module.name)).values():
            if not isinstance(value, type) or not value.__module__.startswith("workbench.tui."):
                continue
            for binding in value.__dict__.get("BINDINGS", ()):
                assert binding.id in actions.BY_ID, (value, binding)


async def test_a_key_of_a_table_follows_the_keymap(bench: Any) -> None:
    write('[keys]\nmark-right = "h"\ntable-down = ["down", "ctrl+n"]\n')
    async with bench(size=(120, 40)) as (app, pilot):
        await wait_for(pilot, lambda: app.current._filled)
        panel = app.current.query_one("#splits", TablePanel)
        await pilot.press("h", "h", "right", "ctrl+n")
        assert panel.table.marked == 2
        assert panel.table.cursor_row == 1


def write(text: str) -> Path:
    path = user_dir() / "keymap.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_keymap() -> None:
    assert actions.read_keymap() == {}
    write('[keys]\nhelp = "f2"\nstart = ["f5", "ctrl+r"]\nfilter = "&"\n')
    assert actions.read_keymap() == {"help": "f2", "start": "f5,ctrl+r", "filter": "ampersand"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[keys\n", "not readable as TOML"),
        ("[key]\n", "did you mean 'keys'?"),
        ('[keys]\nhelpp = "f2"\n', "did you mean 'help'?"),
        ('[keys]\nhelp = "ctrl+kk"\n', "no key is called 'ctrl+kk'"),
        ("[keys]\nhelp = 3\n", "expected a key"),
        ('[keys]\nhelp = "n"\n', "would be both"),
        ("[keys]\nhelp = []\n", "expected a key"),
        ('[keys]\nhelp = "j"\n', "both 'help' and 'table-down' (Data)"),
        ('[keys]\ntable-up = "s"\n', "both 'sort' and 'table-up' (Data)"),
        ('[keys]\nreview-up = "pagedown"\n', "both 'review-up' and 'review-down' (review)"),
    ],
)
def test_a_wrong_keymap_names_file_key_and_way_out(text: str, told: str) -> None:
    path = write(text)
    with pytest.raises(BadInput) as caught:
        actions.read_keymap()
    assert str(path) in str(caught.value)
    assert told in str(caught.value)


def test_no_action_is_left_to_be_parsed_when_its_key_comes() -> None:
    from textual.actions import parse
    from textual.binding import Binding

    from workbench.tui.widgets.table.panel import FrameTable

    parse.cache_clear()
    actions.parse_bindings()
    misses = parse.cache_info().misses
    for action in (
        *(action.action for action in actions.ACTIONS),
        *(binding.action for binding in cast(list[Binding], FrameTable.BINDINGS)),
    ):
        parse(action)
    assert parse.cache_info().misses == misses + 1  # app.nothing has no binding
