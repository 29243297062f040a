"""Plain text of several lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.blocks import console as on_console
from workbench.blocks import html, markdown
from workbench.blocks.kind import Kind
from workbench.text import clean

if TYPE_CHECKING:
    from markupsafe import Markup
    from rich.console import Console

    from workbench.blocks.buffers import Writer


class Text(msgspec.Struct, frozen=True):
    """Plain text, shown as it is: never read as markup.

    >>> Text("37 samples of train are in test1, too", title="summary").title
    'summary'
    """

    text: str
    title: str = ""


def _check(block: Text) -> None:
    """Any text is sound."""


def _pack(block: Text, _: Writer) -> dict[str, Any]:
    return {"text": str(block.text), "title": str(block.title)}


def _read(body: dict[str, Any], _: Sequence[bytes]) -> Text:
    return Text(str(body["text"]), title=str(body["title"]))


def _json(block: Text) -> dict[str, Any]:
    return {"kind": "text", "title": block.title, "text": block.text}


def _markdown(block: Text) -> Iterator[str]:
    if block.title:
        yield from markdown.titled(block.title)
    yield from markdown.fenced(block.text)


def _html(block: Text, _: Sequence[str]) -> Markup:
    source = "{% if block.title %}<h3>{{ block.title }}</h3>{% endif %}<pre>{{ block.text | lines }}</pre>"
    return html.render(source, block=block)


def _show(block: Text, console: Console) -> None:
    from rich.text import Text as Line

    if block.title:
        on_console.title(console, block.title)
    console.print(Line(clean(block.text, newlines=True)))


KIND = Kind(Text, _check, _pack, _read, _json, _markdown, _html, _show)
