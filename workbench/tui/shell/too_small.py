"""What is shown instead of the screens while the terminal has too few cells for them."""

from __future__ import annotations

from rich.text import Text
from textual.geometry import Size
from textual.screen import ModalScreen

from workbench.tui.shell.actions import BY_ID, binding
from workbench.tui.shell.alive import AliveScreen

SMALLEST = Size(36, 10)
LARGEST = Size(1_000, 500)  # what is beyond this is no terminal, and its cells would fill the memory


def fits(size: Size) -> bool:
    """Whether the screens can be used in a terminal of this size."""
    return size.width >= SMALLEST.width and size.height >= SMALLEST.height


class TooSmall(AliveScreen[None], ModalScreen[None]):
    """Shows the required terminal size. Modal, so that only the key that quits works here."""

    BINDINGS = [binding(BY_ID["quit"])]
    DEFAULT_CSS = "TooSmall { background: $background; color: $foreground; overflow: hidden; }"

    def render(self) -> Text:
        size = self.app.size
        needed = f"{SMALLEST.width} x {SMALLEST.height} cells required, the terminal has {size.width} x {size.height}."
        return Text(f"too small: {needed} q quits.", overflow="fold")
