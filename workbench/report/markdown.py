"""Sections as Markdown that any reader shows as it is meant."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from workbench.api import Block, Chart, HeatMap, Metric, Samples, Table, Text
from workbench.report.parts import (
    Section,
    cells,
    given,
    heading,
    joined,
    metric_interval,
    metric_value,
    number,
    p_value,
    rows_shown,
)
from workbench.text import clean, one_line

POINTS = 60  # a chart becomes a table of at most so many points
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def to_markdown(title: str, sections: Iterable[Section], facts: Mapping[str, str] | None = None) -> str:
    """One document: `facts` (workspace, run, ...) in a list under the title, then each section."""
    lines = [f"# {escape(title)}", ""]
    lines += [f"- {escape(name)}: {escape(value)}" for name, value in (facts or {}).items()]
    for section in sections:
        lines += ["", f"## {escape(section.title)}", ""]
        if section.params:
            lines += [f"Parameters: {escape(given(section.params))}", ""]
        lines += _blocks(section.blocks)
        if section.failure:
            lines += ["", f"**Not complete:** {escape(one_line(section.failure))}"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def escape(text: object) -> str:
    """Text that Markdown takes as it is, cleaned."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    for i, block in enumerate(blocks):
        match block:
            case Metric():
                yield _metric(block)
                if not isinstance(blocks[i + 1] if i + 1 < len(blocks) else None, Metric):
                    yield ""
            case Table():
                yield from _titled(block.title, block.note, rows_shown(block))
                right = [kind.is_numeric() for kind in block.frame.dtypes]
                yield from _grid([heading(name) for name in block.frame.columns], cells(block), right)
            case Chart():
                yield from _chart(block)
            case HeatMap():
                yield from _titled(block.title, block.note)
                names = [str(name) for name in block.column_names] or [str(j) for j in range(block.values.shape[1])]
                rows = [str(name) for name in block.row_names] or [str(j) for j in range(block.values.shape[0])]
                body = [[name, *(number(float(v)) for v in row)] for name, row in zip(rows, block.values, strict=True)]
                yield from _grid(["", *names], body, [False, *[True] * len(names)])
            case Text():
                if block.title:
                    yield from _titled(block.title)
                fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", block.text)), default=0))
                yield from (fence + "text", clean(block.text, newlines=True), fence, "")
            case Samples():
                yield from _titled(block.title)
                notes = list(block.notes) or [""] * len(block.rows)
                rows_ = [[block.split, f"{row:,}", note] for row, note in zip(block.rows, notes, strict=True)]
                yield from _grid(["split", "row", "note"], rows_, [False, True, False])


def _metric(block: Metric) -> str:
    parts = [f"- **{escape(block.name)}**: {escape(metric_value(block))}", escape(metric_interval(block))]
    parts += [p_value(block.p)] if block.p is not None else []
    parts += [f"({escape(one_line(block.note))})"] if block.note else []
    return " ".join(part for part in parts if part)


def _titled(title: str, *notes: str) -> Iterator[str]:
    yield from (f"### {escape(title)}", "")
    told = joined(*notes)
    if told:
        yield from (escape(told), "")


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    yield "| " + " | ".join(escape(name) for name in names) + " |"
    yield "|" + "|".join("---:" if side else "---" for side in right) + "|"
    for row in rows:
        yield "| " + " | ".join(escape(cell) for cell in row) + " |"
    yield ""


def _chart(block: Chart) -> Iterator[str]:
    """A chart as the numbers behind it."""
    yield from _titled(block.title, block.note)
    for line in block.series:
        x = list(line.x)
        if block.kind == "steps":
            x = [f"{number(float(a))} to {number(float(b))}" for a, b in itertools.pairwise(x)]
        kept = np.unique(np.linspace(0, max(len(line.y) - 1, 0), min(len(line.y), POINTS)).astype(int))
        told = f", {len(kept)} of {len(line.y):,} points" if len(kept) < len(line.y) else ""
        shown = [[_cell(x[k]), number(float(line.y[k]))] for k in kept]
        yield from (f"{escape(line.name)}{told}:", "")
        yield from _grid([block.x_label or "x", block.y_label or "y"], shown, [True, True])


def _cell(value: object) -> str:
    return number(float(value)) if isinstance(value, int | float | np.number) else str(value)
