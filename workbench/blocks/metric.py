"""One number, with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.blocks import html
from workbench.blocks.kind import Kind
from workbench.blocks.labels import joined
from workbench.blocks.markdown import escape
from workbench.blocks.values import plain
from workbench.present.numbers import p_value, value_and_interval
from workbench.present.splits import role
from workbench.text import clean

if TYPE_CHECKING:
    from markupsafe import Markup
    from rich.console import Console

    from workbench.blocks.buffers import Writer


class Metric(msgspec.Struct, frozen=True):
    """One number with, where it has one, its 95% interval `ci` (low, high) and the p value of its test.

    `unit`: "" (a plain number), "%" (the value is a fraction, shown times 100), "pts" (the value is a difference of
    fractions, shown times 100 as percentage points), or any other text shown behind it.
    `split` colours it as that split is coloured everywhere; `note` says in a few words how it was computed.

    Raises ValueError, when it is yielded, for a `ci` that is not two numbers.

    >>> Metric("accuracy", 0.731, ci=(0.722, 0.740), unit="%", split="test1", note="Clopper-Pearson").value
    0.731
    """

    name: str
    value: float
    ci: tuple[float, float] | None = None
    unit: str = ""
    p: float | None = None
    split: str = ""
    note: str = ""


TEMPLATE = """\
<div class="metric"{% if role %} style="--c:var(--{{ role }})"{% endif %}><span class="soft">{{ name }}</span><br>
<b>{{ value }}</b>{% if interval %} <span class="soft">{{ interval }}</span>{% endif %}
{%- if small %}<br><span class="soft">{{ small }}</span>{% endif %}</div>"""


def _check(block: Metric) -> None:
    if block.ci is not None and len(block.ci) != 2:
        raise ValueError(f"Metric {block.name!r}: ci is (low, high), not {block.ci!r}")


def _pack(block: Metric, writer: Writer) -> dict[str, Any]:
    return {
        "name": str(block.name),
        "value": writer.number(block.value),
        "ci": None if block.ci is None else [writer.number(end) for end in block.ci],
        "unit": str(block.unit),
        "p": None if block.p is None else writer.number(block.p),
        "split": str(block.split),
        "note": str(block.note),
    }


def _read(body: dict[str, Any], _: Sequence[bytes]) -> Metric:
    ends = body["ci"]
    return Metric(
        str(body["name"]),
        float(body["value"]),
        ci=None if ends is None else (float(ends[0]), float(ends[1])),
        unit=str(body["unit"]),
        p=None if body["p"] is None else float(body["p"]),
        split=str(body["split"]),
        note=str(body["note"]),
    )


def _json(block: Metric) -> dict[str, Any]:
    return {
        "kind": "metric",
        "name": block.name,
        "value": plain(block.value),
        "ci": None if block.ci is None else [plain(end) for end in block.ci],
        "unit": block.unit,
        "p": plain(block.p),
        "split": block.split,
        "note": block.note,
    }


def _small(block: Metric) -> str:
    """The p value and the note, where there are any."""
    return joined("" if block.p is None else p_value(block.p), block.note)


def _markdown(block: Metric) -> Iterator[str]:
    value, interval = value_and_interval(block.value, block.ci, block.unit)
    small = _small(block)
    parts = [f"- **{escape(block.name)}**: {escape(value)}", escape(interval), f"({escape(small)})" if small else ""]
    yield " ".join(filter(None, parts))


def _html(block: Metric, pair: Sequence[str]) -> Markup:
    value, interval = value_and_interval(block.value, block.ci, block.unit)
    return html.render(
        TEMPLATE, name=block.name, value=value, interval=interval, small=_small(block), role=role(block.split, pair)
    )


def _show(block: Metric, console: Console) -> None:
    from rich.text import Text

    value, interval = value_and_interval(block.value, block.ci, block.unit)
    small = _small(block)
    line = Text(f"{clean(block.name)}: ").append(value, style="bold").append(f" {interval}" if interval else "")
    console.print(line.append(f"  {small}" if small else "", style="dim"))


KIND = Kind(Metric, _check, _pack, _read, _json, _markdown, _html, _show, grouped=True)
