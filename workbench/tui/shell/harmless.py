"""The last look at what is drawn: text that reached a line without `formats.clean`, such as what a user pastes."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from workbench.text import is_harmless

GRAPHICS = "\U0010eeee"  # stands for a piece of a picture in the graphics of kitty


class HarmlessFilter(LineFilter):
    """Replaces each character that `text.clean` would show as its escape, keeping the width of the line."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or (segment.text.isascii() and segment.text.isprintable())
            else Segment("".join(map(_shown, segment.text)), segment.style)
            for segment in segments
        ]


def _shown(char: str) -> str:
    return char if is_harmless(char) or char == GRAPHICS else "\ufffd" * max(cell_len(char), 0)
