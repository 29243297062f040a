"""A sample's picture in the terminal: by the terminal's own graphics where it has them, else in half blocks.

Nothing here may cost a screen: a picture that is missing, broken, unsupported or takes too long is a line of text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Static

from workbench.errors import BadInput
from workbench.images.child import decode_apart
from workbench.present.colours import no_colour
from workbench.text import one_line

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

    from workbench.workspace import Workspace

MOST = 1024  # pixels a side kept of a picture: more than any terminal shows
_graphics: dict[str, Any] = {}


def prepare() -> None:
    """Ask the terminal which graphics it knows. Must run before the interface takes the terminal over."""
    import sys

    if no_colour() or not sys.__stdout__ or not sys.__stdout__.isatty():
        return
    try:
        from textual_image import renderable
        from textual_image.widget import Image
    except Exception as error:  # noqa: BLE001 - whatever the terminal answered, half blocks always work
        _graphics["error"] = str(error)
        return
    if renderable.Image in (renderable.TGPImage, renderable.SixelImage):
        _graphics["widget"] = Image


def find_picture(workspace: Workspace, path: str | None) -> str | None:
    """Where the picture of a sample lies, if it is there: under the image root or the workspace, or as it stands.

    Feature files often hold absolute paths and `..`, so any file that the user may read is taken, also where somebody
    else made the workspace: a picture is shown to that user alone, and what is no picture is not shown at all. Only
    regular files count; a path that no file can have is a picture that is not there.
    """
    if not path:
        return None
    roots = [workspace.path(workspace.config.images.root)] if workspace.config.images.root else []
    for root in [*roots, workspace.root]:
        try:
            if (root / path).is_file():
                return str(root / path)
        except (OSError, ValueError):
            continue
    return None


class Picture(Container):
    """One picture; `load(path)` reads it in a process of its own, which ends with the next `load` and with the app."""

    class Loaded(Message):
        """A picture was read, or could not be (`image` is None, `error` says why)."""

        def __init__(self, picture: Picture, path: str, image: PilImage | None, error: str) -> None:
            super().__init__()
            self.picture, self.path, self.image, self.error = picture, path, image, error

    DEFAULT_CSS = """
    Picture { width: 1fr; height: 1fr; min-height: 3; }
    Picture > Static { width: auto; height: auto; color: $muted; }
    Picture > Image { width: auto; height: 100%; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._path: str | None = None
        self._image: PilImage | None = None

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def load(self, path: str | None, why_not: str = "no picture found") -> None:
        """Show the picture at `path`; None says that there is none."""
        if path == self._path and self._image is not None:
            return
        self._path, self._image = path, None
        if path is None:
            self.workers.cancel_group(self, "picture")
            self._tell(why_not)
        else:
            self._read(path)

    @work(exclusive=True, group="picture", exit_on_error=False)
    async def _read(self, path: str) -> None:
        try:
            image = await decode_apart(path, MOST)
        except BadInput as error:
            self.post_message(self.Loaded(self, path, None, str(error)))
        else:
            self.post_message(self.Loaded(self, path, image, ""))

    def on_picture_loaded(self, event: Loaded) -> None:
        event.stop()
        if event.path != self._path:
            return
        self._image = event.image
        if event.image is None:
            self._tell(event.error)
        else:
            self._draw()

    def on_resize(self) -> None:
        if self._image is not None:
            self._draw()

    def _tell(self, text: str) -> None:
        self._drop_graphics()
        self.query_one(Static).update(Text(one_line(text)))

    def _drop_graphics(self) -> None:
        for widget in list(self.children)[1:]:
            widget.remove()

    def _draw(self) -> None:
        image = self._image
        if image is None:
            return
        if "widget" in _graphics:
            self.query_one(Static).update("")
            self._drop_graphics()
            self.mount(_graphics["widget"](image))
        else:
            self.query_one(Static).update(half_blocks(image, self.size.width, self.size.height))


def half_blocks(image: PilImage, width: int, height: int) -> Text:
    """A picture in `width` by `height` cells, two pixels to a cell; without colour as shades."""
    if width < 1 or height < 1:
        return Text("")
    scale = min(width / image.width, 2 * height / image.height)
    columns, rows = max(1, round(image.width * scale)), max(2, round(image.height * scale) // 2 * 2)
    from PIL.Image import Resampling

    # A few large pixels are kept sharp; photographs are averaged.
    small = image.resize((columns, rows), Resampling.BOX if scale < 1 else Resampling.NEAREST)
    pixels = small.load()
    assert pixels is not None
    text = Text(no_wrap=True)
    for y in range(0, rows, 2):
        for x in range(columns):
            above, below = pixels[x, y], pixels[x, y + 1]
            if no_colour():
                shade = (sum(above) + sum(below)) / (6 * 255)  # type: ignore[arg-type]
                text.append(" ░▒▓█"[min(4, int(shade * 5))])
            else:
                text.append("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))  # type: ignore[misc]
        if y + 2 < rows:
            text.append("\n")
    return text
