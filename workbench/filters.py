"""The filter language: text to conditions. One language for runs, on the command line too, and for every table.

A filter is conditions with spaces between them, all of which must hold:

    head:nn1 lr>=1e-4 val>80% class="great white" starred -state:failed word

`key:word` holds where the text of `key` contains `word` (a number: where it equals it); `key=value` and `key!=value`
compare whole texts or numbers; `<`, `<=`, `>`, `>=` numbers, or texts by the alphabet. A number may be a percentage. A
lone word is looked for in several keys at once; the name of a yes-or-no key asks for yes. A leading `-` negates. Quotes
hold words together, and what is in them is plain text, whatever signs it holds. Upper and lower case are alike, and a
key may be cut short while it stays the only one that begins so. Where a key has no value no condition on it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workbench.errors import BadInput, nearest

Kind = Literal["text", "number", "flag", "any"]  # any: numbers and texts both occur

CLOSE = 1e-12  # relative difference up to which numbers count as equal
ORDERINGS = ("<", "<=", ">", ">=")
_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_TERM = re.compile(
    r'(?P<minus>-(?=.))?(?P<key>(?:[^":=<>!]|!(?!=)|"[^"]*"?)*)(?:(?P<operator>>=|<=|!=|=|>|<|:)(?P<value>.*))?',
    re.DOTALL,
)


@dataclass(frozen=True)
class Condition:
    """One condition of a filter; `key` and `operator` are empty for a lone word."""

    key: str
    operator: str
    value: str
    negated: bool
    place: int  # of its first character in the filter, from 1

    @property
    def number(self) -> float | None:
        """The value as a number; None where it is none."""
        try:
            return float(self.value[:-1]) / 100 if self.value.endswith("%") else float(self.value)
        except ValueError:
            return None

    @property
    def flag(self) -> str:
        """The value as `true` or `false` where it means yes or no, else the value in lower case."""
        return {"yes": "true", "no": "false"}.get(self.value.lower(), self.value.lower())

    def holds(self, values: Mapping[str, Any], texts: Iterable[str]) -> bool:
        """Whether it holds for something with these `values` by key, whose lone words are looked for in `texts`.

        A tuple is several values, one of which must meet the condition (`!=`: all of which must).
        """
        if not self.key:
            return any(self.value.lower() in text.lower() for text in texts) != self.negated
        value = values.get(self.key)
        if value is None:
            return False
        several = value if isinstance(value, tuple) else (value,)
        decide = all if self.operator == "!=" else any
        return decide(self._accepts(one) for one in several) != self.negated

    def _accepts(self, value: Any) -> bool:
        if isinstance(value, bool):
            return _compare_texts(self.operator, str(value).lower(), self.flag)
        number = self.number
        if isinstance(value, int | float) and number is not None:
            return _COMPARE[self.operator](float(value), number)
        return _compare_texts(self.operator, str(value).lower(), self.value.lower())


def _compare_texts(operator: str, a: str, b: str) -> bool:
    if operator == ":":
        return b in a
    return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def _same(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= CLOSE * max(abs(a), abs(b))


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda a, b: a >= b or _same(a, b),
    "<=": lambda a, b: a <= b or _same(a, b),
    ">": lambda a, b: a > b and not _same(a, b),
    "<": lambda a, b: a < b and not _same(a, b),
    "=": _same,
    ":": _same,
    "!=": lambda a, b: not _same(a, b),
}


def parse(text: str, keys: Mapping[str, Kind], noun: str = "key") -> list[Condition]:
    """The conditions of a filter over `keys`, which `noun` names in messages.

    Raises BadInput with the place in `text`, from 1, for a key that is unknown (naming the nearest spelling) or could
    be several, for a missing value, and for a value that is no number where one is needed.

    Examples
    --------
    >>> [(c.key, c.operator, c.value, c.negated) for c in parse('val>0.8 -"not this"', {"val": "number"})]
    [('val', '>', '0.8', False), ('', '', 'not this', True)]
    """
    conditions = (_condition(word.group(), word.start() + 1, keys, noun) for word in _WORD.finditer(text))
    return [condition for condition in conditions if condition is not None]


def _condition(word: str, place: int, keys: Mapping[str, Kind], noun: str) -> Condition | None:
    match = _TERM.fullmatch(word)
    assert match is not None  # every word is a key and, from the first operator on, an operator and a value
    name, operator, value = match["key"].replace('"', ""), match["operator"], match["value"]
    negated = bool(match["minus"])
    if operator is None:
        if match["key"] in keys and keys[name] == "flag":
            return Condition(name, "=", "true", negated, place)
        return Condition("", "", name, negated, place) if name else None
    if not name:
        raise BadInput(f"filter, character {place}: {word!r} is no condition; expected e.g. {noun}:word or {noun}>=0.5")
    key = _known(name, keys, f"filter, character {place}", noun)
    if not value:
        raise BadInput(f"filter, character {place}: {name}{operator} has no value")
    condition = Condition(key, operator, value.replace('"', ""), negated, place)
    needs_number = keys[key] == "number" or (keys[key] == "any" and operator in ORDERINGS)
    if needs_number and condition.number is None:
        at = place + match.start("value")
        raise BadInput(f"filter, character {at}: {condition.value!r} is no number, which {name}{operator} needs")
    return condition


def _known(name: str, keys: Collection[str], where: str, noun: str) -> str:
    """The key that `name` spells or begins."""
    if name in keys:
        return name
    starts = [key for key in keys if key.lower().startswith(name.lower())]
    meant = [key for key in starts if key.lower() == name.lower()] or starts
    if len(meant) > 1:
        raise BadInput(f"{where}: {name!r} could be {' or '.join(map(repr, meant[:4]))}; write more of the {noun}")
    if not meant:
        raise BadInput(f"{where}: unknown {noun} {name!r}{nearest(name, keys)} (to look for text with signs, quote it)")
    return meant[0]
