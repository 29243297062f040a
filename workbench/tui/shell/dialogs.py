"""Dialogs over a screen: help, a choice among named things, a text to read, a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from workbench.present.numbers import percent
from workbench.present.terminal import clean, shorten
from workbench.tui.shell.actions import EVERYWHERE, SCREENS, actions_of, bindings_of, keys_of, shown_key
from workbench.tui.shell.alive import AliveScreen, Pointed
from workbench.tui.shell.screen import WorkbenchScreen
from workbench.tui.shell.session import Session


@runtime_checkable
class Helped(Protocol):
    """A widget that can say what it shows and which keys it takes itself."""

    help_text: str


class Dialog(AliveScreen[str | None], ModalScreen[str | None]):
    """A box over the screen; escape closes it."""

    BINDINGS = bindings_of("dialog")

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > #box {
        width: auto; min-width: 40; max-width: 96%; height: auto; max-height: 92%;
        background: $surface; border: round $border; padding: 0 1; border-title-color: $strong;
        border-subtitle-color: $muted;
    }
    Dialog.-wide > #box { width: 100; }
    Dialog VerticalScroll { width: 1fr; height: auto; max-height: 100%; background: $surface; scrollbar-size: 1 1; }
    Dialog Static { width: 1fr; height: auto; }
    Dialog OptionList:focus { border: none; }
    Dialog OptionList {
        width: auto; min-width: 40; height: auto; max-height: 20; border: none; background: $surface; padding: 0;
    }
    """

    def dismiss(self, result: str | None = None) -> AwaitComplete:
        """Close the dialog with an answer, once: keys typed ahead that come to a closed one do nothing."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def action_close(self) -> None:
        self.dismiss(None)


class Options(Pointed, OptionList):
    """A list to choose from, also where no line of it is in sight."""

    def holds(self, meta: Mapping[str, Any]) -> bool:
        """Whether the list has the option that was drawn with this `meta`."""
        return int(meta.get("option", -1)) < self.option_count

    def action_page_up(self) -> None:
        if self.scrollable_content_region:  # otherwise Textual looks for the line of an option that has none
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]


class HelpDialog(Dialog):
    """The keys of a screen, and what it shows."""

    BINDINGS = bindings_of("help")

    def __init__(self, screen: WorkbenchScreen, keymap: Mapping[str, str]) -> None:
        super().__init__(classes="-wide")
        self._of = screen
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        box = Vertical(id="box")
        box.border_title = f"Help: {SCREENS[self._of.NAME]}"
        box.border_subtitle = "escape closes"
        with box, VerticalScroll():
            if self._of.HELP:
                yield Static(Text(flowing(self._of.HELP) + "\n"))
            focused = self._of.focused
            if isinstance(focused, Helped) and focused.help_text:
                yield Static(Text(focused.help_text.strip() + "\n"))
            yield Static(self._keys())

    def _keys(self) -> Table:
        palette = self._of.palette
        table = Table.grid(padding=(0, 2))
        own = [action for action in actions_of(self._of.NAME) if action.screens != EVERYWHERE]
        general = [action for action in actions_of(self._of.NAME) if action.screens == EVERYWHERE]
        for title, actions in ((f"On {SCREENS[self._of.NAME]}", own), ("Everywhere", general)):
            if actions:
                table.add_row(Text(title, style=f"bold {palette.muted}"), "")
            for action in actions:
                keys = "  ".join(shown_key(key) for key in keys_of(action, self._keymap))
                table.add_row(Text(keys, style=f"bold {palette.strong}", justify="right"), Text(action.help))
        return table

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()


class ChooseDialog(Dialog):
    """Choose one of several named things; answers its key, or None."""

    def __init__(self, title: str, options: Iterable[tuple[str, Text]], current: str | None = None) -> None:
        super().__init__()
        self._title = title
        self._options = list(options)
        self._current = current

    def compose(self) -> ComposeResult:
        box = Vertical(id="box")
        box.border_title = Text(clean(self._title))  # a str would be read as markup
        box.border_subtitle = "enter chooses, escape closes"
        with box:
            yield Options(*(Option(text, id=f"o{index}") for index, (_, text) in enumerate(self._options)))

    def on_mount(self) -> None:
        keys = [key for key, _ in self._options]
        options = self.query_one(Options)
        options.highlighted = keys.index(self._current) if self._current in keys else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index][0])


class TextDialog(Dialog):
    """A text to read: a log, a traceback, or something drawn already; a text is shown from its end if `from_end`."""

    def __init__(self, title: str, text: RenderableType, *, from_end: bool = True) -> None:
        super().__init__(classes="-wide")
        self._title = title
        self._text = text
        self._from_end = from_end

    def compose(self) -> ComposeResult:
        box = Vertical(id="box")
        box.border_title = Text(clean(self._title))  # a str would be read as markup
        box.border_subtitle = "escape closes"
        with box, VerticalScroll():
            text = self._text
            yield Static(Text(clean(text, lines=True) or "nothing yet") if isinstance(text, str) else text)

    def on_mount(self) -> None:
        scroll = self.query_one(VerticalScroll)
        scroll.focus()
        if self._from_end and isinstance(self._text, str):
            scroll.scroll_end(animate=False)


class InputDialog(Dialog):
    """Ask for one line; answers what was typed, or None."""

    def __init__(self, title: str, hint: str, text: str = "") -> None:
        super().__init__()
        self._title, self._hint, self._text = title, hint, text

    def compose(self) -> ComposeResult:
        box = Vertical(id="box")
        box.border_title = Text(clean(self._title))  # a str would be read as markup
        box.border_subtitle = "enter saves, escape closes"
        with box:
            yield Input(self._text, placeholder=self._hint, compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)


def flowing(text: str) -> str:
    """Paragraphs without the line breaks they were written with, so that they wrap to any width."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def ask(title: str, answers: Sequence[tuple[str, str]]) -> ChooseDialog:
    """A question with few answers, the first of them marked."""
    return ChooseDialog(title, [(key, Text(text)) for key, text in answers])


def run_dialog(session: Session) -> ChooseDialog:
    """Choose the run that the screens look at."""
    palette = session.palette
    options = []
    for run in session.runs or ():
        line = Text(f"{shorten(run.id, 34):<34}  {run.state:<8}", style=palette.text)
        for test in session.pair:
            scores = (run.tests or {}).get(test)
            if scores and scores.accuracy is not None:
                accuracy = f"  {palette.mark(test)} {percent(scores.accuracy, n=scores.n)}"
                line.append(accuracy, style=palette.split(test))
        options.append((run.id, line))
    return ChooseDialog("Choose a run", options, session.run_id)


def pair_dialog(session: Session) -> ChooseDialog:
    """Choose test set 1 and test set 2 among all test sets."""
    tests = list(session.store.tests) if session.store else []
    options = [(f"{one}/{two}", Text(f"{clean(one)} → {clean(two)}")) for one in tests for two in tests if one != two]
    return ChooseDialog("Test set 1 → test set 2", options, "/".join(session.pair[:2]))
