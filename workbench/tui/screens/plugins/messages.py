"""What the Plugins screen's own threads post."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.plugins import Change, PluginInfo, Review


@dataclass
class PluginsRead(Message):
    """The plugin folders were read; `signature` tells what they looked like, `error` why they could not be read."""

    plugins: tuple[PluginInfo, ...]
    signature: tuple[tuple[str, int, int], ...]
    error: str = ""


@dataclass
class SampleLookedUp(Message):
    """The (split, row) that a row of an answer stands for, None when there is no such sample; `name` says which."""

    sample: tuple[str, int] | None
    name: str


@dataclass
class ReviewRead(Message):
    """The plugins of the workspace were read to be reviewed; `error` says why they could not."""

    review: Review | None
    changes: tuple[Change, ...] = ()
    error: str = ""
