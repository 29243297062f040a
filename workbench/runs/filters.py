"""Which runs are meant: the filter language of `workbench.filters` over their settings and results, and how their
settings differ.

Keys: those of the run (id, head, state, epoch, epochs, seconds, device, sweep, tag, starred), its results (val, test1,
test2, gap, and each test set by name; accuracies from 0 to 1, or as `80%`), and its settings. A lone word is looked for
in id, head, state and tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.filters import Condition, Kind, parse
from workbench.runs.snapshot import RunSnapshot

OWN: dict[str, Kind] = {
    "id": "text",
    "head": "text",
    "state": "text",
    "epoch": "number",
    "epochs": "number",
    "seconds": "number",
    "device": "text",
    "sweep": "text",
    "tag": "text",
    "starred": "flag",
    "val": "number",
    "test1": "number",
    "test2": "number",
    "gap": "number",
}


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


def matching(runs: Sequence[RunSnapshot], text: str) -> list[RunSnapshot]:
    """Those of `runs` that the filter `text` means, in their order; all of them for an empty one.

    Raises BadInput, with the place in `text` and the nearest key, for a filter that cannot be read.
    """
    conditions = parse(text, _keys(runs))
    if not conditions:
        return list(runs)
    return [run for run in runs if _holds(conditions, run)]


def _holds(conditions: Sequence[Condition], run: RunSnapshot) -> bool:
    values, texts = fields(run), (run.id, run.head, run.state, *run.tags)
    return all(condition.holds(values, texts) for condition in conditions)


def _keys(runs: Iterable[RunSnapshot]) -> dict[str, Kind]:
    """What a filter may ask of these runs: themselves first, then any setting of any head."""
    from workbench.heads import HEADS
    from workbench.settings import declared

    settings = {name for spec in HEADS.values() for name in declared(spec.Settings)}
    tests: set[str] = set()
    for run in runs:
        settings |= set(run.settings)
        tests |= {*run.tests, *(run.config.tests if run.config else ())}
    keys = dict(OWN)
    for name in sorted(tests):
        keys.setdefault(name, "number")
    for name in sorted(settings):
        keys.setdefault(name, "any")
    return keys


def differences(runs: Sequence[RunSnapshot]) -> Mapping[str, tuple[Any, ...]]:
    """The settings (and `head`) that are not the same for all of `runs`: name -> one value a run, None where it has
    no such setting; in the order in which the runs declare them."""
    settings = [{"head": run.head, **run.settings} for run in runs]
    names = dict.fromkeys(name for one in settings for name in one)
    rows = {name: tuple(one.get(name) for one in settings) for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}
