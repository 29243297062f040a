"""The command palette: every action of the table that works on the screen on show, found as one types.

Not Textual's own: that one fills its list from tasks which outlive a palette that a key typed ahead has closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.fuzzy import FuzzySearch
from textual.widgets import Input
from textual.widgets.option_list import Option

from workbench.tui.shell.actions import Action, actions_of, bindings_of, keys_of, shown_key
from workbench.tui.shell.dialogs import Dialog, Options
from workbench.tui.shell.screen import WorkbenchScreen

HIDDEN = ("palette", "deeper", "next-part")
HELP_WEIGHT = 0.8  # what a match in the help counts against one in the title


def entries_of(screen: str, keymap: Mapping[str, str]) -> list[tuple[str, Action]]:
    """Title with key, and action, of all that the palette offers on a screen."""
    return [
        (f"{action.title[:1].upper()}{action.title[1:]}  ({shown_key(keys_of(action, keymap)[0])})", action)
        for action in actions_of(screen)
        if action.id not in HIDDEN
    ]


def matches(entries: Sequence[tuple[str, Action]], query: str) -> list[tuple[str, Action, Sequence[int]]]:
    """The entries that match, best first, with the places of the title that do; all of them for an empty query."""
    if not query:
        return [(title, action, ()) for title, action in entries]
    search = FuzzySearch()
    scored = []
    for title, action in entries:
        score, places = search.match(query, title)
        score = max(score, HELP_WEIGHT * search.match(query, action.help)[0])
        if score > 0:
            scored.append((score, title, action, places))
    scored.sort(key=lambda entry: -entry[0])
    return [(title, action, places) for _, title, action, places in scored]


class CommandPalette(Dialog):
    """A line to type into and the actions that match; enter does the marked one, escape closes."""

    BINDINGS = bindings_of("palette")

    DEFAULT_CSS = """
    CommandPalette { align: center top; }
    CommandPalette > #box {
        width: 100%; max-width: 100%; height: auto; max-height: 100%; margin-top: 3; padding: 0; border: none;
    }
    CommandPalette > #box > Input {
        width: 100%; height: auto; border: none; border-top: hkey $border-blurred; padding: 1 2; background: $surface;
    }
    CommandPalette > #box > Options {
        width: 100%; max-height: 70vh; border-bottom: hkey $border-blurred; padding: 0 2;
    }
    """

    def __init__(self, screen: WorkbenchScreen, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._of = screen
        self._entries = entries_of(screen.NAME, keymap)
        self._offered: list[Action] = []
        self._options = Options()

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Input(placeholder="Search for commands…")
            yield self._options

    def on_mount(self) -> None:
        self._options.can_focus = False  # the keys are for the line above it
        self.query_one(Input).focus()
        self._offer("")

    def _offer(self, query: str) -> None:
        palette = self._of.palette
        entries = matches(self._entries, query)
        self._offered = [action for _, action, _ in entries]
        options = []
        for title, action, places in entries:
            text = Text(title, style=f"bold {palette.text}")
            for place in places:
                text.stylize("underline", place, place + 1)
            options.append(Option(text.append(f"\n{action.help}", style=f"not bold {palette.muted}")))
        if not entries:
            options.append(Option(Text("No matches found", style=palette.muted, justify="center"), disabled=True))
        self._options.clear_options().add_options(options)
        self._options.highlighted = 0 if entries else None

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._offer(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._do(self._options.highlighted)

    def on_option_list_option_selected(self, event: Options.OptionSelected) -> None:
        event.stop()
        self._do(event.option_index)

    def _do(self, place: int | None) -> None:
        if place is not None and place < len(self._offered):
            self.dismiss(self._offered[place].id)

    def action_move(self, how: str) -> None:
        """Move the mark in the list while the line keeps the focus."""
        getattr(self._options, f"action_{how}")()

    def on_click(self, event: object) -> None:
        """A click beside the box closes, as in most programs."""
        if getattr(event, "widget", None) is self:
            self.dismiss(None)
