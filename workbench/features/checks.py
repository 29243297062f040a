"""Data checks: what is wrong or odd about a feature set, why it matters, and what to do.

`quick_checks` needs the manifest, the labels, the paths and each feature's range, all of which ingest wrote, and so is
answered in milliseconds to a second, whatever the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.features.store import TRAIN, FeatureSet, Split

Severity = Literal["wrong", "odd", "fine"]
WIDE_SCALES = 1e3
FEW = 5


@dataclass(frozen=True)
class Check:
    """One finding. `severity`: wrong (results would mislead), odd (look at it), fine (looked at, nothing found)."""

    severity: Severity
    title: str
    saw: str
    why: str = ""
    todo: str = ""


def quick_checks(data: FeatureSet) -> list[Check]:
    """The findings about a feature set, the gravest first."""
    return by_gravity([*_rows(data), *_class_counts(data), *_ranges(data), *_paths(data)])


def by_gravity(found: list[Check]) -> list[Check]:
    """The findings, what is wrong first and what is fine last."""
    order = {"wrong": 0, "odd": 1, "fine": 2}
    return sorted(found, key=lambda check: order[check.severity])


def _rows(data: FeatureSet) -> list[Check]:
    found = []
    dropped = {split.name: split.info.dropped_rows for split in data.splits.values() if split.info.dropped_rows}
    if dropped:
        told = ", ".join(f"{rows:,} of {name}" for name, rows in dropped.items())
        found.append(
            Check(
                "odd",
                "rows left out",
                f"rows with missing, NaN or infinite features were left out: {told}",
                "accuracies are of the rest alone",
                "mend the extraction of the features; NaN often means overflow in half precision",
            )
        )
    else:
        found.append(Check("fine", "finite features", "no NaN and no infinity in any split"))
    rounding = max(split.info.rounding_error for split in data.splits.values())
    if rounding:
        found.append(
            Check(
                "fine",
                "stored as float16",
                f"the largest rounding error is {rounding:.2g}",
                "half the disk and memory, at about three significant digits",
            )
        )
    if len(_tests(data)) < 2:
        found.append(
            Check(
                "odd",
                "test sets",
                f"{len(_tests(data))} test set{'s' if len(_tests(data)) != 1 else ''}",
                "the gap is between two test sets",
                "name two under [features.tests] in workbench.toml, or call the files test1* and test2*",
            )
        )
    return found


def _class_counts(data: FeatureSet) -> list[Check]:
    found = []
    for split in data.splits.values():
        counts = np.array(split.info.class_counts)
        empty = np.flatnonzero(counts == 0)
        if len(empty):
            names = ", ".join(data.classes[i] for i in empty[:FEW]) + (" ..." if len(empty) > FEW else "")
            found.append(
                Check(
                    "odd",
                    f"classes missing from {split.name}",
                    f"{len(empty)} of {len(counts)} classes have no sample: {names}",
                    "accuracy on this split says nothing about them, and splits of other classes do not compare",
                    "check that the split is complete",
                )
            )
    counts = np.array(data.splits[TRAIN].info.class_counts)
    ratio = counts.max() / max(1, counts.min())
    if ratio > 10:
        small = data.classes[int(counts.argmin())]
        found.append(
            Check(
                "odd",
                "class imbalance",
                f"train has {counts.max():,} samples of the largest class and {counts.min():,} of {small}",
                "a head learns the large classes first, and accuracy hides the small ones",
                "look at recall per class on the Confusion screen",
            )
        )
    elif len(counts):
        least, most = f"{counts.min():,}", f"{counts.max():,}"
        told = most if least == most else f"{least} to {most}"
        found.append(Check("fine", "class balance", f"train has {told} samples a class"))
    return found


def _ranges(data: FeatureSet) -> list[Check]:
    ranges = {split.name: split.range for split in data.splits.values()}
    low, high = ranges[TRAIN]
    found = []
    constant = np.flatnonzero(low == high)
    if len(constant):
        found.append(
            Check(
                "odd",
                "constant features",
                f"{len(constant)} of {len(low)} features never change in train: {_names(data, constant)}",
                "they carry nothing, and standardising cannot scale them",
                'leave them out with [features] drop = ["..."], or keep them: they do no harm',
            )
        )
    spread = (high - low)[low < high]
    if len(spread) and spread.max() > WIDE_SCALES * spread.min():
        found.append(
            Check(
                "odd",
                "features on different scales",
                f"ranges in train go from {spread.min():.3g} to {spread.max():.3g}",
                "one learning rate and one weight decay cannot suit all, and distances see the large ones alone",
                "train with transform = standardise",
            )
        )
    for split in _tests(data):
        below, above = ranges[split.name]
        width = np.maximum(high - low, 1e-12)
        far = np.flatnonzero((below < low - width) | (above > high + width))
        if len(far):
            found.append(
                Check(
                    "odd",
                    f"{split.name} beyond train's range",
                    f"{len(far)} features reach more than a whole range of train beyond it: {_names(data, far)}",
                    "features extracted in another way (another crop, precision or normalisation) look just so",
                    "compare the extraction of both; see the features on the Divergence screen",
                )
            )
    return found


def _tests(data: FeatureSet) -> list[Split]:
    return [split for name, split in data.splits.items() if name != TRAIN]


def _names(data: FeatureSet, columns: np.ndarray) -> str:
    return ", ".join(data.feature_names[i] for i in columns[:FEW]) + (" ..." if len(columns) > FEW else "")


def _paths(data: FeatureSet) -> list[Check]:
    found = []
    for split in data.splits.values():
        paths = split.paths
        if paths.null_count() == len(paths):
            continue
        twice = paths.drop_nulls().is_duplicated()
        if twice.any():
            example = paths.drop_nulls().filter(twice)[0]
            found.append(
                Check(
                    "wrong",
                    f"duplicate paths in {split.name}",
                    f"{int(twice.sum()):,} rows share their path with another row, e.g. {example}",
                    "the same sample counted twice weighs twice, and narrows intervals that should be wide",
                    "remove the repeated rows",
                )
            )
    if not found:
        found.append(Check("fine", "paths", "no path stands twice in a split"))
    return found
