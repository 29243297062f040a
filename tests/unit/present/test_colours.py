"""One palette: every split and every series of a chart told apart, on every background."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.present import heat
from workbench.present.colours import DARK, LIGHT, PAPER, SERIES, Palette, Shades, colour_of, rgb, series_keys
from workbench.present.splits import ROLES

VARIANTS = [DARK, LIGHT, PAPER]


def hue(colour: str) -> float:
    return colorsys.rgb_to_hsv(*(channel / 255 for channel in rgb(colour)))[0] * 360


def contrast(one: str, other: str) -> float:
    """The contrast ratio of the Web Content Accessibility Guidelines."""
    light = []
    for colour in (one, other):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in rgb(colour))]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("shades", VARIANTS)
def test_splits_differ_in_hue_and_are_legible(shades: Shades) -> None:
    for one, other in itertools.combinations(ROLES, 2):
        apart = abs(hue(shades.splits[one]) - hue(shades.splits[other]))
        assert min(apart, 360 - apart) > 25, (one, other)
    for colour in (*shades.splits.values(), *shades.series, shades.muted, shades.text):
        assert contrast(colour, shades.background) > 3.5, colour


def test_the_variants_have_the_same_hues() -> None:
    for name in ROLES:
        for shades in (LIGHT, PAPER):
            apart = abs(hue(shades.splits[name]) - hue(DARK.splits[name]))
            assert min(apart, 360 - apart) < 25, name
    assert len(LIGHT.series) == len(PAPER.series) == len(SERIES)


@given(st.lists(st.sampled_from(["train", "val", "v1", "v2", "third", ""]), unique=True, max_size=6))
def test_no_two_series_of_a_chart_look_alike(splits: list[str]) -> None:
    pair = ("v1", "v2")
    for shades in VARIANTS:
        shown = [colour_of(key, shades) for key in series_keys(splits, pair)]
        assert len(set(shown)) == len(shown)
    assert Palette(True, pair).of_chart(splits) == [colour_of(key, DARK) for key in series_keys(splits, pair)]


def test_palette_knows_the_pair() -> None:
    palette = Palette(True, ("v2", "val"))
    assert palette.split("v2") == palette.split("test1") == DARK.splits["test1"]
    assert palette.split("val") == DARK.splits["test2"]  # a test set called val is a test set
    assert palette.mark("v2") != palette.mark("val")
    assert Palette(False, ("a", "b")).split("train") == LIGHT.splits["train"]


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_heat_scale_colours_any_matrix(rows: int, columns: int, diverging: bool, dark: bool) -> None:
    values = np.random.default_rng(rows * 41 + columns).normal(size=(rows, columns)) * 10.0 ** (rows - 20)
    values[0, 0] = [np.nan, np.inf, -np.inf, 1e308][rows % 4]
    low, high = heat.limits(values, diverging=diverging)
    at = heat.shares(values, low, high)
    assert heat.colours(at, diverging, dark).shape == (rows, columns, 3)
    assert np.isnan(at).sum() == (~np.isfinite(values)).sum()
    assert np.nanmin(at, initial=0.5) >= 0
    assert np.nanmax(at, initial=0.5) <= 1
    small = heat.shrink(values, 7, 5)
    assert small.shape == (min(rows, 7), min(columns, 5))


def test_low_values_are_near_the_background() -> None:
    for dark, shades in ((True, DARK), (False, LIGHT)):
        ends = heat.colours(np.array([0.0, 1.0]), dark=dark)
        low, high = (f"#{red:02X}{green:02X}{blue:02X}" for red, green, blue in ends.tolist())
        assert contrast(low, shades.background) < 1.5 < 6 < contrast(high, shades.background)
