"""A form made from declared settings: one line each, with the allowed values, checked as one types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from workbench.errors import BadInput
from workbench.settings import Setting
from workbench.tui.formats import clean
from workbench.tui.theme import Palette

YES_NO = ("true", "false")


class Field(Horizontal):
    """One setting: its name, the place for its value, a hint that turns into the error."""

    DEFAULT_CSS = """
    Field { height: auto; width: 1fr; }
    Field > .name { width: 16; height: 1; color: $muted; }
    Field > Input, Field > Select { width: 22; height: 1; }
    Field > Select > SelectCurrent { height: 1; border: none; padding: 0 1; background: $surface; }
    Field > Select:focus > SelectCurrent { background: $cursor; }
    Field Select.-textual-compact > SelectCurrent { padding: 0 1; }
    Field > .hint {
        width: 1fr; height: 1; padding: 0 1; color: $faint; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Field.-asked > .name { color: $strong; text-style: bold; }
    Field.-asked > .hint, Field.-wrong > .hint { color: $muted; height: auto; text-wrap: wrap; }
    """

    def __init__(self, setting: Setting, value: Any, choices: Sequence[str], palette: Palette) -> None:
        super().__init__()
        self.setting = setting
        self.palette = palette
        self.error = ""
        self._choices = choices
        self._value = value

    def on_descendant_focus(self) -> None:
        # A class of our own: `:focus-within` is not looked at again when the focus goes from field to field.
        self.add_class("-asked")

    def on_descendant_blur(self) -> None:
        self.remove_class("-asked")

    def compose(self) -> ComposeResult:
        yield Static(Text(self.setting.name.replace("_", " "), overflow="ellipsis", no_wrap=True), classes="name")
        text = as_text(self._value)
        if self._choices:
            known = list(dict.fromkeys([*self._choices, *([text] if text else [])]))
            yield Select(
                [(Text(clean(word)), word) for word in known], value=text or known[0], allow_blank=False, compact=True
            )
        else:
            yield Input(value=text, compact=True, select_on_focus=True)
        yield Static(self.hint(), classes="hint")

    def hint(self) -> Text:
        """What the setting is for and what it allows; once the value is wrong, why."""
        if self.error:
            return Text(self.error, style=f"bold {self.palette.severities['error']}")
        setting = self.setting
        default = f"default {as_text(setting.default) or 'none'}" if setting.default != self._value else ""
        parts = ["" if self._choices else allowed_text(setting), default, clean(setting.help)]
        return Text(" · ".join(part for part in parts if part))

    @property
    def text(self) -> str:
        widget = self.query_one("Input, Select")
        return widget.value if isinstance(widget, Input) else str(getattr(widget, "value", ""))

    def set_text(self, text: str) -> None:
        widget = self.query_one("Input, Select")
        if isinstance(widget, Input | Select):
            widget.value = text

    def check(self) -> Any:
        """The value, converted; raises BadInput, and shows it, when it is not allowed."""
        try:
            value = self.setting.convert(self.text)
        except BadInput as error:
            self._tell(str(error).partition(": ")[2] or str(error))
            raise
        self._tell("")
        return value

    def _tell(self, error: str) -> None:
        if error != self.error:
            self.error = error
            self.set_class(bool(error), "-wrong")
            self.query_one(".hint", Static).update(self.hint())


class Form(VerticalScroll):
    """The settings of a head or the parameters of an analysis. Up and down, or tab, move between the fields."""

    help_text = (
        "Form: up, down or tab move between settings; enter in a list opens it; wrong values say what is allowed."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "previous", show=False),
        Binding("down", "next", show=False),
    ]

    DEFAULT_CSS = "Form { height: auto; max-height: 100%; width: 1fr; scrollbar-size: 1 1; }"

    @dataclass
    class Changed(Message):
        """A value was edited; `valid` tells whether all are allowed now."""

        form: Form
        valid: bool

    @dataclass
    class Submitted(Message):
        """Enter was pressed in a field."""

        form: Form

    def __init__(
        self,
        settings: Mapping[str, Setting],
        values: Mapping[str, Any] | None = None,
        *,
        offers: Mapping[str, Sequence[str]] | None = None,
        palette: Palette,
        id: str | None = None,
    ) -> None:
        """`offers` gives the choices for settings by their `kind`, e.g. `{"split": ["train", "val", "v2"]}`."""
        super().__init__(id=id)
        self.settings = settings
        self._start = dict(values or {})
        self._offers = offers or {}
        self._palette = palette

    def compose(self) -> ComposeResult:
        for name, setting in self.settings.items():
            value = self._start.get(name, setting.default)
            choices = setting.choices or tuple(self._offers.get(setting.kind, ()))
            if setting.type is bool:
                choices = YES_NO
            elif choices and setting.optional:
                choices = ("none", *choices)
            yield Field(setting, value, choices, self._palette)

    def values(self) -> dict[str, Any]:
        """All values, converted; raises BadInput for the first that is not allowed, and focuses its field."""
        out, first = {}, None
        for field in self.query(Field):
            try:
                out[field.setting.name] = field.check()
            except BadInput as error:
                first = first or (field, error)
        if first:
            first[0].query_one("Input, Select", Widget).focus()
            raise first[1]
        return out

    def texts(self) -> dict[str, str]:
        """What stands in the fields, as text."""
        return {field.setting.name: field.text for field in self.query(Field)}

    def action_next(self) -> None:
        self.screen.focus_next("Form Input, Form Select")

    def action_previous(self) -> None:
        self.screen.focus_previous("Form Input, Form Select")

    @on(Input.Changed)
    @on(Select.Changed)
    def _edited(self, event: Input.Changed | Select.Changed) -> None:
        event.stop()
        valid = True
        for field in self.query(Field):
            try:
                field.check()
            except BadInput:
                valid = False
        self.post_message(self.Changed(self, valid))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self))


def allowed_text(setting: Setting) -> str:
    """The range of a number as one reads it: `1 to 100,000`, `above 0, to 100`."""
    low = setting.ge if setting.ge is not None else setting.gt
    high = setting.le if setting.le is not None else setting.lt
    unit = f" {setting.unit}" if setting.unit else ""
    ends = ["" if end is None else f"{end:,.10g}" for end in (low, high)]
    if low is not None and setting.ge is None:
        return f"above {ends[0]}" + (f", to {ends[1]}" if high is not None else "") + unit
    below = "below " if high is not None and setting.le is None else ""
    if low is not None:
        return (f"{ends[0]} to {below}{ends[1]}" if high is not None else f"from {ends[0]}") + unit
    return (f"{below or 'to '}{ends[1]}{unit}") if high is not None else setting.unit


def as_text(value: Any) -> str:
    """A setting's value as one would type it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
