"""A text block."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text as Styled
from textual.widgets import Static

from workbench.blocks import Text
from workbench.present.colours import Palette
from workbench.present.terminal import clean


class TextBlock(Static):
    """Plain text under its title."""

    def __init__(self, blocks: Sequence[Text], palette: Palette) -> None:
        block = blocks[0]
        text = Styled(f"{clean(block.title)}\n" if block.title else "")
        text.stylize(f"bold {palette.text}")
        super().__init__(text.append(clean(block.text, lines=True), style=palette.text), classes="block", markup=False)
