"""Colours: one for each split, everywhere; the rest of the interface stays grey so that colour always means data."""

from __future__ import annotations

import os

from textual.theme import Theme

from workbench.workspace import VAL_OF_TRAIN, val_name

# Okabe and Ito's palette: safe for colour-blind eyes. The light variants are the same hues, darkened for contrast.
COLOURS = {"train": "#56B4E9", "val": "#2FB98A", "test1": "#E69F00", "test2": "#CC79A7"}
LIGHT_COLOURS = {"train": "#0072B2", "val": "#007A58", "test1": "#A86400", "test2": "#A2457C"}
OTHER = "#9AA7B8"
LIGHT_OTHER = "#55606E"

# More series than splits (runs over one another, classes): the rest of the palette, then again with a lighter tone.
SERIES = ("#56B4E9", "#E69F00", "#2FB98A", "#CC79A7", "#F0E442", "#D55E00", "#9AA7B8", "#8C9EFF")

SEVERITIES = {"error": "#FF7A45", "warning": "#F0E442", "note": "#9AA7B8", "good": "#2FB98A"}
LIGHT_SEVERITIES = {"error": "#B83A00", "warning": "#7A6C00", "note": "#55606E", "good": "#007A58"}

# A mark of its own for each role, so that nothing rests on colour alone.
MARKS = {"train": "■", "val": "□", "test1": "●", "test2": "◆"}

DARK = Theme(
    name="workbench-dark",
    dark=True,
    primary="#3B4B61",
    secondary="#2C3A4D",
    accent="#D7DEE8",
    foreground="#CBD3DF",
    background="#10141A",
    surface="#151B23",
    panel="#1C242F",
    success=SEVERITIES["good"],
    warning=SEVERITIES["warning"],
    error=SEVERITIES["error"],
    variables={
        "muted": "#7F8C9D",
        "faint": "#4A5665",
        "strong": "#F2F5F9",
        "rule": "#27313E",
        "cursor": "#2B3A4E",
        "footer-background": "#151B23",
        "border": "#5E7088",
        "border-blurred": "#27313E",
        "block-cursor-background": "#2B3A4E",
        "block-cursor-foreground": "#F2F5F9",
        "block-cursor-text-style": "bold",
        "input-selection-background": "#3B4B61",
        "scrollbar": "#2C3A4D",
        "scrollbar-hover": "#3B4B61",
        "scrollbar-active": "#5E7088",
        "scrollbar-background": "#10141A",
        "scrollbar-corner-color": "#10141A",
    },
)

LIGHT = Theme(
    name="workbench-light",
    dark=False,
    primary="#C9D3E0",
    secondary="#DDE4EC",
    accent="#1F2A37",
    foreground="#2A3441",
    background="#FAFBFC",
    surface="#F1F4F7",
    panel="#E7ECF1",
    success=LIGHT_SEVERITIES["good"],
    warning=LIGHT_SEVERITIES["warning"],
    error=LIGHT_SEVERITIES["error"],
    variables={
        "muted": "#5D6978",
        "faint": "#9AA5B2",
        "strong": "#0C131B",
        "rule": "#D3DAE2",
        "cursor": "#D5E0EE",
        "footer-background": "#F1F4F7",
        "border": "#7D8CA0",
        "border-blurred": "#D3DAE2",
        "block-cursor-background": "#D5E0EE",
        "block-cursor-foreground": "#0C131B",
        "block-cursor-text-style": "bold",
        "input-selection-background": "#C9D3E0",
        "scrollbar": "#C9D3E0",
        "scrollbar-hover": "#AAB7C7",
        "scrollbar-active": "#7D8CA0",
        "scrollbar-background": "#FAFBFC",
        "scrollbar-corner-color": "#FAFBFC",
    },
)


def no_colour() -> bool:
    """Whether the user asked for no colour (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


class Palette:
    """The colours for text drawn by hand, for a dark or a light background, with the chosen pair of test sets."""

    def __init__(self, dark: bool = True, pair: tuple[str, ...] = ()) -> None:
        self.dark = dark
        self.pair = pair
        theme = DARK if dark else LIGHT
        self.muted = theme.variables["muted"]
        self.faint = theme.variables["faint"]
        self.strong = theme.variables["strong"]
        self.text = theme.foreground or ""
        self.splits = COLOURS if dark else LIGHT_COLOURS
        self.other = OTHER if dark else LIGHT_OTHER
        self.severities = SEVERITIES if dark else LIGHT_SEVERITIES

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Palette) and (self.dark, self.pair) == (other.dark, other.pair)

    def __hash__(self) -> int:
        return hash((self.dark, self.pair))

    def role(self, split: str) -> str:
        """`train`, `val`, `test1`, `test2` or "": what a split is under the chosen pair."""
        if split in self.pair[:2]:
            return f"test{self.pair.index(split) + 1}"
        return "val" if split == VAL_OF_TRAIN else split if split in COLOURS else ""

    def split(self, name: str) -> str:
        """The colour of a split, by its name or by `test1`, `test2`, `train`, `val`."""
        return self.splits.get(self.role(name), self.other)

    @property
    def val_name(self) -> str:
        """What val, cut from train, is called beside the chosen pair."""
        return val_name(self.pair)

    def mark(self, name: str) -> str:
        """The mark of a split: a sign that says the same as its colour."""
        return MARKS.get(self.role(name), "○")

    def series(self, index: int) -> str:
        """The colour of the nth of several series that are no splits."""
        colour = SERIES[index % len(SERIES)]
        return colour if self.dark else _darker(colour)


def _darker(colour: str) -> str:
    """A palette colour at 60% of its brightness: legible on white."""
    channels = (int(colour[i : i + 2], 16) * 6 // 10 for i in (1, 3, 5))
    return "#" + "".join(f"{value:02X}" for value in channels)
