"""The form for a new run: which head, and the settings that this head declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Select, Static

from workbench.heads import HEADS, resolve_settings
from workbench.settings import Setting, declared
from workbench.tui.theme import Palette
from workbench.tui.widgets.form import Field, Form

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot


class HeadForm(Vertical):
    """A head's settings; values typed for one head are kept for the next where it has the same setting."""

    class Submitted(Message):
        """Enter was pressed in a field: start."""

    DEFAULT_CSS = """
    HeadForm { padding: 0 1; }
    HeadForm > #head-line { height: 1; margin-top: 1; }
    HeadForm > #head-help { height: auto; padding: 0 0 1 16; color: $muted; }
    HeadForm > #head-settings { height: 1fr; }
    HeadForm > #head-keys { height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = Palette()
        self._texts: dict[str, str] = {}
        self._head = next(iter(HEADS))

    def compose(self) -> ComposeResult:
        yield Vertical(id="head-line")
        yield Static(id="head-help", markup=False)
        yield VerticalScroll(id="head-settings", can_focus=False)
        yield Static(id="head-keys", markup=False)

    def open(self, palette: Palette, like: RunSnapshot | None = None) -> None:
        """Show the form; the first time with the settings of the run `like`."""
        if like is not None and not self._texts and like.head in HEADS:
            self._head = like.head
        self._palette = palette
        keys = Text("enter or F5", style=f"bold {palette.strong}").append("  start    ", style=palette.muted)
        keys.append("esc", style=f"bold {palette.strong}").append("  back to the runs", style=palette.muted)
        self.query_one("#head-keys", Static).update(keys)
        line = self.query_one("#head-line")
        if not line.children:
            line.mount(Field(Setting("head", str, self._head), self._head, tuple(HEADS), palette))
            self._build()

    def _build(self) -> None:
        spec = HEADS[self._head]
        self.query_one("#head-help", Static).update(Text(spec.help))
        box = self.query_one("#head-settings")
        for form in box.query(Form):
            self._texts |= form.texts()
            form.remove()
        settings = declared(spec.Settings)
        known = {name: text for name, text in self._texts.items() if name in settings}
        box.mount(Form(settings, known, palette=self._palette))

    @on(Select.Changed)
    def _head_chosen(self, event: Select.Changed) -> None:
        event.stop()
        if str(event.value) in HEADS and str(event.value) != self._head:
            self._head = str(event.value)
            self._build()

    @on(Form.Submitted)
    def _submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())

    def focus_first(self) -> None:
        """The cursor into the choice of head."""
        self.call_after_refresh(self._focus)

    def _focus(self) -> None:
        for widget in self.query("#head-line Select").results(Widget):
            widget.focus()

    def answer(self) -> tuple[str, dict[str, Any]]:
        """The head and its settings; raises BadInput for one that is not allowed."""
        values = self.query_one(Form).values()
        resolve_settings(self._head, values)
        return self._head, values
