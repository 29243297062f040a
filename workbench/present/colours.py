"""Colours: one for each split, everywhere; what is not data stays grey, so that colour always means data.

The hues are those of Okabe and Ito (2008, Color Universal Design), which colour-blind eyes tell apart. Each has three
variants: for a dark screen, for a light one, where it is darkened until it is legible, and for paper.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.present.splits import MARKS, ROLES, role, val_name


@dataclass(frozen=True)
class Shades:
    """The palette on one background; every colour is #RRGGBB.

    `splits` has a colour for each of `train`, `val`, `test1`, `test2`; `series` those of what is no split (runs over
    one another, classes), in the order in which they are given out; `other` is for a split outside the pair.
    """

    splits: Mapping[str, str]
    series: tuple[str, ...]
    severities: Mapping[str, str]
    other: str
    background: str
    text: str
    strong: str
    muted: str
    faint: str
    rule: str


# The first four hues of `series` are those of the splits: a chart that shows splits skips the ones in use.
DARK = Shades(
    splits={"train": "#56B4E9", "val": "#2FB98A", "test1": "#E69F00", "test2": "#CC79A7"},
    series=("#56B4E9", "#E69F00", "#2FB98A", "#CC79A7", "#F0E442", "#D55E00", "#9AA7B8", "#8C9EFF"),
    severities={"error": "#FF7A45", "warning": "#F0E442", "note": "#9AA7B8", "good": "#2FB98A"},
    other="#9AA7B8",
    background="#10141A",
    text="#CBD3DF",
    strong="#F2F5F9",
    muted="#7F8C9D",
    faint="#4A5665",
    rule="#27313E",
)
LIGHT = Shades(
    splits={"train": "#0072B2", "val": "#007A58", "test1": "#A86400", "test2": "#A2457C"},
    series=("#0072B2", "#A86400", "#007A58", "#A2457C", "#7A6C00", "#B83A00", "#55606E", "#5A67D8"),
    severities={"error": "#B83A00", "warning": "#7A6C00", "note": "#55606E", "good": "#007A58"},
    other="#55606E",
    background="#FAFBFC",
    text="#2A3441",
    strong="#0C131B",
    muted="#5D6978",
    faint="#9AA5B2",
    rule="#D3DAE2",
)
# Ink on white: the light variants, and black where a screen has a softer grey, since printers dither grey text.
PAPER = replace(LIGHT, background="#FFFFFF", text="#000000", strong="#000000", muted="#3C4652", rule="#B4BCC6")


SERIES = DARK.series


def no_colour() -> bool:
    """Whether the user asked for no colour (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def series_keys(splits: Sequence[str], pair: Sequence[str] = ()) -> list[str]:
    """Which colour each series of one chart has: a key of `Shades.splits`, or `series-N`.

    `splits` holds the split of each series, "" for none. A series of a split has the split's colour; the others have
    the first ones of the palette whose hue no split of the chart has, so that no two series look alike before all hues
    are in use.

    >>> series_keys(["train", "v2", ""], ("val", "v2"))
    ['train', 'test2', 'series-1']
    """
    roles = [role(split, pair) for split in splits]
    reserved = {DARK.splits[name] for name in roles if name}
    free = [place for place, colour in enumerate(DARK.series) if colour not in reserved]
    keys, count = [], 0
    for name in roles:
        keys.append(name or f"series-{free[count % len(free)]}")
        count += not name
    return keys


def colour_of(key: str, shades: Shades) -> str:
    """The colour of a key of `series_keys` on one background."""
    return shades.splits[key] if key in ROLES else shades.series[int(key.removeprefix("series-"))]


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of #RRGGBB, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class Palette:
    """The colours on a dark or a light screen, with the chosen pair of test sets."""

    def __init__(self, dark: bool = True, pair: tuple[str, ...] = ()) -> None:
        self.dark = dark
        self.pair = pair
        self.shades = shades = DARK if dark else LIGHT
        self.muted, self.faint, self.strong, self.text = shades.muted, shades.faint, shades.strong, shades.text
        self.splits, self.severities = shades.splits, shades.severities

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Palette) and (self.dark, self.pair) == (other.dark, other.pair)

    def __hash__(self) -> int:
        return hash((self.dark, self.pair))

    def role(self, split: str) -> str:
        """`train`, `val`, `test1`, `test2` or "": what a split is under the chosen pair."""
        return role(split, self.pair)

    def split(self, name: str) -> str:
        """The colour of a split, by its name or by `test1`, `test2`, `train`, `val`."""
        return self.shades.splits.get(self.role(name), self.shades.other)

    @property
    def val_name(self) -> str:
        """What val, cut from train, is called beside the chosen pair."""
        return val_name(self.pair)

    def mark(self, name: str) -> str:
        """The mark of a split: a sign that says the same as its colour."""
        return MARKS.get(self.role(name), "○")

    def series(self, index: int) -> str:
        """The colour of the nth of several series that are no splits."""
        return self.shades.series[index % len(SERIES)]

    def of_chart(self, splits: Sequence[str]) -> list[str]:
        """The colour of each series of one chart, as `series_keys` gives them out."""
        return [colour_of(key, self.shades) for key in series_keys(splits, self.pair)]


def faded(colour: str, palette: Palette) -> str:
    """A colour two thirds of the way to the background: for what runs behind."""
    behind = rgb(palette.shades.background)
    mixed = (round(0.36 * fore + 0.64 * back) for fore, back in zip(rgb(colour), behind, strict=True))
    return "#" + "".join(f"{value:02X}" for value in mixed)
