"""The title of a block, as every widget writes it."""

from __future__ import annotations

from rich.text import Text

from workbench.present.colours import Palette
from workbench.present.terminal import clean
from workbench.text import one_line

TABLE_ROWS = 14  # lines of a table among other blocks; alone it takes all the room there is


def title_text(title: str, palette: Palette, note: str = "") -> Text:
    """A block's title, bold, with its note behind it; what is appended to it is not bold."""
    text = Text(no_wrap=True, overflow="ellipsis").append(clean(title), style=f"bold {palette.text}")
    return text.append(f"  {one_line(note)}" if note else "", style=palette.muted)
