"""What the Neighbours screen's own threads post."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class WrongSearched(Message):
    """The next misclassified row of a split; None when there is none."""

    split: str
    row: int | None


@dataclass
class PictureSearched(Message):
    """Whether the sample (split, row) has a picture."""

    sample: tuple[str, int]
    there: bool
