"""The frame of the app: which screens there are, which is on show, dialogs over it, and terminals of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import App
from textual.filter import LineFilter
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen, Screen

from workbench.text import one_line
from workbench.tui.shell.actions import BY_ID, parse_bindings
from workbench.tui.shell.alive import is_news
from workbench.tui.shell.harmless import HarmlessFilter
from workbench.tui.shell.screen import WorkbenchScreen
from workbench.tui.shell.too_small import LARGEST, TooSmall, fits

SMALL = "small"  # the mode, a stack of screens of its own, in which the terminal is too small for the screens


class Shell(App[int]):
    """Builds each screen when it is first shown, and keeps all that the user has open while the terminal is small."""

    DEFAULT_MODE = "screens"
    MODES: ClassVar[dict[str, Any]] = {SMALL: TooSmall}

    def __init__(self, first: str, build: Callable[[str], WorkbenchScreen], keymap: Mapping[str, str]) -> None:
        """`first` names the screen shown first; `build` makes a screen by its name; `keymap` is that of the user."""
        self.keymap_of_user = keymap
        self._first = first
        self._build = build
        self._harmless = HarmlessFilter()
        self._made: dict[str, WorkbenchScreen] = {}
        self._behind: list[Screen[Any]] = []  # the screens as they were when the terminal became too small for them
        super().__init__()
        self.add_mode(self.DEFAULT_MODE, self._make_first)
        parse_bindings()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._harmless]

    async def _dispatch_message(self, message: Message) -> None:
        # Once the app is left, its screens go while keys, timers and answers still come.
        if not (self._exit and is_news(message)) or isinstance(message, events.Callback):
            await super()._dispatch_message(message)

    def _make_first(self) -> Screen[Any]:
        screen = self._screen(self._first)
        # Textual pushes no callback for the first screen of a mode, yet takes one away when it is switched.
        screen._push_result_callback(screen, None)
        return screen

    def _screen(self, name: str) -> WorkbenchScreen:
        if name not in self._made:
            screen = self._build(name)
            parse_bindings()  # its module may have brought new ones, as that of a dialog
            self._made[name] = screen
            self.install_screen(screen, name)
        return self._made[name]

    @property
    def current(self) -> WorkbenchScreen | None:
        """The workbench screen on show, below any dialog."""
        stack = self._behind or self.screen_stack
        return next((screen for screen in reversed(stack) if isinstance(screen, WorkbenchScreen)), None)

    def show_dialog(self, dialog: ModalScreen[str | None], then: Callable[[str | None], Any] | None = None) -> None:
        """Open a dialog over the screen on show; nothing where another is open, as after a key typed twice."""
        if self.screen is self.current:
            parse_bindings()
            self.push_screen(dialog, then)

    def on_resize(self, event: events.Resize) -> None:
        size = Size(min(event.size.width, LARGEST.width), min(event.size.height, LARGEST.height))
        if size != event.size:
            event.prevent_default()
            self.post_message(events.Resize(size, size))
        else:
            self.call_next(self._fit)  # once the app has taken over the new size

    def _fit(self) -> None:
        """Show the screens where there is room for them, and a message where there is not."""
        if fits(self.size) and self._behind:
            self._behind = []
            self.switch_mode(self.DEFAULT_MODE)
        elif not fits(self.size) and not self._behind:
            self._behind = list(self.screen_stack)
            self.switch_mode(SMALL)

    def say(self, text: str, *, severity: str = "information") -> None:
        """A short notice in the corner; `text` is never markup."""
        self.notify(one_line(text), severity=severity, markup=False, timeout=8 if severity == "error" else 4)  # type: ignore[arg-type]

    def action_help(self) -> None:
        from workbench.tui.shell.dialogs import HelpDialog

        if self.current is not None:
            self.show_dialog(HelpDialog(self.current, self.keymap_of_user))

    def action_command_palette(self) -> None:
        from workbench.tui.shell.palette import CommandPalette

        current = self.current
        if current is not None:
            self.show_dialog(CommandPalette(current, self.keymap_of_user), self._do)

    async def _do(self, action_id: str | None) -> None:
        if action_id is not None:
            await self.run_action(BY_ID[action_id].action, default_namespace=self.current)
