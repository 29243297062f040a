"""The tables of actions: bindings, footer, palette, help and the check of the user's keymap all come from them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from workbench.errors import BadInput, nearest
from workbench.workspace import user_dir

SCREENS = {
    "data": "Data",
    "train": "Train",
    "neighbours": "Neighbours",
    "confusion": "Confusion",
    "divergence": "Divergence",
    "plugins": "Plugins",
    "jobs": "Jobs",
}
EVERYWHERE = ("*",)


@dataclass(frozen=True)
class Action:
    """One thing a user can do.

    `id` is the name in the keymap; `keys` are Textual key names; `call` is the Textual action (the id with underscores
    when not given, looked up on the screen, then on the app). `footer` orders the footer: 0 keeps it out, small numbers
    stay longest when room is short.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    screens: tuple[str, ...] = EVERYWHERE
    footer: int = 0
    call: str = ""

    @property
    def action(self) -> str:
        return self.call or self.id.replace("-", "_")

    def on(self, screen: str) -> bool:
        return self.screens == EVERYWHERE or screen in self.screens


ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"go-{name}", (str(place),), title, f"show the {title} screen", call=f"app.go('{name}')")
        for place, (name, title) in enumerate(SCREENS.items(), start=1)
    ),
    Action("deeper", ("enter",), "open", "open the item under the cursor", footer=3, call="app.nothing"),
    Action("back", ("escape",), "back", "close what is open, or go back", footer=4, call="app.step_back"),
    Action("filter", ("slash",), "filter", "show only the rows that match", footer=5, call="app.filter"),
    Action("sort", ("s",), "sort", "sort by the marked column; again reverses the order (left, right move the mark)",
           ("data", "train", "neighbours", "confusion", "divergence", "plugins"), footer=7, call="app.sort"),
    Action("save-table", ("E",), "save table", "save the table as shown, filtered and sorted, to a CSV file",
           call="app.save_table"),
    Action("choose-run", ("R",), "run", "choose the run that all screens show", footer=8, call="app.choose_run"),
    Action("choose-pair", ("P",), "pair", "choose the two test sets to compare", call="app.choose_pair"),
    Action("palette", ("ctrl+p", "colon"), "palette", "find any action by name", footer=9, call="app.command_palette"),
    Action("theme", ("T",), "theme", "switch between dark and light", call="app.toggle_theme"),
    Action("help", ("question_mark", "f1"), "help", "show the keys of this screen and what it shows", footer=1,
           call="app.help"),
    Action("quit", ("q", "ctrl+q"), "quit", "quit; runs continue", footer=2, call="app.leave"),
    # Data
    Action("read-again", ("r",), "reload", "read the feature files again", ("data",)),
    Action("next-part", ("tab",), "next part", "move to the next part of the screen", call="app.focus_next"),
    Action("all-checks", ("c",), "checks", "problems in the data, why they matter and how to fix them", ("data",),
           footer=6),
    Action("run-checks", ("ctrl+r", "f5"), "check all", "also run the slow checks: labels that do not match, leakage",
           ("data",)),
    Action("features", ("f",), "features", "each feature's range, mean and spread, and its histogram in each split",
           ("data",), footer=7),
    Action("name-duplicates", ("d",), "duplicates", "list the duplicate samples (the analysis duplicates)",
           ("data",)),
    # Train
    Action("new-run", ("n",), "new run", "set up a head and train it", ("train",), footer=5),
    Action("start", ("ctrl+r", "f5"), "start", "start training with the settings of the form", ("train",)),
    Action("stop", ("x",), "stop", "stop the run or job under the cursor; a run keeps its last checkpoint",
           ("train", "plugins", "jobs"), footer=6),
    Action("resume", ("u",), "resume", "resume a stopped, failed or lost run from its checkpoint", ("train",)),
    Action("remove", ("delete", "D"), "remove", "remove the run under the cursor from disk", ("train",)),
    Action("mark-run", ("space",), "mark", "mark the run under the cursor: marked runs are drawn in the same charts",
           ("train",), footer=5),
    Action("unmark-runs", ("M",), "unmark", "remove all marks", ("train",)),
    Action("compare-runs", ("d",), "differences", "the settings in which the marked runs differ", ("train",), footer=6),
    Action("show-sweep", ("w",), "sweep", "the sweep of the run under the cursor: accuracy against the swept setting",
           ("train",), footer=8),
    Action("star-run", ("asterisk",), "star", "star the run under the cursor, or remove its star", ("train",)),
    Action("tag-run", ("t",), "tag", "tag the run under the cursor, or remove a tag", ("train",)),
    Action("next-chart", ("c",), "chart", "next quantity: loss, accuracy, learning rate, rows per second, memory",
           ("train",), footer=7, call="chart('next_chart')"),
    Action("previous-chart", ("C",), "previous chart", "previous quantity", ("train",), call="chart('previous_chart')"),
    Action("next-x", ("a",), "x axis", "by epoch, step or seconds; in a comparison, another setting", ("train",),
           footer=8, call="chart('next_x')"),
    Action("smooth", ("e",), "smooth", "smooth the curves more; after the last level, not at all", ("train",), footer=8,
           call="chart('smooth')"),
    Action("log-y", ("y",), "log y", "use a logarithmic y axis", ("train",), call="chart('log_y')"),
    Action("log-x", ("Y",), "log x", "use a logarithmic x axis", ("train",), call="chart('log_x')"),
    Action("chart-alone", ("m",), "one chart", "show one chart only, or all charts again", ("train",), footer=7,
           call="chart('chart_alone')"),
    Action("cursor-left", ("left",), "cursor left", "in a chart: move the cursor, which shows each line's value",
           ("train",), call="chart('cursor_left')"),
    Action("cursor-right", ("right",), "cursor right", "in a chart: move the cursor to the right", ("train",),
           call="chart('cursor_right')"),
    Action("zoom-in", ("plus", "equals_sign"), "zoom in", "show a smaller range around the cursor", ("train",),
           call="chart('zoom_in')"),
    Action("zoom-out", ("minus",), "zoom out", "show a larger range", ("train",), call="chart('zoom_out')"),
    Action("zoom-whole", ("0",), "whole range", "show the whole range and hide the cursor", ("train",),
           call="chart('zoom_whole')"),
    Action("range-left", ("less_than_sign", "shift+left"), "range left", "move the range to the left",
           ("train",), call="chart('range_left')"),
    Action("range-right", ("greater_than_sign", "shift+right"), "range right", "move the range to the right",
           ("train",), call="chart('range_right')"),
    Action("log", ("l",), "log", "the log of the run or job under the cursor", ("train", "jobs"), footer=7),
    # Neighbours
    Action("ask-sample", ("e",), "query", "choose another sample, split, number of neighbours or distance",
           ("neighbours",), footer=5),
    Action("random-sample", ("r",), "random", "select a random sample of the same split", ("neighbours",), footer=6),
    Action("next-wrong", ("n",), "next error", "select the next misclassified sample", ("neighbours",), footer=6),
    Action("previous-wrong", ("p",), "previous error", "select the previous misclassified sample",
           ("neighbours",)),
    Action("next-into", ("i",), "search in", "search for neighbours in the next split", ("neighbours",), footer=7),
    Action("other-metric", ("m",), "distance", "switch between cosine and euclidean", ("neighbours",), footer=7),
    # Confusion
    Action("next-view", ("v",), "view", "sort pairs by test set 1, 2 or change; samples of the other test set",
           ("confusion",), footer=5),
    Action("ask-again", ("ctrl+r", "f5"), "run again", "run the analysis again",
           ("neighbours", "confusion", "divergence")),
    Action("stop-analysis", ("x",), "stop", "stop the running analysis",
           ("data", "neighbours", "confusion", "divergence")),
    # Divergence
    Action("next-measure", ("m",), "measure", "sort by the next measure, which the bars show", ("divergence",),
           footer=5),
    Action("previous-measure", ("M",), "previous measure", "sort by the previous measure", ("divergence",)),
    Action("other-splits", ("v",), "splits", "compare two other splits; show a feature's samples of the other split",
           ("divergence",), footer=7),
    Action("log-shares", ("l",), "log axis", "use a logarithmic axis for the histograms", ("data", "divergence"),
           footer=8),
    # Plugins
    Action("run-analysis", ("ctrl+r", "f5"), "run", "run the analysis with the values of its form", ("plugins",),
           footer=4),
    Action("trust", ("t",), "trust", "review the code that came with this workspace and allow it to run", ("plugins",)),
    Action("write-plugin", ("n",), "new plugin", "how to write an analysis, and where to put it", ("plugins",),
           footer=7),
)  # fmt: skip

# The actions of a part of a screen, or of a dialog, while it has the focus. `screens` says where there is
# such a part, so that its keys are not given to the screen as well; dialogs take every key, and are on none.
PARTS: Mapping[str, tuple[Action, ...]] = {
    "table": (
        Action("table-enter", ("enter",), "open", "open the row", call="select_cursor"),
        Action("table-up", ("up", "k"), "up", "the row above", call="cursor_up"),
        Action("table-down", ("down", "j"), "down", "the row below", call="cursor_down"),
        Action("table-page-up", ("pageup",), "page up", "a page of rows up", call="page_up"),
        Action("table-page-down", ("pagedown",), "page down", "a page of rows down", call="page_down"),
        Action("table-first", ("home", "g"), "first", "the first row", call="cursor_table_start"),
        Action("table-last", ("end", "G"), "last", "the last row", call="cursor_table_end"),
        Action("mark-left", ("left",), "mark left", "mark the column to the left", call="mark(-1)"),
        Action("mark-right", ("right",), "mark right", "mark the column to the right", call="mark(1)"),
    ),
    "form": (
        Action("form-up", ("up",), "up", "the setting above", call="previous"),
        Action("form-down", ("down",), "down", "the setting below", call="next"),
    ),
    "choice": (Action("choice-open", ("enter", "space"), "open", "open the list of choices", call="show_overlay"),),
    "group": (
        Action("group-turn", ("enter", "space"), "open", "open or close the group of settings", call="fold"),
        Action("group-open", ("right",), "open", "open the group of settings", call="fold(False)"),
        Action("group-close", ("left",), "close", "close the group of settings", call="fold(True)"),
    ),
    "checks": (
        Action("checks-run", ("enter",), "check all", "also run the slow checks", ("data",), call="screen.run_checks"),
    ),
    "analysis": (Action("analysis-run", ("enter",), "run", "run the analysis", ("plugins",), call="ask"),),
    "dialog": (Action("dialog-close", ("escape", "q"), "close", "close the dialog", (), call="close"),),
    "help": (Action("help-close", ("question_mark", "f1"), "close", "close the help", (), call="close"),),
    "palette": (
        Action("palette-up", ("up",), "up", "the action above", (), call="move('cursor_up')"),
        Action("palette-down", ("down",), "down", "the action below", (), call="move('cursor_down')"),
        Action("palette-page-up", ("pageup",), "page up", "a page of actions up", (), call="move('page_up')"),
        Action("palette-page-down", ("pagedown",), "page down", "a page of actions down", (), call="move('page_down')"),
        Action("palette-first", ("ctrl+home", "shift+home"), "first", "the first action", (), call="move('first')"),
        Action("palette-last", ("ctrl+end", "shift+end"), "last", "the last action", (), call="move('last')"),
    ),
    "review": (
        Action("review-up", ("pageup",), "page up", "a page of the code up", (), call="read(-1)"),
        Action("review-down", ("pagedown",), "page down", "a page of the code down", (), call="read(1)"),
    ),
}

BY_ID: Mapping[str, Action] = {
    action.id: action for action in (*ACTIONS, *(action for part in PARTS.values() for action in part))
}


def actions_of(screen: str) -> list[Action]:
    """The actions that work on a screen, those of its own first."""
    own = [action for action in ACTIONS if action.screens != EVERYWHERE and action.on(screen)]
    return own + [action for action in ACTIONS if action.screens == EVERYWHERE]


def bindings(screen: str | None) -> list[Binding]:
    """Textual bindings: of the app for None, else those that only this screen has."""
    chosen = [
        action
        for action in ACTIONS
        if (
            action.screens == EVERYWHERE
            if screen is None
            else action.screens != EVERYWHERE and screen in action.screens
        )
    ]
    return [binding(action) for action in chosen if action.action != "app.nothing"]


def bindings_of(part: str, *, priority: bool = False) -> list[BindingType]:
    """Textual bindings of a part of a screen, or of a dialog; `priority` takes the keys from the widgets in it too."""
    return [binding(action, priority=priority) for action in PARTS[part]]


def binding(action: Action, *, priority: bool = False) -> Binding:
    """The Textual binding of an action."""
    keys = ",".join(action.keys)
    return Binding(keys, action.action, action.title, id=action.id, show=False, tooltip=action.help, priority=priority)


def parse_bindings(cls: type[DOMNode] = DOMNode) -> None:
    """Let Textual parse the actions of all bindings now, of `cls` and of what is derived from it.

    It reads their arguments with `ast` when they are first used, and keeps the result. Python 3.11 raises SystemError
    when another thread is in `ast` at that moment, as those that read plugins are: a key would end the interface.
    """
    for binding in Binding.make_bindings(cls.__dict__.get("BINDINGS", ())):
        parse(binding.action)
    for derived in cls.__subclasses__():
        parse_bindings(derived)


_SHOWN = {
    "escape": "esc", "slash": "/", "question_mark": "?", "enter": "⏎", "colon": ":", "delete": "del", "space": "space",
    "asterisk": "*", "equals_sign": "=", "less_than_sign": "<", "greater_than_sign": ">",
    "left_square_bracket": "[", "right_square_bracket": "]", "plus": "+", "minus": "-", "comma": ",", "full_stop": ".",
}  # fmt: skip


def shown_key(key: str) -> str:
    """A key as the footer writes it: `^p`, `esc`, `/`."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return _SHOWN.get(key, key)


def keys_of(action: Action, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of an action under the user's keymap."""
    return tuple(keymap[action.id].split(",")) if action.id in keymap else action.keys


def footer_of(screen: str, keymap: Mapping[str, str]) -> list[tuple[str, Action]]:
    """What the footer shows: key and action, most useful first."""
    chosen = sorted((action for action in ACTIONS if action.footer and action.on(screen)), key=lambda a: a.footer)
    return [(shown_key(keys_of(action, keymap)[0]), action) for action in chosen]


def read_keymap(path: Path | None = None) -> dict[str, str]:
    """The user's keymap: action id -> keys, from `keymap.toml` in the user's folder; empty when there is none.

    ```toml
    [keys]
    help = "f1"
    start = ["ctrl+r", "f5"]
    ```

    Raises BadInput naming the file, the key and the nearest spelling, also when one key would do two things on one
    screen.
    """
    path = path or user_dir() / "keymap.toml"
    if not path.is_file():
        return {}
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path}: not readable as TOML: {error}") from None
    for name in raw:
        if name != "keys":
            raise BadInput(f"{path}: unknown key {name!r}{nearest(name, ['keys'])} (known: [keys])")
    keymap = {}
    for name, value in raw.get("keys", {}).items():
        if name not in BY_ID:
            raise BadInput(f"{path}: [keys] {name}: unknown action{nearest(name, BY_ID)} (known: {', '.join(BY_ID)})")
        keymap[name] = ",".join(_checked_keys(value, f"{path}: [keys] {name}"))
    _check_clashes(keymap, path)
    return keymap


def _checked_keys(value: object, where: str) -> list[str]:
    keys = [value] if isinstance(value, str) else value
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key.strip() for key in keys):
        raise BadInput(f'{where} = {value!r}: expected a key such as "f5", or a list of keys')
    return [_key_name(part.strip(), where) for key in keys for part in (key.split(",") if key != "," else ["comma"])]


def _key_name(key: str, where: str) -> str:
    """A key in Textual's spelling; raises BadInput for an unknown key."""
    from textual.keys import Keys, _character_to_key

    if len(key) == 1:
        return _character_to_key(key) if not key.isalnum() else key
    plain = key.removeprefix("ctrl+").removeprefix("alt+").removeprefix("shift+").removeprefix("super+")
    known = {str(item.value) for item in Keys} | {_character_to_key(chr(code)) for code in range(33, 127)}
    if key in known or plain in known or (len(plain) == 1 and plain.isalnum()):
        return key
    raise BadInput(f"{where}: no key is called {key!r}{nearest(plain, known)}")


def _check_clashes(keymap: Mapping[str, str], path: Path) -> None:
    for screen in SCREENS:
        own = actions_of(screen)
        for part in ((), *PARTS.values()):
            # What has the focus takes a key before the screen does: of those two, one could never be used.
            _check_keys([*own, *(action for action in part if action.on(screen))], keymap, path, SCREENS[screen])
    for name, part in PARTS.items():
        _check_keys(part, keymap, path, name)


def _check_keys(actions: Iterable[Action], keymap: Mapping[str, str], path: Path, where: str) -> None:
    holders: dict[str, Action] = {}
    for action in actions:
        for key in keys_of(action, keymap):
            other = holders.setdefault(key, action)
            changed = {other.id, action.id} & keymap.keys()
            if other is not action and changed and not (key in other.keys and key in action.keys):
                raise BadInput(
                    f"{path}: key {shown_key(key)!r} would be both {other.id!r} and {action.id!r} "
                    f"({where}); give one of them another key"
                )
