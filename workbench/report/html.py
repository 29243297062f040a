"""Sections as one HTML page that needs nothing beside itself: styles within, pictures in it, no scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup

from workbench.blocks import Block, grouped, html, kind_of
from workbench.present.colours import DARK, LIGHT, PAPER, Shades
from workbench.report.parts import Section, given
from workbench.text import one_line

PAGE = "page.html.j2"


def to_html(
    title: str, sections: Iterable[Section], facts: Mapping[str, str] | None = None, pair: Sequence[str] = ()
) -> str:
    """One page: `facts` (workspace, run, ...) under the title, then each section. `pair` colours the two test sets."""
    source = resources.files("workbench.report").joinpath(PAGE).read_text(encoding="utf-8")
    return html.render(
        source,
        title=title,
        facts=facts or {},
        sections=[_section(section, pair) for section in sections],
        variants={"light": _variables(LIGHT), "dark": _variables(DARK), "paper": _variables(PAPER)},
    )


def _section(section: Section, pair: Sequence[str]) -> dict[str, Any]:
    groups = [
        {"kind": _class(group[0]), "markup": Markup("\n").join(kind_of(block).html(block, pair) for block in group)}
        for group in grouped(section.blocks)
    ]
    return {
        "title": section.title,
        "params": given(section.params),
        "groups": groups,
        "failure": one_line(section.failure),
    }


def _class(block: Block) -> str:
    """The class of the element around blocks of a kind: `metric`, `heatmap`."""
    return kind_of(block).name.lower()


def _variables(shades: Shades) -> Markup:
    """The palette as CSS variables: one for each split, each series and each grey."""
    named = {**shades.splits, **{f"series-{i}": colour for i, colour in enumerate(shades.series)}}
    named |= {"paper": shades.background, "ink": shades.text, "strong": shades.strong, "soft": shades.muted}
    named |= {"rule": shades.rule, "error": shades.severities["error"]}
    return Markup("").join(Markup("--{}:{};").format(name, colour) for name, colour in named.items())
