"""Markup from templates of Jinja2: every value that a template shows is cleaned, then escaped."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from workbench.blocks.labels import joined
from workbench.text import clean

if TYPE_CHECKING:
    from jinja2 import Environment, Template

TITLED = '<h3>{{ title }}</h3>{% if line %}<p class="soft">{{ line }}</p>{% endif %}'
GRID = """\
<div class="wide"><table><thead><tr>
{%- for name, right in names %}<th{% if right %} class="n"{% endif %}>{{ name }}</th>{% endfor -%}
</tr></thead><tbody>
{%- for row in rows %}<tr>
{%- for cell, right in row %}<td{% if right %} class="n"{% endif %}>{{ cell }}</td>{% endfor -%}
</tr>{% endfor -%}
</tbody></table></div>"""


@functools.cache
def environment() -> Environment:
    """Where templates come from: autoescaping, with a value that is no markup cleaned first."""
    from jinja2 import Environment, StrictUndefined

    jinja = Environment(autoescape=True, undefined=StrictUndefined, finalize=_harmless)
    jinja.filters["lines"] = lines
    return jinja


def _harmless(value: object) -> object:
    return value if isinstance(value, Markup) else clean(value)


def lines(text: object) -> Markup:
    """Text that keeps its line breaks, for a `<pre>`."""
    return escape(clean(text, newlines=True))


@functools.lru_cache(maxsize=64)
def _template(source: str) -> Template:
    return environment().from_string(source)


def render(source: str, **values: Any) -> Markup:
    """A template, given as its source, with its values."""
    return Markup(_template(source).render(**values))


def titled(title: str, *notes: str) -> Markup:
    """The heading of a block, and its notes in a line below."""
    return render(TITLED, title=title, line=joined(*notes))


def grid(names: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]) -> Markup:
    """A table; `right` says which columns are numbers."""
    paired = [list(zip(row, right, strict=True)) for row in rows]
    return render(GRID, names=list(zip(names, right, strict=True)), rows=paired)
