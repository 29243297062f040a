"""The form for a new run: which head, and the settings that this head declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Select, Static

from workbench.heads import HEADS, resolve_settings
from workbench.heads.descent import GradientSettings
from workbench.present.colours import Palette
from workbench.settings import Setting, declared
from workbench.tui.shell.actions import bindings_of
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.form import STOPS, Field, Form, Group

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot


COMMON = ("lr", "weight_decay", "batch_size", "epochs", "schedule", "transform")  # in no group, like a head's own
OF_DATA = (
    Group("features", ("log_scale", "components", "epsilon")),
    Group("machine", ("seed", "device", "precision")),
)
OF_CLOSED_FORM = (Group("selection on val", ("choose_by",)),)
OF_DESCENT = (
    Group("lr schedule", ("warmup", "factor", "step_epochs", "patience")),
    Group("optimiser", ("optimiser", "momentum", "clip")),
    Group("regularisation", ("label_smoothing", "balance", "mixup", "feature_dropout", "noise", "ema")),
    Group("epoch selection", ("early_stopping", "keep", "test_curves")),
)


def arrange(owner: type) -> tuple[dict[str, Setting], tuple[Group, ...]]:
    """The settings of a head's class `owner`: the common ones, then its own, then those in groups; and the groups."""
    settings = declared(owner)
    groups = (*(OF_DESCENT if issubclass(owner, GradientSettings) else OF_CLOSED_FORM), *OF_DATA)
    in_groups = {name for group in groups for name in group.names}
    own = [name for name in settings if name not in in_groups and name not in COMMON]
    order = [*(name for name in COMMON if name in settings), *own, *(name for name in settings if name in in_groups)]
    return {name: settings[name] for name in order}, groups


class HeadForm(Alive, Vertical):
    """A head and its settings. What was entered for one head stays for another that has the same setting."""

    class Submitted(Message):
        """Enter was pressed in a field."""

    BINDINGS = bindings_of("form")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = Palette()
        self._texts: dict[str, str] = {}  # by the name of a setting: what was entered, if not its default
        self._head = next(iter(HEADS))
        self._is_built = False

    def compose(self) -> ComposeResult:
        with Vertical(id="head-line"):
            yield Field(Setting("head", str, self._head), self._head, tuple(HEADS), self._palette)
        yield Static(id="head-help", markup=False)
        yield Vertical(id="head-settings")
        yield Static(id="head-keys", markup=False)

    def open(self, palette: Palette, like: RunSnapshot | None = None) -> None:
        """Show the form, the first time with the head of the run `like`."""
        self._palette = palette
        keys = Text()
        for key, effect in (("F5 or enter", "start"), ("tab ↑ ↓", "move"), ("esc", "back to the runs")):
            keys.append(key, style=f"bold {palette.strong}").append(f"  {effect}    ", style=palette.muted)
        self.query_one("#head-keys", Static).update(keys)
        if not self._is_built:
            self._is_built = True
            if like is not None and like.head in HEADS:
                self._head = like.head
                self.query_one("#head-line Field", Field).set_text(self._head)
            self._build()

    def _build(self) -> None:
        spec = HEADS[self._head]
        self.query_one("#head-help", Static).update(Text(spec.help))
        box = self.query_one("#head-settings")
        for form in box.query(Form):
            self._texts = {name: text for name, text in self._texts.items() if name not in form.settings}
            self._texts |= form.changed_texts()
            form.remove()
        settings, groups = arrange(spec.Settings)
        texts = {name: text for name, text in self._texts.items() if name in settings}
        box.mount(Form(settings, texts, groups=groups, palette=self._palette))

    @on(Select.Changed)
    def _change_head(self, event: Select.Changed) -> None:
        event.stop()
        if str(event.value) in HEADS and str(event.value) != self._head:
            self._head = str(event.value)
            self._build()

    @on(Form.Submitted)
    def _submit(self, event: Form.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())

    def action_next(self) -> None:
        self.screen.focus_next(STOPS)

    def action_previous(self) -> None:
        self.screen.focus_previous(STOPS)

    def focus_first(self) -> None:
        """Focus the choice of head."""
        self.query_one("#head-line Field", Field).focus_entry()

    def answer(self) -> tuple[str, dict[str, Any]]:
        """The name of the head and its settings; raises BadInput for a value that is not allowed."""
        values = self.query_one(Form).values()
        resolve_settings(self._head, values)
        return self._head, values
