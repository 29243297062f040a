"""The lines that every screen has: title, screens, footer of keys."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from rich.text import Text
from textual.actions import parse
from textual.reactive import reactive
from textual.widget import Widget

from workbench.present.numbers import percent
from workbench.present.terminal import clean, shorten, split_label
from workbench.tui.shell.actions import SCREENS, footer_of
from workbench.tui.shell.session import Session
from workbench.tui.shell.usage import usage_text


class TitleBar(Widget):
    """Workspace, the pair of test sets in their colours, the chosen run with its accuracies, the device."""

    DEFAULT_CSS = "TitleBar { height: 1; background: $panel; }"
    session: reactive[Session | None] = reactive(None)

    def render(self) -> Text:
        return title_line(self.session, self.size.width) if self.session is not None else Text("")


def title_line(session: Session, width: int) -> Text:
    """The title line in `width` cells: what matters least goes first when there is no room."""
    palette = session.palette
    gap = Text("   ")
    name = Text(f" {shorten(session.workspace.name, max(8, width // 4))}", style=f"bold {palette.strong}")
    pair = Text("")
    for index, test in enumerate(session.pair[:2]):
        pair.append(" → " if index else "", style=palette.muted).append_text(split_label(test, palette))
    results, run_name, short_name = _run_parts(session)
    known = session.device and not (session.device == "cpu" and session.usage)  # else it would stand there twice
    device = Text(session.device, style=palette.muted) if known else Text("")
    busy = [usage_text(session.usage, palette, long=long) for long in (False, True)] if session.usage else []
    # Parts by need: each later one is shown while all before it still fit; a long one takes the place of a short one.
    chosen: dict[str, Text] = {}
    room = width - name.cell_len - 1
    parts = [("pair", pair), ("results", results), *(("usage", text) for text in busy[:1]), ("run", short_name),
              ("run", run_name), *(("usage", text) for text in busy[1:]), ("device", device)]  # fmt: skip
    for part, text in parts:
        before = chosen[part].cell_len + gap.cell_len if part in chosen else 0
        need = text.cell_len + gap.cell_len - before
        if text and need <= room:
            chosen[part] = text
            room -= need
    line = name.copy()
    for part in ("pair", "run", "results"):
        if part in chosen:
            line.append_text(gap).append_text(chosen[part])
    right = gap.join([chosen[part] for part in ("device", "usage") if part in chosen])
    if right:
        line.append(" " * (width - line.cell_len - right.cell_len - 1)).append_text(right).append(" ")
    line.truncate(width)
    return line


def _run_parts(session: Session) -> tuple[Text, Text, Text]:
    """The chosen run's accuracies, its name, and its name without the date."""
    palette, run = session.palette, session.run
    if run is None:
        none = Text("no run yet" if session.runs is not None and session.ready else "", style=palette.muted)
        return Text(""), none, none
    results = Text("")
    for test in session.pair[:2]:
        scores = (run.tests or {}).get(test)
        if scores and scores.accuracy is not None:
            results.append("  " if results else "")
            results.append(f"{palette.mark(test)} {percent(scores.accuracy, n=scores.n)}", palette.split(test))
    short = run.id.split("-", 2)[-1] if run.id.count("-") > 1 else run.id
    return results, Text(shorten(run.id, 32), style=palette.text), Text(shorten(short, 20), style=palette.text)


class ScreenTabs(Widget):
    """The screens by their number, the current one marked; click to switch."""

    DEFAULT_CSS = """
    ScreenTabs {
        height: 1; background: $background; link-color: $muted; link-style: none; link-background: $background;
        link-color-hover: $strong; link-style-hover: underline; link-background-hover: $background;
    }
    """

    def __init__(self, current: str) -> None:
        super().__init__()
        self.current = current

    def render(self) -> Text:
        variables = self.app.theme_variables
        full = Text(" ")
        short = Text(" ")
        for place, (name, title) in enumerate(SCREENS.items(), start=1):
            here = name == self.current
            style = f"bold {variables['strong']} underline" if here else variables["muted"]
            click = {"@click": f"app.go('{name}')"}
            entry = Text(f"{place} {title}", style=style)
            if not here:  # a link takes the colour of links, and the current screen is none
                entry.apply_meta(click)
            full.append_text(entry).append("  ")
            compact = Text(f"{place} {title}" if here else str(place), style=style)
            if not here:
                compact.apply_meta(click)
            short.append_text(compact).append("  ")
        full.rstrip()
        return full if full.cell_len <= self.size.width else short


class FooterBar(Widget):
    """The keys of this screen, most useful first, as many as there is room for."""

    DEFAULT_CSS = """
    FooterBar {
        height: 1; background: $panel; link-color: $foreground; link-style: none; link-background: $panel;
        link-color-hover: $strong; link-style-hover: underline; link-background-hover: $panel;
    }
    """

    def __init__(self, screen_name: str, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self.screen_name = screen_name
        self.keymap = keymap

    def render(self) -> Text:
        variables = self.app.theme_variables
        line, room = Text(" "), self.size.width - 1
        # what means nothing on the page on show is left out
        entries = [
            (key, action)
            for key, action in footer_of(self.screen_name, self.keymap)
            if "." in action.action or self.screen.check_action(*parse(action.action)[1:]) is not False
        ]
        fitting = []
        for key, action in entries:
            need = cell_len(key) + 1 + cell_len(action.title) + 2
            if need <= room:
                fitting.append((key, action))
                room -= need
        # Shown with what this screen does first and the general keys last, as in most programs.
        for key, action in sorted(fitting, key=lambda entry: (entry[1].footer <= 2, entry[1].footer)):
            part = Text(key, style=f"bold {variables['strong']}").append(
                f" {clean(action.title)}", style=variables["muted"]
            )
            if action.action != "app.nothing":
                call = action.action if "." in action.action else f"screen.{action.action}"
                part.apply_meta({"@click": call if call.endswith(")") else f"{call}()"})
            line.append_text(part).append("  ")
        return line
