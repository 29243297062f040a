"""The question whether the code of a workspace may run, under all that would run or what changed in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static
from textual.widgets.option_list import Option

from workbench.present.colours import Palette
from workbench.present.terminal import clean
from workbench.text import counted
from workbench.tui.shell.actions import bindings_of
from workbench.tui.shell.dialogs import ChooseDialog, Options

if TYPE_CHECKING:
    from workbench.plugins import Change, Review

MOST_LINES = 3000  # shown in the dialog; the command line shows any number
LONGEST_LINE = 1000  # characters
ANSWERS = (("no", "no, do not run it"), ("yes", "yes, I have read it; allow exactly these files to run"))


class TrustDialog(ChooseDialog):
    """Answers "yes", "no" or None. The page keys scroll what is to be read, also while the answers have the focus."""

    BINDINGS = bindings_of("review", priority=True)

    DEFAULT_CSS = """
    TrustDialog > #box { height: 92%; }
    TrustDialog #code { height: 1fr; }
    TrustDialog OptionList { width: 1fr; height: auto; max-height: 4; }
    """

    def __init__(self, review: Review, changes: Sequence[Change], palette: Palette) -> None:
        title = f"Run the code of this workspace with your permissions? ({counted(len(review.sources.files), 'file')})"
        super().__init__(title, [(key, Text(text)) for key, text in ANSWERS])
        self.add_class("-wide")
        self.review = review
        self._text = review_text(review, changes, palette)

    def compose(self) -> ComposeResult:
        box = Vertical(id="box")
        box.border_title = Text(clean(self._title))  # a str would be read as markup
        box.border_subtitle = "enter chooses, page up and down scroll, escape closes"
        with box:
            with VerticalScroll(id="code"):
                yield Static(self._text)
            yield Options(*(Option(text, id=f"o{index}") for index, (_, text) in enumerate(self._options)))

    def action_read(self, pages: int) -> None:
        code = self.query_one("#code", VerticalScroll)
        if pages < 0:
            code.scroll_page_up(animate=False)
        else:
            code.scroll_page_down(animate=False)


def review_text(review: Review, changes: Sequence[Change], palette: Palette) -> Text:
    """The files with sizes and hashes, then what changed in them or, when there is no earlier review, all of them."""
    from workbench.plugins import WHY_NOT

    text = Text(style=palette.text)
    text.append(f"{clean(review.workspace)}: {WHY_NOT[review.verdict]}\n")
    if review.twin is not None:
        text.append(f"the same files are already trusted in {clean(review.twin)}\n")
    text.append("\n")
    for file in review.sources.files:
        text.append(file.name, style=f"bold {palette.strong}")
        text.append(f"  {len(file.data):,} bytes  sha256 {file.sha256}\n", style=palette.muted)
    for one in review.sources.disabled:
        text.append(f"{one.name or 'the folder'} is ignored: {one.reason}\n", style=palette.severities["warning"])
    lines = list(_lines(changes, palette))
    for line, style in lines[:MOST_LINES]:
        text.append(f"{clean(line)}\n", style=style)
    if len(lines) > MOST_LINES:
        left = f"... and {counted(len(lines) - MOST_LINES, 'more line')}: see `workbench plugin trust`, or the files"
        text.append(left, style=palette.severities["warning"])
    return text


def _lines(changes: Sequence[Change], palette: Palette) -> Iterator[tuple[str, str]]:
    """Each line of the differences with its style."""
    styles = {"+": palette.severities["good"], "-": palette.severities["error"], "@": palette.muted}
    for change in changes:
        state = "is new" if change.kind == "added" else f"was {change.kind}"
        note = f" ({change.note})" if change.note else ""
        yield "", ""
        yield f"{change.name} {state}{note}", f"bold {palette.strong}"
        for line in change.diff.split("\n")[2:]:
            more = f" ... and {len(line) - LONGEST_LINE:,} more characters" if len(line) > LONGEST_LINE else ""
            yield line[:LONGEST_LINE] + more, styles.get(line[:1], palette.text)
