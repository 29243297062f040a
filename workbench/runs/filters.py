"""Which runs are meant: a small language over their settings and results, and how their settings differ.

A filter is conditions with spaces between them, all of which must hold:

    head:nn1 lr>=1e-4 val>0.8 state:finished tag:good starred -state:failed

`key:word` is true when the text of `key` contains `word` (for numbers: when it equals it); `key=value` and `key!=value`
compare whole texts or numbers, `<`, `<=`, `>`, `>=` numbers. A lone word is looked for in id, head, state and tags; a
leading `-` negates. Keys: those of the run (id, head, state, epoch, epochs, seconds, device, sweep, tag, starred), its
results (val, test1, test2, gap, and each test set by name; accuracies from 0 to 1, or as `80%`), and its settings. A
run without a value for a key does not match, whatever is asked of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadInput, nearest
from workbench.runs.snapshot import RunSnapshot

OPERATORS = (">=", "<=", "!=", "=", ">", "<", ":")
OWN = ("id", "head", "state", "epoch", "epochs", "seconds", "device", "sweep", "tag", "starred", "val", "test1",
       "test2", "gap")  # fmt: skip
_TERM = re.compile(r"(?P<minus>-?)(?P<key>[^\s:=<>!]+)(?:(?P<op>>=|<=|!=|=|>|<|:)(?P<value>\S*))?$")


@dataclass(frozen=True)
class Condition:
    """One condition of a filter; `key` is empty for a lone word."""

    key: str
    operator: str
    value: str
    negated: bool
    place: int  # of its first character in the filter, from 1

    def holds(self, run: RunSnapshot) -> bool:
        """Whether the run meets it."""
        if not self.key:
            match = any(self.value.lower() in text.lower() for text in (run.id, run.head, run.state, *run.tags))
            return match != self.negated
        values = fields(run).get(self.key)
        if values is None:
            return False
        several = values if isinstance(values, tuple) else (values,)
        if self.operator == "!=":
            return all(self._compare(value) for value in several) != self.negated
        return any(self._compare(value) for value in several) != self.negated

    def _compare(self, value: Any) -> bool:
        number = _number(self.value)
        if isinstance(value, bool):
            value, number = str(value).lower(), None
        if isinstance(value, int | float) and number is not None:
            return _COMPARE[self.operator](float(value), number)
        if self.operator == ":":
            return self.value.lower() in str(value).lower()
        same = str(value).lower() == self.value.lower()
        return same if self.operator == "=" else not same if self.operator == "!=" else False


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda a, b: a >= b or _same(a, b),
    "<=": lambda a, b: a <= b or _same(a, b),
    ">": lambda a, b: a > b and not _same(a, b),
    "<": lambda a, b: a < b and not _same(a, b),
    "=": lambda a, b: _same(a, b),
    ":": lambda a, b: _same(a, b),
    "!=": lambda a, b: not _same(a, b),
}


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-12 * max(abs(a), abs(b))


def _number(text: str) -> float | None:
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def fields(run: RunSnapshot) -> dict[str, Any]:
    """What a filter can ask of a run: its settings, results and self, by key; absent where there is no value."""
    values: dict[str, Any] = dict(run.settings)
    accuracies = {name: scores.accuracy for name, scores in run.tests.items()}
    values |= {f"test{i}": value for i, value in enumerate(list(accuracies.values())[:2], start=1)}
    values |= accuracies
    values |= {
        "id": run.id, "head": run.head, "state": run.state, "epoch": run.epoch, "epochs": run.epochs,
        "seconds": run.seconds, "device": run.device, "sweep": run.sweep or None, "tag": run.tags,
        "starred": run.starred, "gap": run.gap.value if run.gap else None,
        # what runs are chosen by, also where a test set is called val: that one is test1 or test2
        "val": run.val_accuracy,
    }  # fmt: skip
    return {key: value for key, value in values.items() if value is not None}


def parse(text: str, keys: Iterable[str]) -> list[Condition]:
    """The conditions of a filter; raises BadInput naming the place and the nearest of `keys`."""
    known = list(dict.fromkeys([*OWN, *keys]))
    out = []
    for word in re.finditer(r"\S+", text):
        place = word.start() + 1
        match = _TERM.match(word.group())
        if match is None:
            raise BadInput(f"filter, character {place}: {word.group()!r} is no condition; expected e.g. lr>=1e-4")
        key, operator, value = match["key"], match["op"], match["value"]
        negated = bool(match["minus"])
        if operator is None:
            lone = ("starred", "=", "true") if key == "starred" else ("", "", key)
            out.append(Condition(*lone, negated, place))
            continue
        if key not in known:
            raise BadInput(f"filter, character {place}: unknown key {key!r}{nearest(key, known)}")
        if not value:
            raise BadInput(f"filter, character {place}: {key}{operator} has no value")
        if operator in ("<", "<=", ">", ">=") and _number(value) is None:
            at = place + len(match["minus"]) + len(key) + len(operator)
            raise BadInput(f"filter, character {at}: {value!r} is no number, which {key}{operator} needs")
        out.append(Condition(key, operator, value, negated, place))
    return out


def matching(runs: Sequence[RunSnapshot], text: str) -> list[RunSnapshot]:
    """Those of `runs` that the filter `text` means, in their order; all of them for an empty one.

    Raises BadInput, with the place in `text` and the nearest key, for a filter that cannot be read.
    """
    conditions = parse(text, _keys(runs))
    return [run for run in runs if all(condition.holds(run) for condition in conditions)]


def _keys(runs: Iterable[RunSnapshot]) -> set[str]:
    from workbench.heads import HEADS
    from workbench.settings import declared

    keys = {name for spec in HEADS.values() for name in declared(spec.Settings)}
    for run in runs:
        keys |= {*run.settings, *run.tests, *(run.config.tests if run.config else ())}
    return keys


def differences(runs: Sequence[RunSnapshot]) -> Mapping[str, tuple[Any, ...]]:
    """The settings (and `head`) that are not the same for all of `runs`: name -> one value a run, None where it has
    no such setting; in the order in which the runs declare them."""
    settings = [{"head": run.head, **run.settings} for run in runs]
    names = dict.fromkeys(name for one in settings for name in one)
    rows = {name: tuple(one.get(name) for one in settings) for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}
