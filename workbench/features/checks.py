"""Data checks: errors and warnings about a feature set, why they matter and how to fix them.

`quick_checks` only reads the manifest, labels, paths and feature ranges written by ingest, and so takes at most about a
second, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.features.store import TRAIN, FeatureSet, Split

Severity = Literal["error", "warning", "ok"]
Kind = Literal[
    "dropped rows",
    "rounding",
    "test sets",
    "missing classes",
    "class balance",
    "constant features",
    "scales",
    "range",
    "duplicate paths",
    "labels",
    "leakage",
]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "ok")  # the most severe first
WIDE_SCALES = 1e3
FEW = 5


@dataclass(frozen=True)
class Check:
    """One finding of one kind of check.

    `severity`: error (misleading results), warning (worth checking), ok (no finding). `saw` is the observation,
    `why` why it matters, `todo` how to fix it.
    """

    kind: Kind
    severity: Severity
    title: str
    saw: str
    why: str = ""
    todo: str = ""


def quick_checks(data: FeatureSet) -> list[Check]:
    """The findings about a feature set, the most severe first."""
    return by_severity([*_rows(data), *_class_counts(data), *_ranges(data), *_paths(data)])


def by_severity(checks: Iterable[Check]) -> list[Check]:
    """The checks, errors first and what is ok last; of one severity in the order given."""
    return sorted(checks, key=lambda check: SEVERITIES.index(check.severity))


def _rows(data: FeatureSet) -> list[Check]:
    checks = []
    dropped = {split.name: split.info.dropped_rows for split in data.splits.values() if split.info.dropped_rows}
    if dropped:
        rows = ", ".join(f"{count:,} of {name}" for name, count in dropped.items())
        checks.append(
            Check(
                "dropped rows",
                "warning",
                "dropped rows",
                f"rows with missing, NaN or infinite features were dropped: {rows}",
                "accuracies are computed on the remaining rows",
                "fix the feature extraction; NaN often indicates overflow in half precision",
            )
        )
    else:
        checks.append(Check("dropped rows", "ok", "finite features", "no NaN or infinite values in any split"))
    rounding = max(split.info.rounding_error for split in data.splits.values())
    if rounding:
        checks.append(
            Check(
                "rounding",
                "ok",
                "stored as float16",
                f"the largest rounding error is {rounding:.2g}",
                "half the disk space and memory, with about three significant digits",
            )
        )
    if len(_tests(data)) < 2:
        checks.append(
            Check(
                "test sets",
                "warning",
                "test sets",
                f"{len(_tests(data))} test set{'s' if len(_tests(data)) != 1 else ''}",
                "the accuracy gap is measured between two test sets",
                "set two under [features.tests] in workbench.toml, or name the files test1* and test2*",
            )
        )
    return checks


def _class_counts(data: FeatureSet) -> list[Check]:
    checks = []
    for split in data.splits.values():
        counts = np.array(split.info.class_counts)
        empty = np.flatnonzero(counts == 0)
        if len(empty):
            names = ", ".join(data.classes[i] for i in empty[:FEW]) + (" ..." if len(empty) > FEW else "")
            checks.append(
                Check(
                    "missing classes",
                    "warning",
                    f"classes missing from {split.name}",
                    f"{len(empty)} of {len(counts)} classes have no samples: {names}",
                    "accuracy on this split does not cover them, and splits with different classes are not comparable",
                    "check that the split is complete",
                )
            )
    counts = np.array(data.splits[TRAIN].info.class_counts)
    ratio = counts.max() / max(1, counts.min())
    if ratio > 10:
        small = data.classes[int(counts.argmin())]
        checks.append(
            Check(
                "class balance",
                "warning",
                "class imbalance",
                f"train has {counts.max():,} samples of the largest class and {counts.min():,} of {small}",
                "a head learns the large classes first, and overall accuracy hides errors on the small ones",
                "compare recall per class on the Confusion screen",
            )
        )
    elif len(counts):
        least, most = f"{counts.min():,}", f"{counts.max():,}"
        sizes = most if least == most else f"{least} to {most}"
        checks.append(Check("class balance", "ok", "class balance", f"train has {sizes} samples a class"))
    return checks


def _ranges(data: FeatureSet) -> list[Check]:
    ranges = {split.name: split.range for split in data.splits.values()}
    low, high = ranges[TRAIN]
    checks = []
    constant = np.flatnonzero(low == high)
    if len(constant):
        checks.append(
            Check(
                "constant features",
                "warning",
                "constant features",
                f"{len(constant)} of {len(low)} features are constant in train: {_names(data, constant)}",
                "they carry no information and cannot be standardised",
                'drop them with [features] drop = ["..."], or keep them: they are harmless',
            )
        )
    spread = (high - low)[low < high]
    if len(spread) and spread.max() > WIDE_SCALES * spread.min():
        checks.append(
            Check(
                "scales",
                "warning",
                "features on different scales",
                f"the widths of their ranges in train vary from {spread.min():.3g} to {spread.max():.3g}",
                "no single learning rate and weight decay suits all of them, and the large ones dominate distances",
                "train with transform = standardise",
            )
        )
    for split in _tests(data):
        below, above = ranges[split.name]
        width = np.maximum(high - low, 1e-12)
        far = np.flatnonzero((below < low - width) | (above > high + width))
        if len(far):
            checks.append(
                Check(
                    "range",
                    "warning",
                    f"{split.name} outside the range of train",
                    f"{len(far)} features exceed their range in train by more than its width: {_names(data, far)}",
                    "this is typical of features extracted differently (crop, precision or normalisation)",
                    "compare how both were extracted; see the features on the Divergence screen",
                )
            )
    return checks


def _tests(data: FeatureSet) -> list[Split]:
    return [split for name, split in data.splits.items() if name != TRAIN]


def _names(data: FeatureSet, columns: np.ndarray) -> str:
    return ", ".join(data.feature_names[i] for i in columns[:FEW]) + (" ..." if len(columns) > FEW else "")


def _paths(data: FeatureSet) -> list[Check]:
    checks = []
    for split in data.splits.values():
        paths = split.paths
        if paths.null_count() == len(paths):
            continue
        twice = paths.drop_nulls().is_duplicated()
        if twice.any():
            example = paths.drop_nulls().filter(twice)[0]
            checks.append(
                Check(
                    "duplicate paths",
                    "error",
                    f"duplicate paths in {split.name}",
                    f"{int(twice.sum()):,} rows have the same path as another row, e.g. {example}",
                    "a duplicate counts twice and makes confidence intervals too narrow",
                    "remove the duplicate rows",
                )
            )
    if not checks:
        checks.append(Check("duplicate paths", "ok", "paths", "no duplicate paths within a split"))
    return checks
