"""Sections as one HTML page that needs nothing beside itself: styles within, pictures as SVG, no scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.api import Block, Chart, HeatMap, Metric, Samples, Table, Text
from workbench.report import svg
from workbench.report.parts import (
    Section,
    cells,
    given,
    heading,
    joined,
    metric_interval,
    metric_value,
    p_value,
    rows_shown,
)
from workbench.report.svg import escape
from workbench.text import one_line

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--rule:#d9dee5;--paper:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#dbe2ec;--soft:#93a0b1;--rule:#2b3643;--paper:#11161d}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
  max-width:1000px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.25rem;margin:2.2rem 0 .4rem;border-bottom:1px solid var(--rule)}
h3{font-size:1rem;margin:1.4rem 0 .2rem}.soft,figcaption{color:var(--soft);font-size:.87rem}
.metrics{display:flex;flex-wrap:wrap;gap:.7rem;margin:.8rem 0}
.metric{border:1px solid var(--rule);border-radius:6px;padding:.5rem .8rem;max-width:20rem}.metric b{font-size:1.35rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.87rem;font-variant-numeric:tabular-nums}
th,td{padding:.18rem .6rem;border-bottom:1px solid var(--rule);text-align:left;white-space:nowrap}
td.n,th.n{text-align:right}pre{white-space:pre-wrap;border-left:3px solid var(--rule);padding-left:.8rem}
figure{margin:.8rem 0}.map{display:inline-block;width:49%;min-width:20rem;vertical-align:top}
svg{width:100%;height:auto;font:11px system-ui,sans-serif}svg text{fill:var(--soft)}
svg .grid{stroke:var(--rule)}svg .axis{stroke:var(--soft);fill:none}
svg .line{stroke:var(--c);fill:none;stroke-width:1.8}
svg .area{stroke:var(--c);fill:var(--c);fill-opacity:.18;stroke-width:1.5}svg g circle,svg g rect{fill:var(--c)}
.key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 .9em}.failed{color:#b83a00}
"""


def to_html(
    title: str, sections: Iterable[Section], facts: Mapping[str, str] | None = None, pair: Sequence[str] = ()
) -> str:
    """One page: `facts` (workspace, run, ...) under the title, then each section. `pair` colours the two test sets."""
    told = " · ".join(f"{escape(name)}: {escape(value)}" for name, value in (facts or {}).items())
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f'<h1>{escape(title)}</h1><p class="soft">{told}</p>',
    ]
    for section in sections:
        parts.append(f"<section><h2>{escape(section.title)}</h2>")
        settings = given(section.params)
        parts.append(f'<p class="soft">{escape(settings)}</p>' if settings else "")
        parts += _blocks(section.blocks, pair)
        if section.failure:
            parts.append(f'<p class="failed">Not complete: {escape(one_line(section.failure))}</p>')
        parts.append("</section>")
    return "\n".join([*filter(None, parts), "</body></html>\n"])


def _blocks(blocks: Sequence[Block], pair: Sequence[str]) -> list[str]:
    parts: list[str] = []
    in_metrics = False
    for block in blocks:
        if isinstance(block, Metric) != in_metrics:
            parts.append("</div>" if in_metrics else '<div class="metrics">')
            in_metrics = not in_metrics
        parts.append(_block(block, pair))
    return [*parts, "</div>"] if in_metrics else parts


def _block(block: Block, pair: Sequence[str]) -> str:
    match block:
        case Metric():
            return _metric(block)
        case Table():
            numeric = [kind.is_numeric() for kind in block.frame.dtypes]
            names = [heading(name) for name in block.frame.columns]
            return _titled(block.title, block.note, rows_shown(block)) + _grid(names, cells(block), numeric)
        case Chart():
            return _titled(block.title, block.note) + f"<figure>{svg.chart(block, pair)}{_key(block, pair)}</figure>"
        case HeatMap():
            drawn = _titled(block.title, block.note) + f"<figure>{svg.heat_map(block)}</figure>"
            return f'<div class="map">{drawn}</div>'
        case Text():
            return (_titled(block.title) if block.title else "") + f"<pre>{escape(block.text, newlines=True)}</pre>"
        case Samples():
            notes = list(block.notes) or [""] * len(block.rows)
            rows = [[f"{row:,}", note] for row, note in zip(block.rows, notes, strict=True)]
            return _titled(block.title, block.split) + _grid(["row", "note"], rows, [True, False])


def _metric(block: Metric) -> str:
    p = "" if block.p is None else p_value(block.p)
    small = " · ".join(filter(None, [p, one_line(block.note)]))
    interval = f' <span class="soft">{escape(metric_interval(block))}</span>' if block.ci else ""
    return (
        f'<div class="metric"><span class="soft">{escape(block.name)}</span><br><b>{escape(metric_value(block))}</b>'
        f'{interval}<br><span class="soft">{escape(small)}</span></div>'
    )


def _titled(title: str, *notes: str) -> str:
    told = joined(*notes)
    return f"<h3>{escape(title)}</h3>" + (f'<p class="soft">{escape(told)}</p>' if told else "")


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    marks = [' class="n"' if right else "" for right in numeric]
    head = "".join(f"<th{mark}>{escape(name)}</th>" for mark, name in zip(marks, names, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{escape(cell)}</td>" for mark, cell in zip(marks, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _key(block: Chart, pair: Sequence[str]) -> str:
    entries = (
        f'<i style="background:{svg.colour(line, i, pair)}"></i>{escape(line.name)}'
        for i, line in enumerate(block.series)
    )
    return f'<figcaption class="key">{"".join(entries)}</figcaption>'
