"""What the Data screen's own threads post."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    import polars as pl

    from workbench.features.checks import Check
    from workbench.features.summary import FeatureList
    from workbench.tui.screens.data.content import Subject


@dataclass
class SamplesRead(Message):
    """The samples of a split, of one class where `of`, the rows of the whole split, is larger than the frame."""

    split: str
    frame: pl.DataFrame
    of: int


@dataclass
class FeaturesListed(Message):
    """Every feature with its range, mean and spread in train."""

    features: FeatureList


@dataclass
class CachedChecksRead(Message):
    """The findings of an earlier answer to all checks of the data; None when there is none."""

    about: Subject
    checks: tuple[Check, ...] | None
