"""Sections as Markdown that any reader shows as it is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from workbench.blocks import Block, grouped, kind_of
from workbench.blocks.markdown import escape
from workbench.report.parts import Section, given
from workbench.text import one_line


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
            lines += ["", f"**Incomplete:** {escape(one_line(section.failure))}"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    for group in grouped(blocks):
        for block in group:
            yield from kind_of(block).markdown(block)
        yield ""
