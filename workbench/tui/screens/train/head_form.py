"""The form for a new run: which head, and the settings that this head declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Select, Static

from workbench.heads import HEADS, resolve_settings
from workbench.heads.descent import GradientSettings
from workbench.settings import Setting, declared
from workbench.tui.shell.alive import Alive
from workbench.tui.theme import Palette
from workbench.tui.widgets.form import STOPS, Field, Form, Group

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot


COMMON = ("lr", "weight_decay", "batch_size", "epochs", "schedule", "transform")  # with a head's own: always shown
OF_DATA = (
    Group("features", ("log_scale", "components", "epsilon")),
    Group("machine", ("seed", "device", "precision")),
)
OF_CLOSED_FORM = (Group("choice on val", ("choose_by",)),)
OF_DESCENT = (
    Group("rate over time", ("warmup", "factor", "step_epochs", "patience")),
    Group("optimiser", ("optimiser", "momentum", "clip")),
    Group("regularisation", ("label_smoothing", "balance", "mixup", "feature_dropout", "noise", "ema")),
    Group("epoch kept", ("early_stopping", "keep", "test_curves")),
)


def arranged(owner: type) -> tuple[dict[str, Setting], tuple[Group, ...]]:
    """The settings that a head's class declares, the common ones first, then its own; and the groups of the others."""
    settings = declared(owner)
    groups = (*(OF_DESCENT if issubclass(owner, GradientSettings) else OF_CLOSED_FORM), *OF_DATA)
    grouped = {name for group in groups for name in group.names}
    plain = [name for name in settings if name not in grouped and name not in COMMON]
    order = [*(name for name in COMMON if name in settings), *plain, *(name for name in settings if name in grouped)]
    return {name: settings[name] for name in order}, groups


class HeadForm(Alive, Vertical):
    """A head's settings; values typed for one head are kept for the next where it has the same setting."""

    class Submitted(Message):
        """Enter was pressed in a field: start."""

    DEFAULT_CSS = """
    HeadForm { padding: 0 1; }
    HeadForm > #head-line { height: 1; }
    HeadForm > #head-help { height: auto; padding: 0 0 0 18; color: $muted; }
    HeadForm > #head-settings { height: 1fr; margin-top: 1; }
    HeadForm > #head-keys { height: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "previous", show=False),
        Binding("down", "next", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = Palette()
        self._texts: dict[str, str] = {}
        self._head = next(iter(HEADS))
        self._opened = False

    def compose(self) -> ComposeResult:
        with Vertical(id="head-line"):
            yield Field(Setting("head", str, self._head), self._head, tuple(HEADS), self._palette)
        yield Static(id="head-help", markup=False)
        yield Vertical(id="head-settings")
        yield Static(id="head-keys", markup=False)

    def open(self, palette: Palette, like: RunSnapshot | None = None) -> None:
        """Show the form; the first time with the head of the run `like`."""
        self._palette = palette
        keys = Text()
        for key, what in (("F5 or enter", "start"), ("tab ↑ ↓", "move"), ("esc", "back to the runs")):
            keys.append(key, style=f"bold {palette.strong}").append(f"  {what}    ", style=palette.muted)
        self.query_one("#head-keys", Static).update(keys)
        if not self._opened:
            self._opened = True
            if like is not None and like.head in HEADS:
                self._head = like.head
                self.query_one("#head-line Field", Field).set_text(self._head)
            self._build()

    def _build(self) -> None:
        spec = HEADS[self._head]
        self.query_one("#head-help", Static).update(Text(spec.help))
        box = self.query_one("#head-settings")
        for form in box.query(Form):
            kept = form.changed_texts()
            self._texts = {name: text for name, text in self._texts.items() if name not in form.settings} | kept
            form.remove()
        settings, groups = arranged(spec.Settings)
        known = {name: text for name, text in self._texts.items() if name in settings}
        box.mount(Form(settings, known, groups=groups, palette=self._palette))

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

    def action_next(self) -> None:
        self.screen.focus_next(STOPS)

    def action_previous(self) -> None:
        self.screen.focus_previous(STOPS)

    def focus_first(self) -> None:
        """The cursor into the choice of head."""
        self.query_one("#head-line Field", Field).focus_entry()

    def answer(self) -> tuple[str, dict[str, Any]]:
        """The head and its settings; raises BadInput for one that is not allowed."""
        values = self.query_one(Form).values()
        resolve_settings(self._head, values)
        return self._head, values
