"""What a block is to the rest of the workbench: how it travels, and how each form of output draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from markupsafe import Markup
    from rich.console import Console

    from workbench.blocks.buffers import Writer

B = TypeVar("B")


@dataclass(frozen=True)
class Kind(Generic[B]):
    """One kind of block. Each file of this package ends with one; `workbench.blocks.KINDS` lists them.

    `check` raises TypeError or ValueError for a block that is not sound: before it is sent, and after it is read.
    `pack` gives the JSON part of its message and hands arrays and frames to the writer; `read` is its inverse.
    `json` gives what `--json` prints, `markdown` lines, `html` markup (the pair of test sets colours their series), and
    `show` prints it on a console. Each of them cleans and escapes every text of the block.
    `grouped`: neighbours of this kind are drawn side by side.
    """

    block: type[B]
    check: Callable[[B], None]
    pack: Callable[[B, Writer], dict[str, Any]]
    read: Callable[[dict[str, Any], Sequence[bytes]], B]
    json: Callable[[B], dict[str, Any]]
    markdown: Callable[[B], Iterator[str]]
    html: Callable[[B, Sequence[str]], Markup]
    show: Callable[[B, Console], None]
    grouped: bool = False

    @property
    def name(self) -> str:
        """What messages call it: the name of its class."""
        return self.block.__name__
