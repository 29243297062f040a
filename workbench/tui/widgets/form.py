"""A form made from declared settings: one line each, with the allowed values, checked as one types; groups fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Select, Static

from workbench.errors import BadInput
from workbench.present.colours import Palette
from workbench.present.terminal import clean
from workbench.settings import Setting
from workbench.tui.shell.actions import bindings_of
from workbench.tui.shell.alive import Alive

YES_NO = ("true", "false")
STOPS = "Field Input, Field Select, FoldLine"  # where up and down, or tab, go


class Choice(Select[str], inherit_bindings=False):
    """A list to choose from; up and down move on to the other fields until it is opened."""

    BINDINGS = bindings_of("choice")


class Field(Alive, Horizontal):
    """One setting: its name, the place for its value, a hint that turns into the error."""

    DEFAULT_CSS = """
    Field { height: auto; width: 1fr; }
    Field > .name { width: 18; height: 1; color: $muted; }
    Field.-changed > .name { color: $foreground; }
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
        self._start = as_text(value)
        self._entry = self._make_entry(self._start)
        self._label = Static(self.label_text(), classes="name")
        self._hint = Static(self.hint(), classes="hint")

    def on_descendant_focus(self) -> None:
        # A class of our own: `:focus-within` is not looked at again when the focus goes from field to field.
        self.add_class("-asked")

    def on_descendant_blur(self) -> None:
        self.remove_class("-asked")

    def _make_entry(self, text: str) -> Input | Choice:
        if not self._choices:
            placeholder = "none" if self.setting.optional else ""
            return Input(value=text, placeholder=placeholder, compact=True, select_on_focus=True)
        known = list(dict.fromkeys([*self._choices, *([text] if text else [])]))
        options = [(Text(clean(word)), word) for word in known]
        return Choice(options, value=text or known[0], allow_blank=False, compact=True)

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._entry
        yield self._hint

    def hint(self) -> Text:
        """What the setting is for and what it allows; once the value is wrong, why."""
        if self.error:
            return Text(self.error, style=f"bold {self.palette.severities['error']}")
        setting = self.setting
        default = f"default {as_text(setting.default) or 'none'}" if self.has_class("-changed") else ""
        parts = ["" if self._choices else allowed_text(setting), default, clean(setting.help)]
        return Text(" · ".join(part for part in parts if part))

    def label_text(self) -> Text:
        """The setting's name, with a mark once its value is not the default."""
        mark = "• " if self.has_class("-changed") else "  "
        return Text(mark + self.setting.name.replace("_", " "), overflow="ellipsis", no_wrap=True)

    @property
    def changed(self) -> bool:
        """Whether the value is another than the default, as far as it can be read."""
        return self.has_class("-changed")

    @property
    def text(self) -> str:
        """What stands in the field, also when the form is being left."""
        value = self._entry.value  # that of a list is set when it is mounted
        return value if isinstance(value, str) else self._start

    def set_text(self, text: str) -> None:
        self._entry.value = text

    def focus_entry(self) -> None:
        """Put the cursor into the field."""
        self._entry.focus()

    def check(self) -> Any:
        """The value, converted; raises BadInput, and shows it, when it is not allowed."""
        try:
            value = self.setting.convert(self.text)
        except BadInput as error:
            self._tell(str(error).partition(": ")[2] or str(error), changed=True)
            raise
        self._tell("", changed=value != self.setting.default)
        return value

    def _tell(self, error: str, *, changed: bool) -> None:
        if error != self.error or changed != self.changed:
            self.error = error
            self.set_class(bool(error), "-wrong")
            self.set_class(changed, "-changed")
            self._hint.update(self.hint())
            self._label.update(self.label_text())


@dataclass(frozen=True)
class Group:
    """Settings that belong together; a `folded` group shows one line until it is opened."""

    title: str
    names: tuple[str, ...]
    folded: bool = True


class FoldLine(Static, can_focus=True):
    """The line of a group: enter or space opens and closes it."""

    help_text = "A group of settings: enter or space opens and closes it."

    BINDINGS = bindings_of("group")

    DEFAULT_CSS = """
    FoldLine { height: 1; width: 1fr; color: $muted; text-wrap: nowrap; text-overflow: ellipsis; }
    FoldLine:focus { background: $cursor; }
    """

    def action_fold(self, folded: bool | None = None) -> None:
        if isinstance(self.parent, Fold):
            self.parent.fold(folded)

    def on_click(self) -> None:
        self.action_fold()


class Fold(Alive, Vertical):
    """A group of fields that folds into one line, which tells what in it is not the default."""

    DEFAULT_CSS = """
    Fold { height: auto; width: 1fr; }
    Fold.-folded > Field { display: none; }
    """

    def __init__(self, group: Group, fields: Sequence[Field], palette: Palette) -> None:
        self._line = FoldLine(markup=False)
        super().__init__(self._line, *fields)
        self._fields = fields
        self.group = group
        self.palette = palette
        self.set_class(group.folded, "-folded")

    def on_mount(self) -> None:
        self.tell()

    def fold(self, folded: bool | None = None) -> None:
        """Fold the group or open it; None turns it."""
        self.set_class(not self.has_class("-folded") if folded is None else folded, "-folded")
        self.tell()

    def tell(self) -> None:
        """Write the line: the group's title, and what is in it while it is folded."""
        palette, folded = self.palette, self.has_class("-folded")
        line = Text(f"{'▸' if folded else '▾'} {self.group.title:<16}", style=palette.text)
        if folded:
            fields = sorted(self._fields, key=lambda field: not field.changed)
            for place, field in enumerate(fields):
                name = field.setting.name.replace("_", " ")
                line.append(", " if place else "", style=palette.faint)
                description = f"• {name} {clean(field.text) or 'none'}" if field.changed else name
                line.append(description, style=palette.text if field.changed else palette.faint)
        self._line.update(line)


class Form(Alive, VerticalScroll, can_focus=False):
    """The settings of a head or the parameters of an analysis. Up and down, or tab, move between the fields."""

    help_text = (
        "Form: up, down or tab move between settings; enter in a list opens it; wrong values say what is allowed."
    )

    BINDINGS = bindings_of("form")

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
        groups: Sequence[Group] = (),
        palette: Palette,
        id: str | None = None,
    ) -> None:
        """`offers` gives the choices for settings by their `kind`, e.g. `{"split": ["train", "val", "v2"]}`.

        Settings that are in none of `groups` come first; names in groups that are no settings are passed over.
        """
        super().__init__(id=id)
        self.settings = settings
        self._start = dict(values or {})
        self._offers = offers or {}
        self._palette = palette
        self._groups = groups

    def compose(self) -> ComposeResult:
        grouped = {name for group in self._groups for name in group.names}
        yield from (self._field(name) for name in self.settings if name not in grouped)
        for group in self._groups:
            fields = [self._field(name) for name in group.names if name in self.settings]
            if fields:
                yield Fold(group, fields, self._palette)

    def _field(self, name: str) -> Field:
        setting = self.settings[name]
        value = self._start.get(name, setting.default)
        choices = setting.choices or tuple(self._offers.get(setting.kind, ()))
        if setting.type is bool:
            choices = YES_NO
        elif choices and setting.optional:
            choices = ("none", *choices)
        return Field(setting, value, choices, self._palette)

    def on_mount(self) -> None:
        self.call_after_refresh(self._check_all)

    def values(self) -> dict[str, Any]:
        """All values, converted; raises BadInput for the first that is not allowed, and focuses its field."""
        out, first = {}, None
        for field in self.query(Field):
            try:
                out[field.setting.name] = field.check()
            except BadInput as error:
                first = first or (field, error)
        if first:
            if isinstance(first[0].parent, Fold):
                first[0].parent.fold(False)
            first[0].focus_entry()
            raise first[1]
        return out

    def texts(self) -> dict[str, str]:
        """What stands in the fields, as text."""
        return {field.setting.name: field.text for field in self.query(Field)}

    def changed_texts(self) -> dict[str, str]:
        """What stands in the fields that do not have their default."""
        self._check_all()
        return {field.setting.name: field.text for field in self.query(Field) if field.changed}

    def action_next(self) -> None:
        self.screen.focus_next(STOPS)

    def action_previous(self) -> None:
        self.screen.focus_previous(STOPS)

    @on(Input.Changed)
    @on(Select.Changed)
    def _edited(self, event: Input.Changed | Select.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self, self._check_all()))

    def _check_all(self) -> bool:
        """Check every field, which marks those that are wrong or changed; whether all are allowed."""
        valid = True
        for field in self.query(Field):
            try:
                field.check()
            except BadInput:
                valid = False
        for fold in self.query(Fold):
            fold.tell()
        return valid

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
